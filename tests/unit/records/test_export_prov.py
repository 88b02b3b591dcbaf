"""PROV-JSON, read back with the library that wrote the format's first implementation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lamina.records.exports.prov import document_of
from lamina.testing.exporters import KINDS, made

model = pytest.importorskip("prov.model", reason="no prov: pip install 'lamina[dev]'")


def read(kind: str) -> Any:
    text = json.dumps(document_of(made(kind)))
    return model.ProvDocument.deserialize(content=text, format="json")


@pytest.mark.parametrize("kind", KINDS)
def test_documents_are_read_and_written_again_unchanged(kind: str) -> None:
    found = read(kind)
    again = model.ProvDocument.deserialize(content=found.serialize(format="json"), format="json")
    assert found == again
    assert found.get_records(model.ProvActivity)


@pytest.mark.parametrize("kind", KINDS)
def test_relations_lead_to_what_is_there(kind: str) -> None:
    document = document_of(made(kind))
    known = {name for part in ("entity", "activity", "agent") for name in document.get(part, {})}
    for part, relations in document.items():
        if part in ("prefix", "entity", "activity", "agent"):
            continue
        for relation in relations.values():
            for key, value in relation.items():
                if key not in ("prov:time", "prov:role"):
                    assert value in known, (part, key, value)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_generated_at_most_once(kind: str) -> None:
    made_by = [r["prov:entity"] for r in document_of(made(kind)).get("wasGeneratedBy", {}).values()]
    assert len(made_by) == len(set(made_by))


def test_the_way_of_a_value_is_told() -> None:
    document = document_of(made("scatter"))
    (made_by,) = [
        r for r in document["wasGeneratedBy"].values() if "/output/join~1/" in r["prov:entity"]
    ]
    used = [
        r["prov:entity"]
        for r in document["used"].values()
        if r["prov:activity"] == made_by["prov:activity"]
    ]
    assert any("/output/shuffle~1/" in entity for entity in used)
    assert any("/output/split~1/" in entity for entity in used)
    join = document["activity"][made_by["prov:activity"]]
    assert join["lamina:status"] == "succeeded"
    assert join["prov:startTime"] < join["prov:endTime"]


def test_agents_are_the_engine_and_its_user() -> None:
    document = document_of(made("chain"))
    assert document["agent"]["user:ada"]["prov:label"] == "ada"
    (acted,) = document["actedOnBehalfOf"].values()
    assert acted == {"prov:delegate": "lamina:engine", "prov:responsible": "user:ada"}


def test_a_reused_result_comes_from_the_run_that_made_it() -> None:
    document = document_of(made("reused"))
    sources = {r["prov:activity"] for r in document["wasGeneratedBy"].values()}
    assert "run:0badc0ffee" in sources
