"""Gantt charts as SVG."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from lamina.testing.runs import RUNS, many
from lamina.traces.gantt.rows import title_of
from lamina.traces.gantt.svg import gantt_svg
from lamina.traces.reading import trace_of
from lamina.traces.report.columns import columns_of

NAMESPACE = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("kind", RUNS)
def test_the_picture_is_xml_without_scripts_and_without_addresses(kind: str) -> None:
    made = RUNS[kind]()
    text = gantt_svg(trace_of(made.record, made.events))
    root = ElementTree.fromstring(text)
    tags = {element.tag.removeprefix(NAMESPACE) for element in root.iter()}
    assert tags <= {"svg", "title", "style", "rect", "text", "path", "g"}
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_nothing_is_drawn_outside_of_the_picture() -> None:
    made = RUNS["retried"]()
    root = ElementTree.fromstring(gantt_svg(trace_of(made.record, made.events)))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for box in root.iter(f"{NAMESPACE}rect"):
        x, y = float(box.get("x", 0)), float(box.get("y", 0))
        assert x >= -1
        assert x + float(box.attrib["width"]) <= width
        assert y >= -1
        assert y + float(box.attrib["height"]) <= height


def test_the_outline_is_explained() -> None:
    made = RUNS["retried"]()
    found = trace_of(made.record, made.events)
    texts = [element.text for element in ElementTree.fromstring(gantt_svg(found)).iter()]
    assert texts.count("critical path") == 1
    large = many(10_000)
    assert "critical path" in gantt_svg(trace_of(large.record, large.events))


def test_nothing_is_outlined_where_nobody_knows_what_waited_for_what() -> None:
    made = RUNS["retried"]()
    found = replace(trace_of(made.record, made.events), parents={})
    assert "critical path" not in gantt_svg(found)
    assert columns_of(found)["critical"] == []


def test_a_picture_says_that_it_leaves_tasks_out() -> None:
    made = RUNS["nested"]()
    found = trace_of(made.record, made.events)
    assert " · 4 rows and 4 more tasks that took less time</text>" in gantt_svg(found, rows=4)
    assert "more tasks" not in gantt_svg(found)


def test_two_pictures_of_one_page_do_not_share_a_style() -> None:
    made = RUNS["scatter"]()
    found = trace_of(made.record, made.events)
    first, second = (ElementTree.fromstring(found._repr_html_()).get("class") for _ in range(2))
    assert first != second


def test_ten_thousand_attempts_make_a_small_picture() -> None:
    made = many(10_000)
    text = gantt_svg(trace_of(made.record, made.events))
    assert "count x9997" in text
    assert len(text) < 60_000


def test_the_legend_names_no_phase_of_results_that_were_reused() -> None:
    made = RUNS["all_reused"]()
    assert 'class="run"' not in gantt_svg(trace_of(made.record, made.events))


@pytest.mark.parametrize(
    "task",
    [
        "NFCORE_BACASS.BACASS.GET_SOFTWARE",
        "pegasus-plan_diamond_subworkflow",
        "mammoth_mmm_MMM_WWW_ww",
    ],
)
@pytest.mark.parametrize("kind", ["retried", "failed"])
def test_the_beginning_of_a_name_is_not_cut_off_by_the_edge(task: str, kind: str) -> None:
    font_manager = pytest.importorskip(
        "matplotlib.font_manager", reason="no matplotlib: pip install 'lamina[pictures]'"
    )
    textpath = pytest.importorskip(
        "matplotlib.textpath", reason="no matplotlib: pip install 'lamina[pictures]'"
    )
    made = RUNS[kind]()
    found = trace_of(made.record, made.events)
    named = replace(found, attempts=tuple(replace(one, task=task) for one in found.attempts))
    for text in ElementTree.fromstring(gantt_svg(named)).iter(f"{NAMESPACE}text"):
        style = text.get("class", "").split()
        if "name" in style:
            weight = "bold" if "bad" in style else "normal"
            font = font_manager.FontProperties(family="DejaVu Sans", weight=weight, size=11)
            wide = textpath.TextPath((0, 0), text.text, prop=font).get_extents().width
            assert float(text.attrib["x"]) - wide >= 0


def test_a_long_note_behind_the_last_bar_is_told_whole() -> None:
    made = RUNS["retried"]()
    found = trace_of(made.record, made.events)
    last = max(found.attempts, key=lambda one: one.end)
    ended = replace(last, status="failed", exit=2, number=2, reason="a lost worker")
    told = replace(found, attempts=(*(one for one in found.attempts if one is not last), ended))
    assert "failed, exit 2, a lost worker" in gantt_svg(told)


def test_one_task_is_one_task() -> None:
    made = RUNS["retried"]()
    found = trace_of(made.record, made.events)
    assert " · 1 task · " in title_of(replace(found, attempts=found.attempts[:1]))
