"""WfFormat 1.5 with our phases as an extension, for runs of any origin."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from lamina.records.exports.base import write_bytes
from lamina.records.exports.wfformat import instance_of
from lamina.traces.columns import with_columns
from lamina.traces.reading import uncollected
from lamina.traces.trace import Attempt, Trace
from lamina.traces.writers.base import Writer, history_of_trace, only
from lamina.workflow.masking import mask_plain


class WfFormatWriter(Writer):
    """One instance; what the format has no words for stands under "lamina", and the run itself
    behind it, as columns: other programs pass it over, our reader takes it."""

    title: ClassVar[str] = "WfFormat 1.5"
    suffix: ClassVar[str] = ".json"

    def write(self, traces: Iterable[Trace], target: Path) -> None:
        """Writes the one run."""
        trace = only(traces, self.title)
        with uncollected():
            write_bytes(with_columns(document_of(trace), trace), target)


def document_of(trace: Trace) -> dict[str, Any]:
    """The trace as an instance, its attempts under the tasks that they are of."""
    found = instance_of(history_of_trace(trace))
    tries: dict[tuple[str, int], Attempt] = {(one.task, one.number): one for one in trace.attempts}
    for task in found["workflow"].get("execution", {}).get("tasks", ()):
        ours = task["lamina"]
        for row in ours["attempts"]:
            row |= _more(tries[ours["unit"], row["number"]])
    return found


def _more(one: Attempt) -> dict[str, Any]:
    """What an attempt tells besides its times, as far as it tells something."""
    told = {
        "kind": one.kind, "host": one.host, "exit": one.exit, "usage": dict(one.usage),
        "labels": dict(one.labels), "error": mask_plain(one.error.get("cause", "")),
        "ended": one.end,
    }  # fmt: skip
    return {key: value for key, value in told.items() if value not in ("", None, {})}
