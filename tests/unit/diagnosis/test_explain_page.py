"""The report of a diagnosis: one page, names as data only, findings marked on the chart."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from lamina.diagnosis.explain.beside import Beside, Strangeness
from lamina.diagnosis.explain.explaining import explain
from lamina.diagnosis.explain.explanation import Salient
from lamina.diagnosis.explain.page import explanation_html, marks_of, norms_of
from lamina.diagnosis.jobs.detector import JobVerdict
from lamina.diagnosis.novelty.base import Reason
from lamina.diagnosis.runs import run_of
from lamina.diagnosis.usual import usual_of
from lamina.testing.disturbed import made_runs
from lamina.testing.runs import RUNS
from lamina.traces.gantt.palette import LOOKS
from lamina.traces.reading import trace_of
from lamina.traces.trace import Trace

PLACE = {name: place for place, name in enumerate(LOOKS)}


def recorded(kind: str) -> Trace:
    made = RUNS[kind]()
    return trace_of(made.record, made.events)


def data_of(page: str) -> Any:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


@pytest.mark.parametrize("kind", RUNS)
def test_every_run_has_a_page_that_names_no_address(kind: str) -> None:
    trace = recorded(kind)
    page = explanation_html(trace, explain(run_of(trace), trace=trace), name=trace.name)
    bare = page.replace("\\u003c", "")
    assert not re.search(r"https?://|\bsrc=\"|\bhref=\"(?!#)|@import|url\(", bare)
    assert "default-src 'none'" in page
    assert data_of(page)["added"]["name"] == trace.name


def test_hostile_names_are_data_and_nothing_else() -> None:
    trace = recorded("hostile")
    told = explain(run_of(trace), trace=trace)
    told = replace(told, headline="<img src=x onerror=alert(1)>", share="</script><script>")
    page = explanation_html(trace, told, name="</script><script>alert(2)</script>")
    assert "<img" not in page and "alert(2)</script>" not in page
    assert page.count("</script>") == 2
    assert data_of(page)["added"]["headline"].startswith("<img")


def test_how_strange_a_run_is_and_its_jobs_stand_on_the_page_as_data() -> None:
    trace = recorded("scatter")
    jobs = (JobVerdict("<b>first</b>", 0.9, "hdd", 0.8), JobVerdict("second", 0.1, "cpu", 0.06))
    why = Reason("<i>kind</i>", "run", ("second",), 4.0, 2.0, 1.0)
    beside = Beside(Strangeness(3.0, 2.0, 0.05, 12, (why,)), jobs)
    page = explanation_html(trace, explain(run_of(trace), trace=trace), beside=beside)
    added = data_of(page)["added"]
    assert added["novelty"]["strange"] and added["novelty"]["reasons"][0]["phase"] == "run"
    assert [one["probability"] for one in added["jobs"]] == [0.9, 0.1]
    assert added["sure"] == 0.5
    assert "<b>first" not in page and "<i>kind" not in page


def test_findings_and_what_the_answer_rests_on_are_marked_at_their_phases() -> None:
    trace = recorded("failed")
    told = explain(run_of(trace), trace=trace)
    rests = Salient("stage_in", "count", ("count[0]", "count[1]"), 0.5, 2.0, 1.0)
    marks = marks_of(trace, replace(told, saliency=(rests,)))
    at = {one.task: str(n) for n, one in enumerate(trace.attempts)}
    assert (PLACE["run"], 1, 0.0) in marks[at["count[2]"]]
    assert (PLACE["queue"], 2, 0.0) in marks[at["count[3]"]]
    assert marks[at["count[0]"]] == [(PLACE["stage_in"], 0, 1.0)]


def test_what_is_usual_is_drawn_below_the_bars() -> None:
    usual = usual_of(made_runs(6))
    norms = norms_of(usual)
    told = norms.tasks["report_0"]
    assert told.count == 6
    assert told.seconds == pytest.approx(
        sum(told.phases[name] for name in ("stage_in", "run", "stage_out"))
    )
    assert norms.types["count"].phases["run"] == pytest.approx(90, rel=0.1)
