"""Chrome trace events, for Perfetto and chrome://tracing, of runs of any origin."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from lamina.records.exports.base import write_json
from lamina.records.exports.chrome import trace_document
from lamina.traces.trace import Trace
from lamina.traces.writers.base import Writer, history_of_trace, only


class ChromeWriter(Writer):
    """One document of events."""

    title: ClassVar[str] = "Chrome trace"
    suffix: ClassVar[str] = ".json"

    def write(self, traces: Iterable[Trace], target: Path) -> None:
        """Writes the one run."""
        trace = only(traces, self.title)
        document = trace_document(history_of_trace(trace))
        if trace.simulated:
            document["otherData"]["simulated"] = True
        kinds = {one.task: one.kind for one in trace.attempts}
        for event in document["traceEvents"]:
            if event.get("cat") == "attempt" and kinds.get(event["args"]["task"]):
                event["args"]["kind"] = kinds[event["args"]["task"]]
        write_json(document, target)
