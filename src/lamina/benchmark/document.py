"""A results document: what every benchmark says of its run, what it measured, and the bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lamina.benchmark.bars import Bar
from lamina.benchmark.machine import Beginning
from lamina.benchmark.results import FORMAT

Say = Callable[[str], None]
"""Takes a line of progress."""

Tree = dict[str, Any]
Results = Mapping[str, Any]
"""A results document, while it is made and afterwards."""


def document_of(
    kind: str,
    ran: tuple[Beginning, str],
    told: Results,
    bars: Callable[[Results], Iterable[Bar]] | None = None,
) -> Tree:
    """The document of one run of a benchmark.

    Args:
        kind: the value of `benchmark`, by which its readers are chosen; empty for networks.
        ran: when it began, and the command line.
        told: `quick`, what was asked for, and what was measured.
        bars: of such a document; None where a benchmark has none.
    """
    began, command = ran
    made = {
        "lamina": FORMAT,
        **({"benchmark": kind} if kind else {}),
        **began.head(command),
        **told,
    }
    if bars is not None:
        made["bars"] = [bar.to_json() for bar in bars(made)]
    return made
