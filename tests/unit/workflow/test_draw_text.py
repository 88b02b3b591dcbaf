"""Drawings for the terminal and for Markdown pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.workflow.draw.layered import Box, Drawing, Line, to_mermaid, to_text


def drawing(*lines: str, title: str = "") -> Drawing:
    pairs = [line.split() for line in lines]
    names = dict.fromkeys(name for pair in pairs for name in pair)
    boxes = tuple(Box(name, name) for name in names)
    return Drawing(boxes, tuple(Line(a, b) for a, b in pairs), title)


def test_a_chain_is_one_lane() -> None:
    assert to_text(drawing("a b", "b c", title="t")) == "t\n\n●  a\n●  b  ← a\n●  c  ← b\n"


def test_lanes_split_and_meet() -> None:
    assert to_text(drawing("a b", "a c", "b d", "c d")) == (
        "●    a\n├─●  b  ← a\n● │  c  ← a\n●─╯  d  ← b, c\n"
    )


def test_a_lane_that_is_only_crossed_is_not_joined() -> None:
    boxes = tuple(Box(name, name) for name in "abcde")
    lines = (Line("a", "d"), Line("b", "e"), Line("c", "d"), Line("a", "e"))
    assert to_text(Drawing(boxes, lines)).splitlines()[-2:] == [
        "├─│─●  d  ← a, c",
        "●─╯    e  ← b, a",
    ]


def test_boxes_that_have_no_reader_do_not_touch_the_next() -> None:
    made = Drawing((Box("a", "a"), Box("b", "b")), ())
    assert to_text(made) == "●    a\n  ●  b\n"


def test_details_and_labels_stand_beside() -> None:
    made = Drawing(
        (Box("a", "read", "a file"), Box("b", "sort", "by\nsize")), (Line("a", "b", "x → y"),)
    )
    assert to_text(made) == "●  read  a file\n●  sort  by size  ← read (x → y)\n"


def test_with_too_many_lanes_the_sources_are_only_named() -> None:
    made = drawing(*(f"s{n} end" for n in range(50)))
    assert max(line.index("●") for line in to_text(made).splitlines()) == 0
    assert "s49" in to_text(made).splitlines()[-1]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_every_box_has_one_row_below_its_sources(pairs: list[tuple[int, int]]) -> None:
    boxes = tuple(Box(f"n{n}", f"n{n}") for n in range(10))
    made = Drawing(boxes, tuple(Line(f"n{a}", f"n{b}") for a, b in pairs if a < b))
    rows = to_text(made).splitlines()
    place = {row.partition("n")[2][0]: number for number, row in enumerate(rows)}
    assert len(rows) == 10
    assert all(row.count("●") == 1 for row in rows)
    for line in made.edges:
        assert place[line.source[1:]] < place[line.target[1:]]


def test_mermaid_names_boxes_by_number_and_shows_labels() -> None:
    made = Drawing(
        (Box("x", "data", "table", "input"), Box("y", "sort", "", "command")),
        (Line("x", "y", "port"), Line("x", "y")),
        "The title",
    )
    assert to_mermaid(made) == (
        '---\ntitle: "The title"\n---\nflowchart TD\n'
        '  n0(["data<br/><small>table</small>"])\n'
        '  n1[/"sort"/]\n'
        '  n0 -->|"port"| n1\n'
        "  n0 --> n1\n"
    )


@pytest.mark.parametrize("text", ['a"]b', "a --> b", "`x`", "<script>", "#35;", "a\nb", "end", "|"])
def test_mermaid_escapes_what_it_would_read(text: str) -> None:
    made = Drawing((Box("a", text), Box("b", "b")), (Line("a", "b", text),), text)
    body = to_mermaid(made).split("flowchart TD\n")[1].splitlines()
    assert len(body) == 3
    inside = body[0].removeprefix('  n0["').removesuffix('"]')
    assert not set(inside) & set('"<>`\\')
    assert body[2].count('"') == 2
