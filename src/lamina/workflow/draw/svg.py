"""A drawing as one self-contained SVG picture that reads on light and dark screens."""

from __future__ import annotations

import unicodedata
from html import escape
from typing import NamedTuple

from lamina.workflow.draw.boxes import Box, Drawing
from lamina.workflow.draw.layout import Layout, Route, Sizes, Spot, layout

_MARGIN = 28.0
_TITLE_SIZE, _DETAIL_SIZE, _LABEL_SIZE, _HEAD_SIZE = 13.0, 11.0, 10.5, 16.0
_LONGEST = 46
_FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


class _Tint(NamedTuple):
    """Colours of one kind of box: fill and outline, on light and on dark paper."""

    fill: str
    edge: str
    dark_fill: str
    dark_edge: str


_TINTS = {
    "plain": _Tint("#ffffff", "#8590a2", "#232a35", "#8793a6"),
    "teal": _Tint("#e2f4f1", "#2b8f86", "#12332f", "#4fb8ac"),
    "amber": _Tint("#fdf2de", "#bd8519", "#382b12", "#d8a545"),
    "blue": _Tint("#e7f0fc", "#3f74c0", "#182a45", "#76a3e4"),
    "olive": _Tint("#f0f2e2", "#76873a", "#2a2f19", "#a8b76a"),
    "violet": _Tint("#f0ebfb", "#7557c0", "#2a2243", "#a68fe4"),
    "rose": _Tint("#fceaf0", "#bd4875", "#3d1a29", "#e37fa6"),
    "grey": _Tint("#eef0f3", "#79828f", "#2b313a", "#98a1ae"),
}
_KINDS = {
    "input": "teal",
    "data": "teal",
    "output": "amber",
    "python": "blue",
    "command": "olive",
    "workflow": "violet",
    "network": "violet",
    "layer": "violet",
    "model": "rose",
    "activation": "amber",
    "norm": "teal",
    "pool": "olive",
    "merge": "grey",
    "shape": "grey",
}
_ROUND = {"input", "output", "activation"}


def to_svg(drawing: Drawing) -> str:
    """The drawing as SVG text: layers from top to bottom, in pixels, no outside resources.

    The picture paints its own paper and follows the reader's colour scheme.
    """
    placed = layout(drawing, Sizes(_box_size, lambda text: _width(text, _LABEL_SIZE) + 14))
    head = _HEAD_SIZE + 20 if drawing.title else 0.0
    width = max(placed.width, _width(drawing.title, _HEAD_SIZE, bold=True)) + 2 * _MARGIN
    height = placed.height + 2 * _MARGIN + head
    boxes = {box.id: box for box in drawing.nodes}
    left = (width - placed.width) / 2
    body = [*_arrows(placed), *(_box(boxes[name], spot) for name, spot in placed.boxes.items())]
    body += [_chip(route) for route in placed.routes if route.label]
    title = _shown(drawing.title, 2 * _LONGEST)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" '
            f'width="{_n(width)}" height="{_n(height)}" role="img" class="lamina-drawing">',
            f"<title>{_text(drawing.title or 'graph')}</title>",
            f"<style>{_style({_tint_name(box.kind) for box in drawing.nodes})}</style>",
            f'<rect class="paper" width="{_n(width)}" height="{_n(height)}" rx="10"/>',
            *(
                [f'<text class="head" x="{_n(_MARGIN)}" y="{_n(_MARGIN + 12)}">{title}</text>']
                if drawing.title
                else []
            ),
            f'<g transform="translate({_n(left)} {_n(_MARGIN + head)})">',
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _box_size(box: Box) -> tuple[float, float]:
    title = _width(_clipped(box.title, _LONGEST), _TITLE_SIZE, bold=True)
    detail = _width(_clipped(box.detail, _LONGEST), _DETAIL_SIZE)
    return max(title, detail, 56.0) + 28, 46.0 if box.detail else 32.0


def _box(box: Box, spot: Spot) -> str:
    corner = spot.height / 2 if box.kind in _ROUND else 7.0
    shape = (
        f'<rect class="box {_tint_name(box.kind)}" x="{_n(spot.left)}" y="{_n(spot.y)}" '
        f'width="{_n(spot.width)}" height="{_n(spot.height)}" rx="{_n(min(corner, 18))}"/>'
    )
    first = spot.y + (19.0 if box.detail else 20.5)
    texts = f'<text class="name" x="{_n(spot.x)}" y="{_n(first)}">{_shown(box.title)}</text>'
    if box.detail:
        second = first + 16
        texts += (
            f'<text class="detail" x="{_n(spot.x)}" y="{_n(second)}">{_shown(box.detail)}</text>'
        )
    full = _text(f"{box.title} · {box.detail}" if box.detail else box.title)
    return f'<g class="node"><title>{full}</title>{shape}{texts}</g>'


