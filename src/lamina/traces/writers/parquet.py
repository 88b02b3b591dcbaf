"""Parquet: one row for each phase of each attempt, of one run or of a whole collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from lamina.records.exports.base import whole
from lamina.traces.trace import Attempt, Trace
from lamina.traces.writers.base import Writer

_ROWS = 100_000
"""Rows of a group, so that a collection need not fit the memory."""

_TEXTS = (
    "run", "workflow", "label", "batch", "origin", "task", "kind", "status", "worker", "host",
    "phase",
)  # fmt: skip
_NUMBERS = ("ready", "attempt_begin", "attempt_end", "begin", "end", "seconds")


class ParquetWriter(Writer):
    """A table; times are seconds since 1970. An attempt without phases has a row without one."""

    title: ClassVar[str] = "Parquet table of phases"
    suffix: ClassVar[str] = ".parquet"

    def write(self, traces: Iterable[Trace], target: Path) -> None:
        """Writes all runs."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema(
            [(name, pa.dictionary(pa.int32(), pa.string())) for name in _TEXTS]
            + [("simulated", pa.bool_()), ("attempt", pa.int32()), ("exit", pa.int32())]
            + [(name, pa.float64()) for name in _NUMBERS]
        )
        with whole(target) as made, pq.ParquetWriter(made, schema) as file:
            for rows in _grouped(_rows(traces)):
                file.write_table(pa.Table.from_pylist(rows, schema=schema))


def _grouped(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for row in rows:
        group.append(row)
        if len(group) == _ROWS:
            yield group
            group = []
    if group:
        yield group


def _rows(traces: Iterable[Trace]) -> Iterator[dict[str, Any]]:
    for trace in traces:
        about = {
            "run": trace.run, "workflow": trace.workflow, "label": trace.labels.get("label"),
            "batch": trace.labels.get("batch"), "origin": trace.origin,
            "simulated": trace.simulated,
        }  # fmt: skip
        for one in trace.attempts:
            row = {**about, **_of(one)}
            for phase in one.phases:
                yield {
                    **row, "phase": phase.name, "begin": phase.begin, "end": phase.end,
                    "seconds": phase.seconds,
                }  # fmt: skip
            if not one.phases:
                yield row


def _of(one: Attempt) -> dict[str, Any]:
    return {
        "task": one.task, "kind": one.type, "attempt": one.number, "status": one.status,
        "worker": one.worker, "host": one.host, "exit": one.exit, "ready": one.ready,
        "attempt_begin": one.begin, "attempt_end": one.end,
    }  # fmt: skip
