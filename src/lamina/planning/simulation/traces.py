"""Recorded deployments, links and workloads: read from files, and played again by chance."""

from __future__ import annotations

import csv
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from lamina.errors import DataError, unreadable
from lamina.estimates.distribution import Floats
from lamina.planning.simulation.laws import SLOT

DEPLOYMENTS = "a CSV file with the columns epoch,deploy_s, both in seconds, rows in order of time"
WORKLOAD = "a CSV file with the column images, a row per batch, numbers of at least 1"
BANDWIDTH = (
    "a JSON list of objects with duration_ms and bandwidth_kbps, or a CSV file with the columns "
    "epoch,mbit_s"
)
NEAR = 5.0 * SLOT
"""Seconds for which a measurement stands for what came after it: longer gaps stay gaps."""
BLOCK = 30
"""Minutes that are taken in one piece, so that what hangs together stays so."""


@dataclass(frozen=True)
class Series:
    """Measurements of one thing.

    Args:
        file: where they stand.
        at: seconds, rising.
        values: of these moments.
    """

    file: Path
    at: Floats
    values: Floats


def read_workload(file: Path) -> list[int]:
    """Batch sizes in their order.

    Raises:
        DataError: the file cannot be read, or a cell is no size.
    """
    sizes = []
    for line, row in _rows(file, ("images",), WORKLOAD):
        value = _number(file, line, "images", row["images"], WORKLOAD)
        if value < 1.0 or value != int(value):
            raise _wrong(
                file, line, "images", row["images"], "a whole number of at least 1", WORKLOAD
            )
        sizes.append(int(value))
    return sizes


def read_deployments(file: Path) -> Series:
    """Deployment times of one runtime.

    Raises:
        DataError: the file cannot be read, is out of order, or a cell is no time.
    """
    at, values = [], []
    for line, row in _rows(file, ("epoch", "deploy_s"), DEPLOYMENTS):
        at.append(_number(file, line, "epoch", row["epoch"], DEPLOYMENTS))
        values.append(_number(file, line, "deploy_s", row["deploy_s"], DEPLOYMENTS))
        if values[-1] < 0.0:
            raise _wrong(
                file, line, "deploy_s", row["deploy_s"], "seconds of at least 0", DEPLOYMENTS
            )
        if len(at) > 1 and at[-1] <= at[-2]:
            raise _wrong(file, line, "epoch", row["epoch"], f"later than {at[-2]:.0f}", DEPLOYMENTS)
    return Series(file, np.array(at), np.array(values))


def read_bandwidth(file: Path) -> tuple[Floats, Floats, float]:
    """A log of a link.

    Returns:
        Seconds of each piece, bytes a second in it, and the latency in seconds.

    Raises:
        DataError: the file cannot be read, or a value is no rate; or nothing ever moves.
    """
    pieces = _of_csv(file) if file.suffix.lower() == ".csv" else _of_json(file)
    seconds = np.array([piece[0] for piece in pieces])
    rates = np.array([piece[1] for piece in pieces])
    if not float(seconds @ rates) > 0.0:
        raise DataError(f"{file}: nothing ever moves over this link", f"give {BANDWIDTH}")
    return seconds, rates, float(np.median([piece[2] for piece in pieces]))


def _of_csv(file: Path) -> list[tuple[float, float, float]]:
    rows: list[tuple[float, float]] = []
    for line, row in _rows(file, ("epoch", "mbit_s"), BANDWIDTH):
        at = _number(file, line, "epoch", row["epoch"], BANDWIDTH)
        rate = _number(file, line, "mbit_s", row["mbit_s"], BANDWIDTH)
        if rate < 0.0:
            raise _wrong(file, line, "mbit_s", row["mbit_s"], "a rate of at least 0", BANDWIDTH)
        if rows and at <= rows[-1][0]:
            raise _wrong(
                file, line, "epoch", row["epoch"], f"later than {rows[-1][0]:.0f}", BANDWIDTH
            )
        rows.append((at, rate * 125e3))
    steps = np.diff([at for at, _ in rows])
    usual = float(np.median(steps)) if steps.size else 1.0
    # A gap says nothing of the link: the last rate holds as long as a row usually does.
    spans = [*np.minimum(steps, 3.0 * usual).tolist(), usual]
    return [(span, rate, 0.0) for span, (_, rate) in zip(spans, rows, strict=True)]


def _of_json(file: Path) -> list[tuple[float, float, float]]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{file}, line {error.lineno}: {error.msg}", f"a log of a link is {BANDWIDTH}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(file, error, f"a log of a link is {BANDWIDTH}") from error
    if not isinstance(told, list) or not told:
        raise DataError(f"{file} holds no list of measurements", f"a log of a link is {BANDWIDTH}")
    return [_piece(file, number, one) for number, one in enumerate(told, 1)]


def _piece(file: Path, number: int, one: Any) -> tuple[float, float, float]:
    values = []
    told = {"latency_ms": 0.0, **one} if isinstance(one, dict) else {}
    for key in ("duration_ms", "bandwidth_kbps", "latency_ms"):
        value: Any = told.get(key)
        real = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (real and isfinite(value) and value >= 0.0):
            raise DataError(
                f"{file}, measurement {number}: {key} is {value!r}, not a number of at least 0",
                f"a log of a link is {BANDWIDTH}",
            )
        values.append(float(value))
    return values[0] / 1e3, values[1] * 125.0, values[2] / 1e3


