"""Names of units: what a task is called inside scatters, workflows and loops, and on the disk."""

from __future__ import annotations

import re

_ITEM = re.compile(r"\[(\d+)\]")


def folder_of(unit: str, attempt: int) -> str:
    """The folder of an attempt, relative to the run's: "count[3]" 1 -> "attempts/count.3~1".

    "inner/sort" becomes a folder in a folder. Programs that read brackets as patterns, and file
    systems, get only letters, digits, ".", "_", "-" and "~".
    """
    return f"attempts/{_plain(unit)}~{attempt}"


def scratch_of(unit: str) -> str:
    """The folder that all attempts of a unit share, relative to the run's."""
    return f"scratch/{_plain(unit)}"


def stream_of(unit: str, attempt: int, port: str) -> str:
    """The spool of a stream output of one attempt, relative to the run's folder."""
    return f"streams/{_plain(unit)}~{attempt}.{port}"


def task_of(unit: str) -> str:
    """The task that a unit belongs to: "inner/count[3]" is one of "inner/count"."""
    return re.sub(r"\[\d+\]|#\d+", "", unit)


def _plain(unit: str) -> str:
    return _ITEM.sub(r".\1", unit).replace("#", ".")
