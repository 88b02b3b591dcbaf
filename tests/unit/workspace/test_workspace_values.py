"""Values from what a person types: data sets, files, networks, models, plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import NetworkError, UnknownNameError, UsageError
from lamina.nets.told import is_dataview_model
from lamina.workspace.values import network, table, target_of, value


@pytest.mark.parametrize(
    ("text", "kind", "wanted"),
    [
        ("3", "int", 3),
        ("0.5", "float", 0.5),
        ("true", "bool", True),
        ("a=b", "str", "a=b"),
        ("1,2", "list[int]", [1, 2]),
        ("[1, 2]", "list[int]", [1, 2]),
        ("a, b", "list[str]", ["a", "b"]),
        ('{"a": 1}', "json", {"a": 1}),
        ("x.txt", "file", Path("x.txt")),
        ("x.txt,y.txt", "list[file]", [Path("x.txt"), Path("y.txt")]),
    ],
)
def test_text_becomes_a_value_of_the_inputs_type(text: str, kind: str, wanted: Any) -> None:
    assert value(text, kind) == wanted


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers()))
def test_whole_numbers_come_back(numbers: list[int]) -> None:
    assert value(str(numbers), "list[int]") == numbers


def test_text_that_is_no_value_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be read as int"):
        value("three", "int")


def test_a_name_that_is_neither_a_set_nor_a_file_lists_the_sets() -> None:
    for ask in (table, lambda name: target_of(name, None)):
        with pytest.raises(UnknownNameError) as caught:
            ask("breast-cancr")
        assert "did you mean 'breast-cancer'" in caught.value.way_out


def test_the_target_of_a_named_set_is_known_and_that_of_a_file_is_not() -> None:
    assert target_of("breast-cancer", None) == "label"
    assert target_of("breast-cancer", "mean_area") == "mean_area"
    with pytest.raises(UsageError, match="not known"):
        target_of("rows.csv", None)


def test_a_network_that_does_not_fit_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(
        "lamina: network/1\ninputs: {x: [2]}\n"
        "layers: [{l1: {layer: Linear, in_features: 9, out_features: 1}}]\n",
        encoding="utf-8",
    )
    with pytest.raises(NetworkError, match=r"odd\.yaml: 1 mistake") as caught:
        network(path)
    assert caught.value.way_out


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (b'{"LayerArc": {}, "SavedModel": {}}', True),
        (b'\xef\xbb\xbf\n {"SavedModel": {}}', True),
        (b'{"LayerArc": {}}', False),
        (b"SavedModel", False),
        (b"", False),
        (b"\x80\x04{", False),
    ],
)
def test_model_files_of_the_papers_are_told_by_their_content(
    content: bytes, is_one: bool, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert is_dataview_model(path) is is_one


def test_what_is_no_file_is_no_model_of_the_papers(tmp_path: Path) -> None:
    assert not is_dataview_model(tmp_path)
    assert not is_dataview_model(tmp_path / "nothing")
