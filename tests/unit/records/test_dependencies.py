"""Which units read which."""

from __future__ import annotations

import time
from typing import Any

import pytest

from lamina.records.dependencies import Dependencies, site_of
from lamina.testing.runs import RUNS
from lamina.workflow.log import AttemptEnded, TaskReused, TaskSkipped


def known(kind: str) -> dict[str, list[str]]:
    made = RUNS[kind]()
    units = [e.task for e in made.events if isinstance(e, AttemptEnded | TaskReused | TaskSkipped)]
    expansions = {
        e.task: e.expansion["workflow"]
        for e in made.events
        if isinstance(e, AttemptEnded) and e.expansion
    }
    return dict(Dependencies(made.record.document, units, expansions))


def test_a_scatter_reads_what_is_before_it_and_a_join_reads_all_items() -> None:
    found = known("scatter")
    assert found["count[5]"] == ["split"]
    assert sorted(found["shuffle"]) == [f"count[{n}]" for n in range(8)]
    assert found["join"] == ["shuffle", "split"]
    assert found["split"] == []


def test_a_workflow_inside_is_read_through_its_ports() -> None:
    found = known("nested")
    assert found["each[1]/clean"] == ["split"]
    assert found["each[1]/measure"] == ["each[1]/clean"]
    assert found["join"] == [f"each[{n}]/measure" for n in range(3)]


def test_a_turn_of_a_loop_reads_the_turn_before_and_the_reader_reads_the_last() -> None:
    found = known("looped")
    assert found["loop#0/assign"] == ["start"]
    assert found["loop#2/assign"] == ["loop#1/move"]
    assert found["choose/draw"] == ["start", "loop#2/move"]


def test_tasks_that_a_task_decided_on_wait_for_it() -> None:
    found = known("expanded")
    assert found["decide/left"] == ["decide"]
    assert set(found["use"]) == {"decide", "decide/left", "decide/right"}


def chained(parts: int, **second: Any) -> tuple[dict[str, Any], list[str]]:
    document = {
        "tasks": {
            "a": {"in": {"x": "numbers"}, "scatter": ["x"]},
            "b": {"in": {"y": "a.result"}, **second},
        }
    }
    return document, [f"{name}[{n}]" for name in "ab" for n in range(parts)]


def test_a_scatter_over_a_scatter_reads_item_by_item() -> None:
    document, units = chained(4, scatter=["y"])
    assert Dependencies(document, units)["b[3]"] == ["a[3]"]


def test_a_port_that_is_not_scattered_reads_every_item() -> None:
    document, units = chained(4, scatter=["z"])
    assert Dependencies(document, units)["b[3]"] == [f"a[{n}]" for n in range(4)]


def test_a_workflow_in_a_file_is_read_when_somebody_can_read_it() -> None:
    document = {
        "tasks": {
            "inner": {"do": "workflow", "file": "inner.yaml", "in": {"x": "first.result"}},
            "first": {},
            "last": {"in": {"x": "inner.out"}},
        }
    }
    body = {
        "tasks": {"p": {"in": {"a": "x"}}, "q": {"in": {"a": "p.result"}}},
        "outputs": {"out": "p.result"},
    }
    units = ["first", "inner/p", "inner/q", "last"]
    told = Dependencies(document, units, read={"inner.yaml": body}.get)
    assert (told["inner/p"], told["inner/q"], told["last"]) == (["first"], ["inner/p"], ["inner/p"])
    untold = Dependencies(document, units)
    assert untold["inner/q"] == ["first"]
    assert untold["last"] == ["inner/p", "inner/q"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"tasks": None},
        {"tasks": {"a": None, "b": {"in": None}}},
        {"tasks": {"a": {"in": {"x": "b"}}, "b": {"in": {"x": "a"}}}},
        {"tasks": {"a": {"in": {"x": ["gone.port", "missing"]}}}},
    ],
)
def test_documents_with_holes_and_circles_are_borne(document: dict[str, Any]) -> None:
    found = Dependencies(document, ["a", "b", "c[1]", "d#2/e", "f/g/h"])
    assert len(found) == len(dict(found)) == 5
    with pytest.raises(KeyError):
        found["nowhere"]


def test_many_items_are_unfolded_in_time() -> None:
    document, units = chained(20_000, scatter=["y"])
    begin = time.process_time()
    found = Dependencies(document, units)
    assert sum(map(len, found.values())) == 20_000
    assert time.process_time() - begin < 5


def test_children_are_the_reverse() -> None:
    document, units = chained(3, scatter=["y"])
    assert Dependencies(document, units).children() == {f"a[{n}]": [f"b[{n}]"] for n in range(3)}


def test_a_site_is_the_unit_without_its_own_item() -> None:
    assert [site_of(u) for u in ("a", "a[3]", "b[1]/a[3]", "b[1]/a")] == [
        "a",
        "a",
        "b[1]/a",
        "b[1]/a",
    ]
