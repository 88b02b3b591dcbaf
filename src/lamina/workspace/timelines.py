"""`timeline`: a recorded run drawn over time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError, UsageError
from lamina.records.dependencies import Body
from lamina.records.store import RunRecord
from lamina.traces.gantt.rows import ROWS
from lamina.traces.gantt.text import gantt_text
from lamina.traces.reading import trace_of
from lamina.traces.trace import Trace, pieces
from lamina.workflow.reading import file_text, parse_text
from lamina.workspace.history import INTERRUPTED, status_of
from lamina.workspace.outputs import written
from lamina.workspace.project import Project, project

WIDTH = 120
"""Letters per line of a chart in a file."""


def trace(run: str = "last", here: Project | None = None, until: float | None = None) -> Trace:
    """The trace of a recorded run.

    Args:
        run: id, beginning of an id, name, or "last".
        here: the project; that of the current folder when None.
        until: seconds since 1970 until which running attempts are drawn; those of a run that
            nobody drives any more end with its last event.

    Raises:
        LaminaError: no such run, or records that cannot be read.
    """
    home = here or project()
    try:
        record = home.store.find(run)
    except LaminaError as error:
        raise absent(run, error) from error
    status = status_of(record, home)
    events = (event for _, event in home.store.events(record.id))
    end = until if status == "running" else None
    found = trace_of(record, events, end, document_reader(record))
    return replace(found, status=INTERRUPTED) if status == INTERRUPTED else found


def trace_or_run(name: str, until: float | None = None) -> Trace:
    """The trace of a recorded run, or else of what another system left at a path.

    A path is what is there and looks like one: a name in this folder that is the name of a run as
    well is the run's.

    Raises:
        LaminaError: no such run, or a trace that cannot be read.
    """
    from lamina.workspace.traces import one_trace

    return one_trace(name) if means_trace(name) else trace(name, until=until)


def means_trace(name: str, here: Project | None = None) -> bool:
    """Whether a text names what another system left at a path, and no run of the project."""
    from lamina.workspace.traces import is_trace

    if not is_trace(name):
        return False
    if not {"/", os.sep, "."} & set(name):
        with suppress(LaminaError):
            (here or project()).store.find(name)
            return False
    return True


def absent(name: str, error: LaminaError) -> LaminaError:
    """What to say of a name that is no run's: where it looks like a path, that no such file is
    there."""
    if not (Path(name).suffix or name.startswith((".", "~")) or {"/", os.sep} & set(name)):
        return error
    return UsageError(
        f"there is no file {name!r}, and no run of that name",
        "name a file, a folder, an archive or a run",
    )


def document_reader(record: RunRecord) -> Callable[[str], Body | None]:
    """Reads the workflows that a run's document names by files; None for those that are gone."""

    def read(file: str) -> Body | None:
        try:
            found = parse_text(file_text(Path(record.folder) / file), file)
        except (LaminaError, OSError):
            return None
        return found if isinstance(found, dict) else None

    return read


def text(
    found: Trace, width: int, *, plain: bool = False, colour: bool = False, every: bool = False
) -> str:
    """The chart as text; `every` draws a line per attempt, however many there are."""
    rows = max(len(found.attempts), ROWS) if every else ROWS
    return gantt_text(found, width, plain=plain, colour=colour, rows=rows)


def write(
    found: Trace,
    target: Path,
    width: int = WIDTH,
    *,
    every: bool = False,
    against: Sequence[str] = (),
) -> Path:
    """Writes the chart in the form of the file's ending: .txt, .svg, .png, .html or .json.

    Args:
        found: the trace.
        target: the file.
        width: letters per line of text.
        every: a line of text per attempt, however many there are.
        against: runs or paths of traces: how long jobs usually take there stands in .html.

    Raises:
        UsageError: another ending, `against` with another form than .html, or a file that cannot
            be written.
        MissingExtraError: a picture without matplotlib.
    """
    suffix = target.suffix.lower()
    forms: dict[str, Callable[[], str | bytes]] = {
        ".txt": lambda: text(found, width, every=every),
        ".svg": lambda: _svg(found),
        ".png": lambda: _png(found),
        ".html": lambda: _html(found, against),
        ".json": lambda: json.dumps(to_json(found), indent=1),
    }
    if suffix not in forms:
        raise UsageError(
            f"a timeline cannot be written as {suffix or 'a file without an ending'}",
            f"name a file that ends in {', '.join(forms)}",
        )
    if against and suffix != ".html":
        raise UsageError(
            "only a timeline as .html shows what is usual in other runs",
            "end the file in .html, or leave out --against",
        )
    drawn = forms[suffix]()
    return written(drawn.rstrip("\n") + "\n" if isinstance(drawn, str) else drawn, target)


def to_json(found: Trace) -> dict[str, Any]:
    """The trace as plain values; times in seconds since 1970."""
    return {
        "run": found.run,
        "name": found.name,
        "workflow": found.workflow,
        "status": found.status,
        "begin": found.begin,
        "end": found.end,
        "seconds": found.seconds,
        "labels": dict(found.labels),
        "origin": found.origin,
        "simulated": found.simulated,
        "sessions": [list(session) for session in found.sessions],
        "attempts": [asdict(one) | {"phases": pieces(one)} for one in found.attempts],
        "skipped": dict(found.skipped),
        "critical_path": [[one.task, one.number] for one in found.critical_path],
        "phases": dict(found.totals),
        "notices": [notice._asdict() for notice in found.notices],
    }


def _svg(found: Trace) -> str:
    from lamina.traces.gantt.svg import gantt_svg

    return gantt_svg(found)


def _png(found: Trace) -> bytes:
    from lamina.traces.gantt.png import gantt_png

    return gantt_png(found)


def _html(found: Trace, against: Sequence[str]) -> str:
    from lamina.traces.report.page import report_html
    from lamina.workspace.traces import is_trace, read_traces

    others: list[Trace] = []
    for name in against:
        others += read_traces([name]) if is_trace(name) else [trace(name)]
    return report_html(found, None, others)