def _arrows(placed: Layout) -> list[str]:
    return [f'<path class="line" d="{_curve(route)}"/>' for route in placed.routes] + [
        f'<path class="tip" d="{_tip(route)}"/>' for route in placed.routes
    ]


def _curve(route: Route) -> str:
    x, top, bottom = route.stretches[0]
    path = [f"M{_n(x)} {_n(top)}"]
    if bottom > top:
        path.append(f"V{_n(bottom)}")
    y = bottom
    last = len(route.stretches) - 1
    for number, (next_x, top, bottom) in enumerate(route.stretches[1:], start=1):
        middle = (y + top) / 2
        if abs(next_x - x) < 0.05:
            path.append(f"V{_n(top)}")
        else:
            path.append(f"C{_n(x)} {_n(middle)} {_n(next_x)} {_n(middle)} {_n(next_x)} {_n(top)}")
        end = bottom - 5 if number == last else bottom
        if end > top:
            path.append(f"V{_n(end)}")
        x, y = next_x, bottom
    return "".join(path)


def _tip(route: Route) -> str:
    x, _, y = route.stretches[-1]
    return f"M{_n(x)} {_n(y)}l-4 -8l4 2l4 -2z"


def _chip(route: Route) -> str:
    spot = route.label
    assert spot is not None
    return (
        f'<rect class="chip" x="{_n(spot.left)}" y="{_n(spot.y)}" width="{_n(spot.width)}" '
        f'height="{_n(spot.height)}" rx="{_n(spot.height / 2)}"/>'
        f'<text class="label" x="{_n(spot.x)}" y="{_n(spot.y + 12.8)}">'
        f"{_shown(route.line.label)}</text>"
    )


def _tint_name(kind: str) -> str:
    return _KINDS.get(kind, "plain")


def _style(tints: set[str]) -> str:
    here = ".lamina-drawing "
    light = {
        "text": f"font-family:{_FONT};text-anchor:middle;fill:#1f2630",
        ".head": f"font-size:{_HEAD_SIZE}px;font-weight:600;text-anchor:start",
        ".name": f"font-size:{_TITLE_SIZE}px;font-weight:600",
        ".detail": f"font-size:{_DETAIL_SIZE}px;fill:#56606e",
        ".label": f"font-size:{_LABEL_SIZE}px;fill:#414b59",
        ".paper": "fill:#fbfbfc",
        ".line": "fill:none;stroke:#8c95a4;stroke-width:1.4",
        ".tip": "fill:#8c95a4",
        ".chip": "fill:#fbfbfc;stroke:#cdd3dc;stroke-width:1",
        ".box": "stroke-width:1.4",
    }
    dark = {
        "text": "fill:#e8ebf0",
        ".detail": "fill:#aab3c0",
        ".label": "fill:#c3cad5",
        ".paper": "fill:#14181e",
        ".line": "stroke:#7c8797",
        ".tip": "fill:#7c8797",
        ".chip": "fill:#1b2129;stroke:#3c4553",
    }
    for name in sorted(tints):
        tint = _TINTS[name]
        light[f".{name}"] = f"fill:{tint.fill};stroke:{tint.edge}"
        dark[f".{name}"] = f"fill:{tint.dark_fill};stroke:{tint.dark_edge}"
    rules = "".join(f"{here}{name}{{{body}}}" for name, body in light.items())
    dim = "".join(f"{here}{name}{{{body}}}" for name, body in dark.items())
    return f"{rules}@media (prefers-color-scheme:dark){{{dim}}}"


_NARROW = set("iljtfrI.,:;'|![]() ")
_BROAD = set("mwMW@%—…→")


def _width(text: str, size: float, *, bold: bool = False) -> float:
    """A careful estimate of a text's width in a sans-serif font, in pixels."""
    units = 0.0
    for letter in text:
        if unicodedata.east_asian_width(letter) in "WF":
            units += 1.05
        elif letter in _NARROW:
            units += 0.38
        elif letter in _BROAD:
            units += 0.95
        elif letter.isupper():
            units += 0.72
        elif not unicodedata.combining(letter):
            units += 0.6
    return units * size * (1.06 if bold else 1.0)


def _clipped(text: str, longest: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def _shown(text: str, longest: int = _LONGEST) -> str:
    return _text(_clipped(text, longest))


def _text(text: str) -> str:
    """Escaped for XML, without the control characters that XML forbids."""
    legal = "".join(
        letter if letter.isprintable() or letter == " " else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )
    return escape(legal, quote=True)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
