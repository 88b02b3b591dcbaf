"""`run`: a workflow document run here, its inputs read and its outputs written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lamina.data.staging.address import is_remote
from lamina.errors import ArtifactError, LaminaError, RunCancelledError, TaskFailedError
from lamina.execution.engine import Control
from lamina.workflow import log
from lamina.workflow.graph import Workflow
from lamina.workspace import mending
from lamina.workspace.documents import document
from lamina.workspace.launch import Finished, Session, inputs_of, opened
from lamina.workspace.outputs import folder_to_write
from lamina.workspace.parameters import check_names
from lamina.workspace.project import project
from lamina.workspace.recording import wrote
from lamina.workspace.told_inputs import remember
from lamina.workspace.values import value
from lamina.workspace.wishes import Wish
from lamina.workspace.written import brief, shown, write_value

Say = Callable[[str], None]

_ALSO = 5
"""Failures after the first that are told with it."""


@dataclass(frozen=True, eq=False)
class Ran:
    """A run that is over: what it gave, and where each output was written ("" for not).

    failed: the first task that failed, where the run was to keep going; some outputs are missing
    then.
    """

    finished: Finished
    outputs: Mapping[str, Any]
    written: Mapping[str, str]
    failed: TaskFailedError | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values: the run, status, seconds, tasks with their times, outputs."""
        found = self.finished
        keys = ("task", "status", "start", "end")
        return {
            "run": found.record.name,
            "id": found.record.id,
            "workflow": found.record.workflow,
            "status": found.status,
            "seconds": found.seconds,
            "done": found.tasks,
            "reused": found.reused,
            "tasks": [dict(zip(keys, span, strict=True)) for span in found.spans],
            "outputs": {
                name: self.written.get(name) or shown(given) for name, given in self.outputs.items()
            },
        }

    def text(self) -> str:
        """Outputs and the count of tasks, for a terminal."""
        rows = []
        for name, given in self.outputs.items():
            path = self.written.get(name)
            rows.append([name, brief(given) + (f"  -> {path}" if path else "")])
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"{name:<{width}}  {told}" for name, told in rows]
        found = self.finished
        reused = f" ({found.reused} reused)" if found.reused else ""
        failed = f", {len(found.failures)} failed" if found.failures else ""
        done = f"{found.tasks} tasks done{reused}{failed} in {found.seconds:.2f} s"
        if not (found.tasks or found.spans or failed):
            done = "nothing was left to do"
        lines.append(f"{found.record.workflow}: {done}, run {found.record.name}")
        return "\n".join(lines)


def session(
    file: Path,
    given: Mapping[str, Any],
    wishes: Mapping[str, Any],
    places: Callable[[], None] | None = None,
) -> Session:
    """A new run of a workflow document, its inputs read; not begun.

    Args:
        file: a workflow document.
        given: inputs by name: text as on a command line, or plain values.
        wishes: fields of `Wish`.
        places: makes sure of the places of results, before anything is recorded.

    Raises:
        LaminaError: what is wrong with the document or its inputs.
    """
    workflow, values = read(file, given)
    home = project()
    inputs = inputs_of(home, workflow, values)
    if places is not None:
        places()
    remember(home, workflow, given, inputs)
    return opened(home, workflow, inputs, Wish(**wishes))


def run(
    file: Path,
    given: Mapping[str, Any],
    output: Path | str | None = None,
    wishes: Mapping[str, Any] | None = None,
) -> Ran:
    """Runs a workflow document and writes its outputs; see `session` and `ended`."""
    return ended(session(file, given, wishes or {}, lambda: place_of(output)), output)


def place_of(output: Path | str | None) -> None:
    """Makes sure that outputs can be written to a place. Raises UsageError."""
    if output is not None and not is_remote(output):
        folder_to_write(output)


