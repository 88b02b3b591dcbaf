"""`resume`, `spin` and `cancel`: runs that go on, tasks that run again, runs that are ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.errors import UnknownNameError, UsageError
from lamina.execution.control import request_cancel
from lamina.execution.lock import is_driven
from lamina.execution.past import Past, with_readers
from lamina.records.store import RunRecord
from lamina.workflow import log
from lamina.workflow.document import workflow_from_document
from lamina.workflow.graph import Edge, Port, Task, Workflow
from lamina.workflow.masking import mask_document
from lamina.workflow.sent import is_whole
from lamina.workflow.units import task_of
from lamina.workspace.launch import Listener, Session, document_of, inputs_of, opened
from lamina.workspace.locating import decided_in, task_at
from lamina.workspace.project import Project, project
from lamina.workspace.recording import recorded
from lamina.workspace.rereading import whole_inputs
from lamina.workspace.runs import read
from lamina.workspace.since import changed_since
from lamina.workspace.wishes import Wish

__all__ = ["Cancelled", "cancel", "continued", "resumed", "spun"]


def resumed(
    run: str,
    from_task: Sequence[str] = (),
    changes: Mapping[str, Any] | None = None,
    listeners: Sequence[Listener] = (),
) -> Session:
    """A session that goes on with a run: what is finished is not run again.

    Args:
        run: id, beginning of an id, name, or "last".
        from_task: tasks that run again, with all that reads them.
        changes: fields of `Wish` that differ from those of the run's first session.
        listeners: called with each batch of events.

    Raises:
        UnknownNameError: no such run, or no such task.
        UsageError: the run's functions exist only in the process that began it.
        ArtifactError: an input is damaged, and cannot be read again as it was.
        RunBusyError: (once it goes) another engine drives it.
    """
    home = project()
    record = home.store.find(run)
    workflow = workflow_of(record)
    past = Past.of(event for _, event in home.store.events(record.id))
    decided = decided_in(_ends(home, record.id))
    if from_task:
        for name in from_task:
            task_at(workflow, name, decided)
        past = past.without(from_task, workflow)
    behind = [task for name in from_task for task in with_readers(workflow, name)[1:]]
    wish = _wish(record, {"force": (*from_task, *behind), **(changes or {})})
    inputs = recorded(record.inputs, record.name)
    whole_inputs(home, workflow, inputs)
    notices = changed_since(home, record, workflow, past.finished, decided)
    return Session(
        home, record, workflow, inputs, wish, tuple(listeners), past, notices=tuple(notices)
    )


def continued(
    file: Path, given: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> Session:
    """A session that goes on with the newest run of a document that did not end well.

    Args:
        file: a workflow document; as it was when the run began.
        given: inputs by name that the run was given too.
        changes: as for `resumed`.

    Raises:
        UsageError: there is no such run, or it was of another document or given other inputs: it
            would go on with those.
    """
    workflow, values = read(file, given)
    home = project()
    record = _interrupted(home, workflow.name)
    again = f"run it without --resume: what is finished is reused; lamina resume {record.name} "
    document = mask_document(document_of(workflow).get("workflow", {}))
    if record.document and json.loads(json.dumps(document)) != record.document:
        raise UsageError(
            f"{file} has changed since the run {record.name} began",
            f"{again}goes on with what it was",
        )
    inputs = inputs_of(home, workflow, values)
    other = [
        name
        for name in given
        if name in record.inputs and not _is_same(inputs[name], record.inputs[name])
    ]
    if other:
        raise UsageError(
            f"the run {record.name} was given another {' and another '.join(sorted(other))}",
            f"{again}goes on with that",
        )
    return resumed(record.id, (), changes)


def _is_same(ref: Ref, entry: Mapping[str, Any]) -> bool:
    """Whether an input is the recorded one; 16 is 16.0, and of a hidden one the digest is known."""
    if ref.digest == entry.get("digest"):
        return True
    texts = (ref.inline, entry.get("inline"))
    return None not in texts and json.loads(str(texts[0])) == json.loads(str(texts[1]))


def _interrupted(home: Project, workflow: str) -> RunRecord:
    for record in home.store.runs():
        open_ = record.status != "succeeded" and not is_driven(home.run_folder(record.id))
        if record.workflow == workflow and open_:
            return home.store.find(record.id)
    raise UsageError(
        f"no run of {workflow!r} is there to be resumed", "run it without --resume; see: lamina ls"
    )


def workflow_of(record: RunRecord) -> Workflow:
    """The workflow of a recorded run.

    Raises:
        UsageError: it could not be written as a document, or holds a secret.
        DocumentError: files that it names have changed so that it is no workflow any more.
    """
    if not (record.document and is_whole(record.document)):
        raise UsageError(
            f"the run {record.name} has functions that only the program that began it knows",
            "run that program again: finished tasks come from the cache",
        )
    if record.document.get("hidden"):
        # A document with a hole in it would run with the hole.
        raise UsageError(
            f"the workflow of run {record.name} holds a secret, and no record of it is kept",
            "run the workflow again: what is finished is reused",
        )
    return workflow_from_document(dict(record.document), folder=Path(record.folder))


def spun(
    task: str,
    run: str,
    changes: Mapping[str, Any] | None = None,
    listeners: Sequence[Listener] = (),
    places: Callable[[], None] | None = None,
) -> Session:
    """A new run of one task on the inputs that it got in an earlier run.

    Args:
        task: a unit: "sort", "inner/count[3]".
        run: id, name or "last".
        changes: fields of `Wish` that differ from those of the run.
        listeners: called with each batch of events.
        places: makes sure of the places of results, before anything is recorded.

    Raises:
        UnknownNameError: no such run, or no such unit in it; lists those that there are.
        UsageError: the unit was reused, and the run that made its result is gone.
    """
    home = project()
    record = home.store.find(run)
    inputs = recorded(_inputs_of(home, record, task), record.name)
    decided = decided_in(_ends(home, record.id))
    workflow = _alone(*task_at(workflow_of(record), task, decided), record, inputs)
    wish = replace(_wish(record, changes or {}), force=("*",), until=())
    if places is not None:
        places()
    return opened(home, workflow, inputs, wish, listeners)


def _inputs_of(home: Project, record: RunRecord, unit: str) -> Mapping[str, Any]:
    """What a unit got; of a reused one, what the attempt got that made its result."""
    known: dict[str, log.AttemptStarted | log.TaskReused] = {}
    for _, event in home.store.events(record.id, words=("attempt-started", "task-reused")):
        if isinstance(event, (log.AttemptStarted, log.TaskReused)):
            known[event.task] = event
    if unit not in known:
        raise UnknownNameError(f"task of run {record.name}", unit, known)
    found = known[unit]
    if isinstance(found, log.AttemptStarted):
        return found.inputs
    for _, event in home.store.events(found.source, words=("attempt-started",)):
        if isinstance(event, log.AttemptStarted) and event.key == found.key:
            return event.inputs
    raise UsageError(
        f"{unit} was reused in run {record.name}, and what it got is not known any more",
        f"run it again with its run: lamina resume {record.name} --from {task_of(unit)}",
    )


def _ends(home: Project, run: str) -> Iterator[log.Event]:
    """Ends of the attempts of a run, which tell what was decided in it."""
    return (event for _, event in home.store.events(run, words=("attempt-ended",)))


def _alone(task: Task, around: Workflow, record: RunRecord, inputs: Mapping[str, Ref]) -> Workflow:
    """A workflow of one task, whose inputs are the task's own."""
    ports = tuple(port for port in task.inputs if port.name in inputs)
    name = task.name
    while name in inputs:
        name += "_"
    return Workflow(
        f"{record.workflow} - {task.name}",
        tuple(Port(port.name, port.type) for port in ports),
        task.outputs,
        (replace(task, name=name, parameters={}, scatter=()),),
        (
            *(Edge(port.name, f"{name}.{port.name}") for port in ports),
            *(Edge(f"{name}.{port.name}", port.name) for port in task.outputs),
        ),
        folder=around.folder or Path(record.folder),
    )


