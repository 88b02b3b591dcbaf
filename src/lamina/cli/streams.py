"""Streams that never fail for a sign: what standard output cannot show is written plainly."""

from __future__ import annotations

import codecs
import io
import sys

PLAIN = {
    **{"±": "+-", "·": ".", "…": "...", "→": "->", "←": "<-", "\u00d7": "x", "µ": "u", "μ": "u"},
    **{"●": "*", "│": "|", "─": "-", "═": "=", "├": "+", "┤": "+", "┼": "+", "┬": "+", "┴": "+"},
    **{"╭": "+", "╮": "+", "╰": "+", "╯": "+", "┌": "+", "┐": "+", "└": "+", "┘": "+"},
}
"""Signs of our own output, for terminals and pipes whose encoding lacks them."""

_NAME = "lamina-plain"


def make_forgiving() -> None:
    """Lets both streams write what they can, and the rest in plain signs."""
    codecs.register_error(_NAME, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors=_NAME)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign, "?") for sign in signs), error.end