def ended(session: Session, output: Path | str | None, say: Say | None = None) -> Ran:
    """Runs a session to its end and writes its outputs.

    Args:
        session: a new run, or one that goes on.
        output: folder or URL (s3://bucket/results) for the outputs; tables become CSV, models
            bundles, networks YAML, arrays .npy, other values JSON. A list of such values becomes
            a folder of numbered files.
        say: takes a line when a signal came.

    Raises:
        TaskFailedError: the first task that failed for good, unless the run was to keep going.
        RunCancelledError: somebody ended it.
        ArtifactError: an output is damaged, and so it is once its task made it again.
    """
    with session:
        place_of(output)
        finished, values = _came(session, say)
    written = _delivered(session, values, output)
    wrote(session.project.store, finished.record.id, written)
    failed = _told(finished.failures) if finished.failures else None
    return Ran(finished, values, written, failed)


def _came(session: Session, say: Say | None) -> tuple[Finished, dict[str, Any]]:
    """A session that is over, and its outputs; damaged ones are made again, each once."""
    finished, again = _went(session, say), set[str]()
    while True:
        try:
            return finished, mending.read(session, finished.outputs)
        except ArtifactError as error:
            if error.digest in again:
                raise
            again.add(error.digest)
            finished = mending.both(finished, _went(mending.mended(session, error), say))


def _went(session: Session, say: Say | None) -> Finished:
    """A session that ended well, or kept going where tasks failed."""
    finished = session.go(Control(), say)
    if finished.status == "failed" and session.wish.keep_going:
        return finished
    if finished.failures:
        raise _told(finished.failures)
    if finished.status != "succeeded":
        raise RunCancelledError(
            f"the run {finished.record.name} was {finished.status}",
            f"go on with it: lamina resume {finished.record.name}",
            finished.signal,
        )
    return finished


def _delivered(
    session: Session, values: Mapping[str, Any], output: Path | str | None
) -> dict[str, str]:
    """Writes outputs into a folder, or sends them to another place; output -> where it is."""
    if output is None:
        return {}
    if not is_remote(output):
        return _write(values, Path(output))
    from lamina.data.staging.transfer import send

    place, told = str(output).rstrip("/"), []
    with TemporaryDirectory(prefix="lamina-out-") as made:
        folder = Path(made)
        written = _write(values, folder)
        for path in sorted(found for found in folder.rglob("*") if found.is_file()):
            moved = send(path, f"{place}/{path.relative_to(folder).as_posix()}")
            text = f"{moved.url}: {moved.size} bytes in {moved.seconds:.3f} s"
            told.append(log.Noticed(time.time(), "staged out", "", text))
    session.project.store.append(session.record.id, told)
    return {
        name: f"{place}/{Path(path).relative_to(folder).as_posix()}"
        for name, path in written.items()
    }


def _told(failures: Sequence[TaskFailedError]) -> TaskFailedError:
    """The first failure, and in its details a line for each other."""
    first, others = failures[0], failures[1:]
    lines = [f"also failed: {other.task}: {other.cause}" for other in others[:_ALSO]]
    if len(others) > _ALSO:
        lines.append(f"and {len(others) - _ALSO} more")
    first.details = "\n".join([first.details, *lines]).strip("\n")
    return first


def read(file: Path, given: Mapping[str, Any]) -> tuple[Workflow, dict[str, Any]]:
    """A workflow and its inputs, read from what a person types.

    Raises:
        LaminaError: no workflow, unknown inputs, or values that cannot be read.
    """
    workflow = document(file)
    check_names(workflow, given)
    types = {port.name: str(port.type) for port in workflow.inputs}
    return workflow, _values(given, types)


def _values(given: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name, entry in given.items():
        try:
            found[name] = value(entry, types[name]) if isinstance(entry, str) else entry
        except LaminaError as error:
            error.message = f"input {name!r}: {error.message}"
            raise
    return found


def _write(outputs: Mapping[str, Any], folder: Path) -> dict[str, str]:
    return {
        name: str(write_value(name, given, folder))
        for name, given in outputs.items()
        if not isinstance(given, mending.Unread)
    }
