"""Networks and models by what a person writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.errors import BundleError, DocumentError
from lamina.nets.bundle import Bundle
from lamina.nets.document import network_to_document, write_network
from lamina.nets.initial import initial_weights
from lamina.nets.told import is_dataview_model, told_model, told_network
from lamina.nets.zoo import ZOO

NETWORK = ZOO.get("papers-1")()
PAPERS = '{"LayerArc": {"0": "0,1,1"}, "SavedModel": {"0": {"bias": "[0.5]", "weight": "[2.0]"}}}'


def test_a_network_is_told_by_name_sizes_document_or_file(tmp_path: Path) -> None:
    write_network(NETWORK, tmp_path / "mine.yaml")
    for told in ("papers-1", "mine.yaml", network_to_document(NETWORK)):
        assert told_network(told, tmp_path) == NETWORK
    assert told_network("5-3-1", tmp_path).parameters() == NETWORK.parameters()
    with pytest.raises(DocumentError, match="no such file"):
        told_network("yours.yaml", tmp_path)


def test_a_file_beside_the_document_comes_before_a_name(tmp_path: Path) -> None:
    write_network(ZOO.get("papers-3")(), tmp_path / "papers-1")
    assert told_network("papers-1", tmp_path).name == "papers-3"


def test_a_model_is_told_by_its_file(tmp_path: Path) -> None:
    Bundle(NETWORK, initial_weights(NETWORK, "xavier", 0)).save(tmp_path / "m.lamina")
    (tmp_path / "model@1").write_text(PAPERS)
    assert told_model("m.lamina", tmp_path).network == NETWORK
    assert told_model("model@1", tmp_path).network.parameter_count() == 2
    with pytest.raises(BundleError, match="path of its file"):
        told_model({"a": 1}, tmp_path)


def test_the_papers_models_are_known_by_what_stands_in_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(PAPERS)
    (tmp_path / "b").write_text('{"LayerArc": {}}')
    found = [is_dataview_model(tmp_path / name) for name in ("a", "b", "c", ".")]
    assert found == [True, False, False, False]