def _wish(record: RunRecord, changes: Mapping[str, Any]) -> Wish:
    known = Wish.__dataclass_fields__
    kept = {name: value for name, value in record.options.items() if name in known}
    kept.update({"force": (), **changes})
    for name in ("until", "force"):
        kept[name] = tuple(kept.get(name, ()))
    return Wish(**kept)


@dataclass(frozen=True)
class Cancelled:
    """What became of a wish to cancel."""

    run: str
    task: str
    seconds: float
    ended: bool

    def text(self) -> str:
        """One line."""
        what = f"{self.run}/{self.task}" if self.task else self.run
        if self.ended:
            return f"{what} is cancelled ({self.seconds:.2f} s)"
        return f"{what} was asked to cancel and goes on after {self.seconds:.0f} s"


def cancel(run: str, task: str = "", patience: float = 10.0) -> Cancelled:
    """Asks the engine that drives a run to end it, or one task of it, and waits for that.

    Args:
        run: id, name or "last".
        task: a unit, or a task with all its units; empty for the run.
        patience: seconds to wait.

    Raises:
        UsageError: nothing drives the run.
    """
    home = project()
    record = home.store.find(run)
    folder = home.run_folder(record.id)
    if not is_driven(folder):
        raise UsageError(
            f"the run {record.name} is not running ({record.status})", "see: lamina ls"
        )
    began = time.monotonic()
    request_cancel(folder, task)
    while time.monotonic() - began < patience:
        if _is_over(home, record.id, folder, task):
            return Cancelled(record.name, task, time.monotonic() - began, True)
        time.sleep(0.02)
    return Cancelled(record.name, task, time.monotonic() - began, False)


def _is_over(home: Project, run: str, folder: Path, task: str) -> bool:
    if not is_driven(folder):
        return True
    if not task:
        return False
    running: set[str] = set()
    for _, event in home.store.events(run, words=("attempt-started", "attempt-ended")):
        if isinstance(event, log.AttemptStarted):
            running.add(event.task)
        elif isinstance(event, log.AttemptEnded):
            running.discard(event.task)
    return not any(unit == task or task_of(unit) == task for unit in running)
