"""What phases and ends look like: colours that colour-blind people tell apart, and plain signs."""

from __future__ import annotations

from dataclasses import dataclass

from lamina.traces.trace import WAITING


@dataclass(frozen=True)
class Look:
    """How a phase is drawn.

    Args:
        title: for legends.
        colour, dark: hexadecimal, on light and on dark paper.
        sign, plain: one letter, where Unicode can be shown and where it cannot.
        ansi: number of a colour of 256-colour terminals.
    """

    title: str
    colour: str
    dark: str
    sign: str
    plain: str
    ansi: int


LOOKS: dict[str, Look] = {
    WAITING: Look("waiting", "#d3d8df", "#3d4653", "·", ".", 245),
    "pre_script": Look("pre script", "#b8689a", "#cc79a7", "<", "<", 175),
    "submit": Look("submit", "#d9c022", "#e4d354", "╌", "-", 221),
    "queue": Look("queue", "#e69f00", "#e8a92a", "░", "~", 214),
    "stage_in": Look("stage in", "#56b4e9", "#6fc0ee", "▒", "+", 74),
    "run": Look("run", "#0072b2", "#2f8fce", "█", "#", 32),
    "stage_out": Look("stage out", "#009e73", "#2bb48c", "▓", "=", 36),
    "post_script": Look("post script", "#7d3f98", "#a974c4", ">", ">", 133),
}
"""Phase -> look, in the order of time; after M. Okabe and K. Ito, "Color universal design"."""

BAD = Look("failed", "#c8480a", "#ff7a3d", "✗", "x", 203)
"""An attempt that ended badly."""


@dataclass(frozen=True)
class Mark:
    """The sign behind a bar, and the word for it."""

    sign: str
    plain: str
    word: str
    ansi: int


MARKS: dict[str, Mark] = {
    "failed": Mark("✗", "x", "failed", BAD.ansi),
    "timeout": Mark("✗", "x", "out of time", BAD.ansi),
    "memory": Mark("✗", "x", "out of memory", BAD.ansi),
    "lost": Mark("✗", "x", "worker lost", BAD.ansi),
    "cancelled": Mark("⊘", "/", "cancelled", 245),
    "running": Mark("▸", ">", "running", 34),
    "reused": Mark("↺", "o", "reused", 66),
}
"""Status -> mark; an attempt that succeeded has none."""