class PlayedLink:
    """Logs of a link, one after the other and again from the beginning.

    Args:
        files: the logs.
        source: of their order, and of where in the first it begins.
    """

    def __init__(self, files: Sequence[Path], source: np.random.Generator) -> None:
        logs = [read_bandwidth(file) for file in files]
        order = source.permutation(len(logs))
        seconds = np.concatenate([logs[place][0] for place in order])
        rates = np.concatenate([logs[place][1] for place in order])
        self._ends: list[float] = np.concatenate([[0.0], np.cumsum(seconds)]).tolist()
        moved = np.concatenate([[0.0], np.cumsum(seconds * rates)])
        self._moved: list[float] = moved.tolist()
        self._begins = float(source.uniform(0.0, self._ends[-1]))
        self._latency = float(np.mean([log[2] for log in logs]))

    def seconds(self, size: float, at: float) -> float:
        """Until so many bytes are through, stalls included."""
        if size <= 0.0:
            return 0.0
        whole, each = self._ends[-1], self._moved[-1]
        start = (self._begins + at) % whole
        wanted = _straight(start, self._ends, self._moved) + size
        rounds, rest = divmod(wanted, each)
        return rounds * whole + _straight(rest, self._moved, self._ends) - start + self._latency


def _straight(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Between points; where xs stand still, the first y."""
    after = min(max(bisect_left(xs, x), 1), len(xs) - 1)
    width = xs[after] - xs[after - 1]
    if width <= 0.0:
        return ys[after - 1]
    return ys[after - 1] + (x - xs[after - 1]) / width * (ys[after] - ys[after - 1])


class PlayedDeployments:
    """A series of deployment times, minute by minute.

    A probe sees the minute in which it begins. A job sees the one after: what a probe of its own
    minute saw is the past to it, as it would have been when the series was measured.

    Args:
        values: seconds, one of each minute.
    """

    def __init__(self, values: Floats) -> None:
        self._values: list[float] = values.tolist()

    def of(self, job: int, tries: int, at: float) -> float:
        """The next one; at a later try one further."""
        del job
        return self._values[(int(at / SLOT) + tries) % len(self._values)]

    def probe(self, at: float) -> float:
        """That of the minute."""
        return self._values[int(at / SLOT) % len(self._values)]


def played(
    series: Mapping[str, Series], minutes: int, source: np.random.Generator
) -> dict[str, PlayedDeployments]:
    """Series drawn again in blocks, until there is one value of each minute.

    Blocks of runtimes that were measured at the same time are taken from the same moments, so
    that what was slow together is slow together; no block spans a gap.

    Args:
        series: runtime -> its measurements.
        minutes: how many are needed.
        source: of the blocks.

    Raises:
        DataError: a series has gaps only.
    """
    grids = {name: _minutes(one) for name, one in series.items()}
    together = _common(grids)
    if together is not None:
        rows = _blocks(together, minutes, source)
        return {name: PlayedDeployments(grid[1][rows - grid[0]]) for name, grid in grids.items()}
    found = {}
    for name, (first, values) in grids.items():
        real = np.flatnonzero(np.isfinite(values)) + first
        rows = _blocks(real, minutes, source)
        found[name] = PlayedDeployments(values[rows - first])
    return found


def _minutes(one: Series) -> tuple[int, Floats]:
    """The first minute, and the last measurement before each; NaN in gaps."""
    first, last = int(one.at[0] // SLOT) + 1, int(one.at[-1] // SLOT) + 1
    moments = np.arange(first, last + 1) * SLOT
    places = np.searchsorted(one.at, moments, side="right") - 1
    values = one.values[places].copy()
    values[moments - one.at[places] > NEAR] = np.nan
    return first, values


def _common(grids: Mapping[str, tuple[int, Floats]]) -> np.ndarray | None:
    """Minutes of which all know something; None where these are too few to draw from."""
    sets = [
        {int(minute) for minute in np.flatnonzero(np.isfinite(values)) + first}
        for first, values in grids.values()
    ]
    both = np.array(sorted(set.intersection(*sets))) if sets else np.zeros(0, dtype=int)
    least = min((len(one) for one in sets), default=0)
    return both if both.size >= max(least / 2, 1) else None


def _blocks(real: np.ndarray, minutes: int, source: np.random.Generator) -> np.ndarray:
    """Minutes drawn from those that are real: blocks of at most BLOCK that follow each other."""
    ends = np.flatnonzero(np.diff(real) != 1)
    # Of each place, how many follow it without a gap, itself included.
    last = np.append(ends, real.size - 1)
    run = last[np.searchsorted(last, np.arange(real.size))] - np.arange(real.size) + 1
    found: list[np.ndarray] = []
    count = 0
    while count < minutes:
        start = int(source.integers(real.size))
        length = min(BLOCK, int(run[start]))
        found.append(real[start : start + length])
        count += length
    return np.concatenate(found)[:minutes]


def _rows(file: Path, columns: Sequence[str], way_out: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and rows of a table that has these columns."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            lacking = [name for name in columns if name not in names]
            if lacking:
                raise DataError(
                    f"{file}, line 1: no column {', '.join(lacking)}, but "
                    f"{', '.join(names) or 'nothing'}",
                    f"give {way_out}",
                )
            empty = True
            for row in reader:
                empty = False
                yield reader.line_num, {key: value or "" for key, value in row.items() if key}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(file, error, f"give {way_out}") from error
    if empty:
        raise DataError(f"{file} holds no row", f"give {way_out}")


def _number(file: Path, line: int, column: str, text: str, way_out: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise _wrong(file, line, column, text, "a number", way_out)
    return value


def _wrong(file: Path, line: int, column: str, text: str, wanted: str, way_out: str) -> DataError:
    return DataError(f"{file}, line {line}: {column} is {text!r}, not {wanted}", f"give {way_out}")
