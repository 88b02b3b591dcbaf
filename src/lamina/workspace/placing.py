"""`place`: what predictors are worth on a log of placed tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lamina.estimates import prequential
from lamina.estimates.placement_log import read_log
from lamina.records.tables import table_lines


def fit(log: Path) -> dict[str, Any]:
    """Prequential errors and coverage on a log; see `lamina.estimates.prequential.fit`.

    Raises:
        DataError: the log cannot be read.
    """
    return {"log": str(log), **prequential.fit(read_log(log))}


def fit_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A table for each stage, and one of the intervals."""
    yield f"{found['log']}: {found['rows']} rows, seconds that predictions missed by (mean)"
    for stage, part in _stages(found).items():
        runtimes = part["runtimes"]
        rows = [[stage.upper(), *runtimes, "all"]]
        for name, pooled in part["pooled"].items():
            own = [_seconds(runtimes[runtime][name]["mae"]) for runtime in runtimes]
            rows.append([name, *own, _seconds(pooled["mae"])])
        yield ""
        yield from table_lines(rows)
    yield ""
    yield from table_lines(_intervals(found["coverage"]))
    if "pooled" in found["gain"]:
        least = found["gain"]["pooled"]
        side = "below" if least >= 0 else "above"
        yield ""
        yield f"processing: default is {abs(least):.1%} {side} ransac-10"


def _stages(found: Mapping[str, Any]) -> dict[str, Any]:
    processing = {"runtimes": found["runtimes"], "pooled": found["pooled"]}
    return {
        "processing": processing,
        "deployment": found["deployment"],
        "transfer": found["transfer"],
    }


def _intervals(coverage: Mapping[str, Any]) -> list[list[str]]:
    rows = [["TOTAL INSIDE", *coverage["runtimes"], "all"]]
    for level, pooled in coverage["pooled"].items():
        own = [one[level] for one in coverage["runtimes"].values()]
        rows.append([f"{level} %", *(_part(value) for value in (*own, pooled))])
    return rows


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _part(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
