"""SVG pictures: nothing overlaps, everything is shown, every text is escaped."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import UsageError
from lamina.workflow.draw.layered import Box, Drawing, Line, to_svg
from lamina.workflow.draw.layout import Layout, Sizes, Spot, layout

SVG = "{http://www.w3.org/2000/svg}"
SIZES = Sizes(lambda box: (60.0 + 7 * len(box.title), 40.0), lambda label: 10.0 + 7 * len(label))


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    count = draw(st.integers(1, 14))
    boxes = tuple(Box(f"n{n}", f"box {n}" * draw(st.integers(1, 3))) for n in range(count))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    lines = tuple(
        Line(f"n{a}", f"n{b}", draw(st.sampled_from(["", "x", "long label"])))
        for a, b in draw(st.lists(pairs, max_size=20))
        if a < b
    )
    return Drawing(boxes, lines, "title")


def apart(one: Spot, other: Spot) -> bool:
    return (
        one.left + one.width <= other.left + 0.01
        or other.left + other.width <= one.left + 0.01
        or one.bottom <= other.y + 0.01
        or other.bottom <= one.y + 0.01
    )


def rectangles(placed: Layout) -> list[Spot]:
    return [*placed.boxes.values(), *(route.label for route in placed.routes if route.label)]


@settings(deadline=None, max_examples=80)
@given(drawings())
def test_no_box_or_label_covers_another(drawing: Drawing) -> None:
    for one, other in combinations(rectangles(layout(drawing, SIZES)), 2):
        assert apart(one, other)


@settings(deadline=None, max_examples=80)
@given(drawings())
def test_no_arrow_runs_through_a_box(drawing: Drawing) -> None:
    placed = layout(drawing, SIZES)
    for route in placed.routes:
        others = [
            s for n, s in placed.boxes.items() if n not in (route.line.source, route.line.target)
        ]
        for x, top, bottom in route.stretches:
            for spot in others:
                beside = x <= spot.left or x >= spot.left + spot.width
                assert beside or bottom <= spot.y + 0.01 or top >= spot.bottom - 0.01


@settings(deadline=None, max_examples=80)
@given(drawings())
def test_arrows_lead_down_from_their_source_to_their_target(drawing: Drawing) -> None:
    placed = layout(drawing, SIZES)
    for route in placed.routes:
        source, target = placed.boxes[route.line.source], placed.boxes[route.line.target]
        first, last = route.stretches[0], route.stretches[-1]
        assert first[1] == source.bottom
        assert last[2] == target.y
        assert abs(first[0] - source.x) <= source.width / 2
        assert abs(last[0] - target.x) <= target.width / 2
        for upper, lower in pairwise(route.stretches):
            assert upper[2] < lower[1]


@settings(deadline=None, max_examples=30)
@given(drawings())
def test_everything_lies_inside_the_picture(drawing: Drawing) -> None:
    placed = layout(drawing, SIZES)
    for spot in rectangles(placed):
        assert spot.left >= -0.01
        assert spot.y >= 0
        assert spot.left + spot.width <= placed.width + 0.01
        assert spot.bottom <= placed.height + 0.01


def chain(*names: str, label: str = "") -> Drawing:
    boxes = tuple(Box(name, name) for name in names)
    lines = tuple(Line(a, b, label) for a, b in pairwise(names))
    return Drawing(boxes, lines)


def test_a_chain_is_one_straight_line() -> None:
    placed = layout(chain("a", "b", "longer name", "d", label="x"), SIZES)
    assert len({round(spot.x, 3) for spot in placed.boxes.values()}) == 1


def test_crossings_that_can_be_avoided_are_avoided() -> None:
    boxes = tuple(Box(name, name) for name in "abcdwxyz")
    lines = (Line("a", "z"), Line("b", "y"), Line("c", "x"), Line("d", "w"))
    placed = layout(Drawing(boxes, lines), SIZES)
    tops = sorted("abcd", key=lambda name: placed.boxes[name].x)
    partner = dict(zip("abcd", "zyxw", strict=True))
    assert sorted("wxyz", key=lambda name: placed.boxes[name].x) == [partner[n] for n in tops]


def test_an_input_stands_next_to_its_first_reader() -> None:
    boxes = tuple(Box(name, name) for name in ("a", "b", "c", "late"))
    lines = (Line("a", "b"), Line("b", "c"), Line("late", "c"))
    placed = layout(Drawing(boxes, lines), SIZES)
    assert placed.boxes["late"].y == placed.boxes["b"].y


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_titles_details_and_labels_are_shown() -> None:
    boxes = (Box("a", "first", "one", "input"), Box("b", "second", "two", "unheard-of"))
    svg = to_svg(Drawing(boxes, (Line("a", "b", "port"),), "The title"))
    assert texts(svg) == ["The title", "first", "one", "second", "two", "port"]


@given(st.text(max_size=30))
def test_any_text_makes_a_well_formed_picture(text: str) -> None:
    svg = to_svg(Drawing((Box("a", text, text), Box("b", "b")), (Line("a", "b", text),), text))
    assert ET.fromstring(svg).tag == f"{SVG}svg"


def test_long_texts_are_cut_and_kept_whole_in_the_tip() -> None:
    svg = to_svg(Drawing((Box("a", "x" * 300),), ()))
    assert max(map(len, texts(svg))) == 46
    assert "x" * 300 in svg


def test_a_picture_needs_nothing_from_outside_and_knows_the_dark() -> None:
    svg = to_svg(chain("a", "b"))
    assert "prefers-color-scheme:dark" in svg
    assert svg.count("http") == svg.count("http://www.w3.org/2000/svg")


def test_an_empty_drawing_is_a_picture_too() -> None:
    assert ET.fromstring(to_svg(Drawing((), ()))).get("role") == "img"


def test_equal_drawings_give_equal_pictures() -> None:
    assert to_svg(chain("a", "b", "c")) == to_svg(chain("a", "b", "c"))


def test_five_hundred_boxes_are_drawn_quickly() -> None:
    boxes = tuple(Box(f"n{n}", f"task {n}") for n in range(500))
    lines = tuple(Line(f"n{(n * 7919) % n}", f"n{n}") for n in range(1, 500))
    assert len(texts(to_svg(Drawing(boxes, lines)))) == 500


@pytest.mark.parametrize(
    ("boxes", "lines", "said"),
    [
        ("aa", (), "two boxes with one id"),
        ("a", (("a", "b"),), "the box 'b', which does not exist"),
        ("ab", (("a", "b"), ("b", "a")), "has a cycle"),
        ("a", (("a", "a"),), "has a cycle"),
    ],
)
def test_a_graph_that_cannot_be_drawn_is_refused(
    boxes: str, lines: tuple[tuple[str, str], ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        Drawing(tuple(Box(name, name) for name in boxes), tuple(Line(a, b) for a, b in lines))
