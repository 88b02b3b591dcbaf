"""Chrome trace events, for Perfetto and chrome://tracing, of runs of any origin.

The run itself stands behind the events, as columns: viewers pass it over, our reader takes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from lamina.records.exports.base import write_bytes
from lamina.records.exports.chrome import trace_document
from lamina.traces.columns import with_columns
from lamina.traces.reading import uncollected
from lamina.traces.trace import Trace
from lamina.traces.writers.base import Writer, history_of_trace, only


class ChromeWriter(Writer):
    """One document of events."""

    title: ClassVar[str] = "Chrome trace"
    suffix: ClassVar[str] = ".json"

    def write(self, traces: Iterable[Trace], target: Path) -> None:
        """Writes the one run."""
        trace = only(traces, self.title)
        ran = tuple(one for one in trace.attempts if one.status != "reused")
        with uncollected():
            write_bytes(with_columns(_document(trace), replace(trace, attempts=ran)), target)


def _document(trace: Trace) -> dict[str, Any]:
    """The events, with what the run's own records have no words for."""
    document = trace_document(history_of_trace(trace))
    if trace.simulated:
        document["otherData"]["simulated"] = True
    kinds = {one.task: one.kind for one in trace.attempts}
    for event in document["traceEvents"]:
        if event.get("cat") == "attempt" and kinds.get(event["args"]["task"]):
            event["args"]["kind"] = kinds[event["args"]["task"]]
    return document
