"""The report's page: one file, its data inside, nothing of a user's in its source."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.testing.runs import RUNS, many
from lamina.traces.reading import trace_of
from lamina.traces.report.columns import TICKS, columns_of
from lamina.traces.report.page import Surroundings, Value, json_for_page, report_html
from lamina.workflow.log import AttemptEnded


class Page(HTMLParser):
    """What a browser would see: tags, and the texts of the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "script"
        if self._inside:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts[-1] += data

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


def page(kind: str, around: Surroundings | None = None) -> Page:
    made = RUNS[kind]()
    return Page(report_html(trace_of(made.record, made.events), around))


@pytest.mark.parametrize("kind", RUNS)
def test_every_report_has_the_same_elements_whatever_its_run_holds(kind: str) -> None:
    found = page(kind)
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in page("chain").tags]
    assert len(found.scripts) == 2
    assert len({len(found.data["attempts"][key]) for key in ("task", "begin", "end")}) == 1


@pytest.mark.parametrize("kind", RUNS)
def test_a_report_names_no_address(kind: str) -> None:
    made = RUNS[kind]()
    text = report_html(trace_of(made.record, made.events))
    assert not re.search(
        r"https?://|\bsrc=\"|\bhref=\"(?!#)|@import|url\(", text.replace("\\u003c", "")
    )
    assert "default-src 'none'" in text


def test_hostile_names_are_data_and_nothing_else() -> None:
    made = RUNS["hostile"]()
    text = report_html(trace_of(made.record, made.events))
    assert "<img" not in text
    assert "</script><" not in text
    assert "<b>bold" not in text
    assert "</script><img src=x onerror=alert(1)>" in Page(text).data["tasks"]


@given(st.recursive(st.text() | st.characters(codec=None), st.lists, max_leaves=5))
def test_data_cannot_end_its_script(value: Any) -> None:
    text = json_for_page(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value
    text.encode("utf-8")


def test_the_policy_allows_the_script_of_the_page_only() -> None:
    found = page("chain")
    (policy,) = [
        attributes["content"]
        for tag, attributes in found.tags
        if tag == "meta" and attributes.get("http-equiv")
    ]
    assert policy is not None
    digest = hashlib.sha256(found.scripts[1].encode()).digest()
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}';" in policy


def test_values_and_facts_are_shown() -> None:
    value = Value("text", "file", 12, "ab" * 32, "text.txt")
    found = page(
        "chain", Surroundings((value,), (), {"Run": {"host": "node-7"}}, "", "brave-otter")
    )
    assert found.data["inputs"] == [vars(value)]
    assert found.data["facts"] == {"Run": {"host": "node-7"}}
    assert found.data["head"]["command"] == "brave-otter"


def test_a_drawing_stands_in_the_page_as_it_is() -> None:
    made = RUNS["chain"]()
    text = report_html(
        trace_of(made.record, made.events), Surroundings(drawing="<svg><g>%%DATA%%</g></svg>")
    )
    assert "<svg><g>%%DATA%%</g></svg>" in text


def test_columns_tell_times_that_add_up() -> None:
    made = RUNS["retried"]()
    found = trace_of(made.record, made.events)
    told = columns_of(found)["attempts"]
    for index, attempt in enumerate(found.attempts):
        ready = told["ready"][index]
        assert ready == pytest.approx((attempt.ready - found.begin) * TICKS, abs=1)
        end = ready + told["begin"][index] + told["end"][index]
        assert end == pytest.approx((attempt.end - found.begin) * TICKS, abs=2)
    assert len(told["spans"]) == 3 * sum(told["count"])


def test_the_times_of_many_short_tasks_add_up() -> None:
    made = many(1000)
    events = [
        replace(event, usage={"cpu": 0.00042}) if isinstance(event, AttemptEnded) else event
        for event in made.events
    ]
    told = columns_of(trace_of(made.record, events))["attempts"]["cpu"]
    assert sum(told) == pytest.approx(0.00042 * len(told))


def test_failures_come_with_their_cause_and_last_lines() -> None:
    made = RUNS["failed"]()
    found = columns_of(trace_of(made.record, made.events))
    (more,) = [entry for entry in found["more"].values() if "error" in entry]
    assert more["error"]["cause"].startswith("its own error")
    assert more["last"][-1] == "ValueError: the third is empty"
    assert more["exit"] == 1
    assert found["skipped"] == [
        ["shuffle", "its input count[2] failed"],
        ["join", "its input shuffle failed"],
    ]


def test_curves_are_of_what_changes_over_epochs() -> None:
    made = RUNS["chain"]()
    (curve,) = columns_of(trace_of(made.record, made.events))["curves"]
    assert (curve["task"], curve["over"]) == ("train", "epoch")
    assert list(curve["series"]) == ["loss"]
    assert curve["x"] == list(range(1, 21))


def test_ten_thousand_tasks_fit_into_a_small_page() -> None:
    made = many(10_000)
    text = report_html(trace_of(made.record, made.events))
    assert len(text) < 2_000_000
