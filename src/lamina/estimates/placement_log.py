"""Logs of placed tasks: predicted and actual seconds of each stage, a row per task."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lamina.errors import DataError, unreadable

COLUMNS = (
    "epoch", "image_num", "runtime", "act_total", "act_transfer", "act_deploy", "act_proc",
    "total_includes_transfer",
)  # fmt: skip
"""That a log needs; it may have others."""
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Placed:
    """A task that ran on a runtime.

    Args:
        at: seconds since 1970.
        items: of its batch.
        runtime: where it ran.
        transfer, deployment, processing: seconds.
        total: seconds, with the transfer in them or not, as `with_transfer` says.
        with_transfer: whether the total includes the transfer.
    """

    at: float
    items: float
    runtime: str
    transfer: float
    deployment: float
    processing: float
    total: float
    with_transfer: bool


def read_log(file: Path) -> list[Placed]:
    """The rows of a log, in the order of time.

    Raises:
        DataError: it cannot be read, lacks columns, or a cell is not what its column holds.
    """
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            return placed(csv.DictReader(stream), str(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(file, error, _way_out(), "the log") from error


def placed(rows: csv.DictReader[str] | Iterable[dict[str, str]], name: str) -> list[Placed]:
    """Rows of texts as tasks, in the order of time; rows of one time stay as they are."""
    found = []
    for number, row in enumerate(rows, 2):
        lacking = [column for column in COLUMNS if row.get(column) is None]
        if lacking:
            raise DataError(f"{name}, line {number}: no column {', '.join(lacking)}", _way_out())
        try:
            found.append(_placed(row))
        except ValueError as error:
            raise DataError(f"{name}, line {number}: {error}", _way_out()) from error
    if not found:
        raise DataError(f"{name} holds no row", _way_out())
    return sorted(found, key=lambda one: one.at)


def _placed(row: dict[str, str]) -> Placed:
    numbers = {
        column: float(row[column])
        for column in COLUMNS
        if column not in ("runtime", "total_includes_transfer")
    }
    for column, value in numbers.items():
        if not math.isfinite(value) or value < 0.0:
            raise ValueError(f"{column} is {row[column]!r}, not a number of at least 0")
    flag = row["total_includes_transfer"].strip().lower()
    if flag not in _TRUTHS:
        raise ValueError(f"total_includes_transfer is {flag!r}, not one of {', '.join(_TRUTHS)}")
    if not row["runtime"].strip():
        raise ValueError("runtime is empty")
    return Placed(
        numbers["epoch"], numbers["image_num"], row["runtime"].strip(), numbers["act_transfer"],
        numbers["act_deploy"], numbers["act_proc"], numbers["act_total"], _TRUTHS[flag],
    )  # fmt: skip


def _way_out() -> str:
    return f"a CSV file with the columns {', '.join(COLUMNS)}"
