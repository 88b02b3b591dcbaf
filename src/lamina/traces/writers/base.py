"""What a writer of traces is; and a trace in the form that the exporters of records take."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from lamina.errors import UsageError
from lamina.records import attempts as recorded
from lamina.records.history import History
from lamina.records.rows import RunRecord
from lamina.traces.trace import Attempt, Trace, pieces


class Writer(ABC):
    """Writes traces in one format."""

    title: ClassVar[str]
    """The format, for people."""
    suffix: ClassVar[str]

    @abstractmethod
    def write(self, traces: Iterable[Trace], target: Path) -> None:
        """Writes the runs; the file is whole or not there.

        Raises:
            UsageError: the target cannot be written, or takes one run and not several.
        """


def only(traces: Iterable[Trace], title: str) -> Trace:
    """The one run of a format that holds one.

    Raises:
        UsageError: there are more, or none.
    """
    found = iter(traces)
    first, second = next(found, None), next(found, None)
    if first is None or second is not None:
        count = "none" if first is None else "several"
        raise UsageError(
            f"{title} holds one run, and there are {count}",
            "name one run, or write many to FILE.parquet",
        )
    return first


def history_of_trace(trace: Trace) -> History:
    """The trace as records would tell it; of a phase in pieces the longest has its name."""
    record = RunRecord(
        trace.run, trace.name, trace.workflow, created=trace.begin, status=trace.status,
        ended=None if trace.status == "running" else trace.end, sessions=len(trace.sessions),
    )  # fmt: skip
    return History(
        record,
        trace.status,
        trace.sessions,
        tuple(_recorded(one) for one in trace.attempts),
        trace.parents,
        trace.notices,
        trace.outputs,
        trace.about,
        trace.planned,
    )


def _recorded(one: Attempt) -> recorded.Attempt:
    return recorded.Attempt(
        one.task, one.number, one.status, 1, one.ready, one.begin,
        None if one.status == "running" else one.end, one.reason, gpus=one.gpus,
        worker=one.worker, host=one.host, pid=one.pid, phases=pieces(one), usage=one.usage,
        exit=one.exit, error=one.error, folder=one.folder, kind=one.kind,
        about={"labels": one.labels} if one.labels else {},
    )  # fmt: skip
