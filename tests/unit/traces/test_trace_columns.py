"""A trace behind a document: whole and exact, as long as the document is the one it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lamina.traces.columns import trace_behind
from lamina.traces.trace import Trace
from lamina.traces.writers import WRITERS
from lamina.workspace.traces import one_trace

TRACES = Path(__file__).resolve().parents[2] / "golden" / "traces"
FORMS = ("chrome", "wfformat")


@pytest.fixture
def trace() -> Trace:
    return one_trace(str(TRACES / "pegasus"))


def written(trace: Trace, form: str, folder: Path) -> Path:
    target = folder / f"{form}.json"
    WRITERS.get(form)().write([trace], target)
    return target


def columns(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(place.read_text())["lamina"]
    return found


@pytest.mark.parametrize("form", FORMS)
def test_what_was_written_is_read_back_to_the_last_digit(
    form: str, trace: Trace, tmp_path: Path
) -> None:
    back = one_trace(str(written(trace, form, tmp_path)))
    assert back.attempts == trace.attempts
    assert back.sessions == trace.sessions
    assert {one: list(back.parents[one]) for one in back.last} == {
        one: list(trace.parents[one]) for one in trace.last
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_document_that_was_changed_is_read_itself(
    form: str, trace: Trace, tmp_path: Path
) -> None:
    place = written(trace, form, tmp_path)
    assert trace_behind(place.read_bytes()) is not None
    job, text = next(iter(trace.last)), place.read_text()
    body, mark, behind = text.rpartition(',\n "lamina"')
    place.write_text(body.replace(job, "another") + mark + behind)
    assert trace_behind(place.read_bytes()) is None
    assert "another" in one_trace(str(place)).last


@pytest.mark.parametrize("form", FORMS)
def test_without_its_columns_a_document_tells_the_same_phases(
    form: str, trace: Trace, tmp_path: Path
) -> None:
    place = written(trace, form, tmp_path)
    whole = one_trace(str(place))
    place.write_text(place.read_text().rpartition(',\n "lamina"')[0] + "\n}\n")
    assert trace_behind(place.read_bytes()) is None
    bare = {(one.task, one.number): one for one in one_trace(str(place)).attempts}
    assert len(bare) == len(whole.attempts)
    for one in whole.attempts:
        other = bare[one.task, one.number]
        assert [phase.name for phase in other.phases] == [phase.name for phase in one.phases]
        for here, there in zip(other.phases, one.phases, strict=True):
            assert here[1:] == pytest.approx(there[1:], abs=1e-5)


def shorter(told: dict[str, Any]) -> None:
    told["spans"].pop()


def turned(told: dict[str, Any]) -> None:
    told["spans"][:2] = told["spans"][1::-1]


def endless(told: dict[str, Any]) -> None:
    told["attempts"]["end"][0] = float("inf")


def unknown(told: dict[str, Any]) -> None:
    told["attempts"]["status"][0] = "well"


def mixed(told: dict[str, Any]) -> None:
    told["attempts"]["task"][0] = 7


def nowhere(told: dict[str, Any]) -> None:
    told["shapes"] = []


def overlapping(told: dict[str, Any]) -> None:
    told["sessions"] = [told["sessions"][0], told["sessions"][0]]


@pytest.mark.parametrize("spoil", [shorter, turned, endless, unknown, mixed, nowhere, overlapping])
def test_columns_that_cannot_be_true_are_passed_over(
    spoil: Callable[[dict[str, Any]], None], trace: Trace, tmp_path: Path
) -> None:
    place = written(trace, "chrome", tmp_path)
    body, mark, _ = place.read_text().rpartition(',\n "lamina"')
    told = columns(place)
    crc = told.pop("crc32")
    spoil(told)
    spoiled = json.dumps(told)[1:]
    place.write_text(f'{body}{mark}: {{\n  "crc32": {crc},{spoiled}\n}}\n')
    assert trace_behind(place.read_bytes()) is None
    assert len(one_trace(str(place)).last) == len(trace.last)


def test_secrets_are_hidden_in_the_columns_too(trace: Trace, tmp_path: Path) -> None:
    first, *others = trace.attempts
    told = replace(first, status="failed", error={"cause": "login failed: password=swordfish"})
    place = written(replace(trace, attempts=(told, *others)), "chrome", tmp_path)
    assert "swordfish" not in place.read_text()
    assert "login failed" in place.read_text()
