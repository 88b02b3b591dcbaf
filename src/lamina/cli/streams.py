"""Streams that never fail for a sign: what standard output cannot show is written plainly."""

from __future__ import annotations

import codecs
import io
import os
import re
import shutil
import sys
from pathlib import Path

import click

PLAIN = {
    **{"±": "+-", "·": ".", "…": "...", "→": "->", "←": "<-", "\u00d7": "x", "µ": "u", "μ": "u"},
    **{"●": "*", "│": "|", "─": "-", "═": "=", "├": "+", "┤": "+", "┼": "+", "┬": "+", "┴": "+"},
    **{"╭": "+", "╮": "+", "╰": "+", "╯": "+", "┌": "+", "┐": "+", "└": "+", "┘": "+"},
}
"""Signs of our own output, for terminals and pipes whose encoding lacks them."""

_NAME = "lamina-plain"


_COLOUR = r"\x1b\[[0-9;:]{0,40}m"
_STEERING = re.compile(rf"{_COLOUR}|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PLAIN_COLOUR = "\x1b[0m"


_TINTS = {
    **dict.fromkeys(("failed", "timeout", "memory", "lost"), "red"),
    **dict.fromkeys(("interrupted", "cancelled"), "yellow"),
    **{"succeeded": "green", "running": "cyan"},
}
_STATUS = re.compile(rf"(?<=  )({'|'.join(_TINTS)})(?=  |$)")


def out(text: object, nl: bool = True) -> None:
    """Prints a result on standard output; on a terminal as `harmless` text."""
    said = harmless(str(text), "\r") if sys.stdout.isatty() else text
    # Named, since click's own choice writes UTF-8 to a stream that says it is ASCII.
    click.echo(said, file=sys.stdout, nl=nl, color=_colours())


def note(text: object) -> None:
    """Prints on standard error what is no result: progress, notes, errors; always harmless."""
    click.echo(harmless(str(text)), file=sys.stderr, color=_colours())


def room() -> int | None:
    """Letters in a line of the terminal; None where standard output is none, and nothing is cut."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else None


def shows_blocks() -> bool:
    """Whether standard output can show the blocks and arrows that charts are drawn with."""
    try:
        "█▁·→".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def tinted(text: str) -> str:
    """A line with the colours of the statuses in it, where standard output shows colours."""
    if not sys.stdout.isatty() or _colours() is False:
        return text
    return _STATUS.sub(lambda found: click.style(found[0], fg=_TINTS[found[0]]), text)


def harmless(text: str, also: str = "") -> str:
    """A text that may come from a task, a document or a record, for a terminal.

    Colours stay, and end with the text. What could do more (move the cursor, set the title or the
    clipboard, ask the terminal for something) is spelled out: ESC as "\\x1b".

    Args:
        also: further control characters that stay.
    """
    coloured = False

    def spelled(found: re.Match[str]) -> str:
        nonlocal coloured
        sign = found[0]
        coloured = coloured or len(sign) > 1
        return sign if len(sign) > 1 or sign in also else f"\\x{ord(sign):02x}"

    said = _STEERING.sub(spelled, text)
    return said + _PLAIN_COLOUR if coloured and not said.endswith(_PLAIN_COLOUR) else said


def _colours() -> bool | None:
    """None leaves it to click, which colours terminals only; NO_COLOR forbids them there too."""
    return False if os.environ.get("NO_COLOR") else None


def make_forgiving() -> None:
    """Lets both streams write what they can, and the rest in plain signs."""
    codecs.register_error(_NAME, _plain)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed before the start: `lamina ... 2>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors=_NAME)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign, "?") for sign in signs), error.end
