"""A run, wired: records, artifacts, the cache, a runtime and the engine."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.data.artifacts.reference import Ref
from lamina.errors import LaminaError, TaskFailedError
from lamina.execution.engine import Control, Past, execute
from lamina.execution.options import Options
from lamina.execution.preparing import prepare
from lamina.execution.runners import RUNNERS
from lamina.execution.values import run_inputs
from lamina.workflow import log
from lamina.workflow.actions.base import Action
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.expansion import Expansion
from lamina.workflow.graph import Workflow
from lamina.workflow.source import source_file
from lamina.workspace.interrupts import interruptible
from lamina.workspace.lanes import placing, unplaced
from lamina.workspace.project import Project
from lamina.workspace.recalling import EVERY, memory
from lamina.workspace.recording import protect, resumable, surroundings, user
from lamina.workspace.told_inputs import ReadOnce, remember
from lamina.workspace.wishes import Wish, devices

if TYPE_CHECKING:
    from lamina.execution.runtimes.base import Runtime
    from lamina.records.store import RunRecord

Listener = Callable[[Sequence[log.Event]], None]
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Finished:
    """How a session of a run ended.

    Args:
        record: the run.
        status: "succeeded", "failed" or "cancelled".
        outputs: workflow output -> reference.
        failures: of the tasks that failed for good.
        made: units whose attempts ended well in this session.
        stood_in: units of which an earlier result was taken; some were made after all, where it
            was found damaged or gone.
        seconds: of this session.
        spans: (task, status, begin, end) of each attempt, seconds since the session began.
        signal: number of the signal that ended it; 0 for none.
    """

    record: RunRecord
    status: str
    outputs: Mapping[str, Ref]
    failures: tuple[TaskFailedError, ...]
    made: frozenset[str]
    stood_in: frozenset[str]
    seconds: float
    spans: tuple[tuple[str, str, float, float], ...]
    signal: int = 0

    @property
    def tasks(self) -> int:
        """How many units were made or stood in."""
        return len(self.made | self.stood_in)

    @property
    def reused(self) -> int:
        """How many of them were not made again."""
        return len(self.stood_in - self.made)


class _Watch:
    """Hands events to the store, then to listeners; keeps what the result needs of them."""

    def __init__(self, session: Session) -> None:
        self._store = session.project.store
        self._run = session.record.id
        self._listeners = session.listeners
        self._notices = session.notices
        self._began = 0.0
        self.stood_in = set[str]()
        self.made = set[str]()
        self.spans: list[tuple[str, str, float, float]] = []

    def __call__(self, events: Sequence[log.Event]) -> None:
        if self._notices and events and isinstance(events[0], log.RunStarted):
            said = [log.Noticed(events[0].time, *notice) for notice in self._notices]
            events = [events[0], *said, *events[1:]]
        self._store.append(self._run, events)
        for event in events:
            if isinstance(event, log.AttemptEnded):
                begin, end = event.phases.get("run", (event.time, event.time))
                span = (event.task, event.status, begin - self._began, end - self._began)
                self.spans.append(span)
                if event.status == "succeeded":
                    self.made.add(event.task)
            elif isinstance(event, log.TaskReused):
                self.stood_in.add(event.task)
            elif isinstance(event, log.RunStarted):
                self._began = event.time
        for listener in self._listeners:
            listener(events)


def inputs_of(project: Project, workflow: Workflow, given: Mapping[str, Any]) -> dict[str, Ref]:
    """The inputs of a run as references: checked, read where a name was told, and kept.

    Raises:
        UsageError: missing, unknown or unfitting inputs.
        ArtifactError: a value that cannot be kept.
    """
    values = run_inputs(workflow, given)
    kinds = {port.name: port.type for port in workflow.inputs}
    refs = {name: project.artifacts.refer(value, kinds[name]) for name, value in values.items()}
    remember(project, workflow, given, refs)
    return refs


def opened(
    project: Project,
    workflow: Workflow,
    inputs: Mapping[str, Ref],
    wish: Wish,
    listeners: Iterable[Listener] = (),
) -> Session:
    """A new run of the project, in the records and not begun.

    Args:
        project: where records, artifacts and files go.
        workflow: what to run.
        inputs: see `inputs_of`.
        wish: how.
        listeners: called with each batch of events once it is written.

    Raises:
        WorkflowError: functions or programs that cannot be found; nothing has run.
        StoreError: the records cannot be written.
    """
    prepare(workflow, _look)
    runtime = _runtime(project, workflow, wish)
    try:
        if _is_new(project, workflow, wish):
            # Before the library for the records is loaded, which takes as long.
            runtime.expect(workflow.tasks[0].care.needs)
        record = _created(project, workflow, inputs, wish)
    except BaseException:
        runtime.close()
        raise
    notices = unplaced(project, workflow, wish)
    return Session(
        project, record, workflow, inputs, wish, tuple(listeners), runtime=runtime, notices=notices
    )


def _created(
    project: Project, workflow: Workflow, inputs: Mapping[str, Ref], wish: Wish
) -> RunRecord:
    """A new run in the records."""
    from lamina.records.names import name_of, new_id
    from lamina.records.store import RunRecord

    protect(project.store, workflow, inputs)
    identity = new_id()
    document = document_of(workflow)
    record = RunRecord(
        identity,
        name_of(identity),
        workflow.name,
        document.get("workflow", {}),
        document.get("folder") or str((workflow.folder or Path.cwd()).absolute()),
        {name: ref.to_json() for name, ref in inputs.items()},
        {**asdict(wish), "command": sys.argv},
        time.time(),
        host=platform.node(),
        pid=os.getpid(),
    )
    return project.store.create(record)


def _is_new(project: Project, workflow: Workflow, wish: Wish) -> bool:
    """Whether it is sure that tasks will run: no earlier run of the workflow is recorded."""
    from lamina.records.peek import Peek

    if not workflow.tasks:
        return False
    if not wish.cache or EVERY in wish.force:
        return True
    peek = Peek.at(project.store.url)
    if peek is None:
        return False
    try:
        return not peek.has_run(workflow.name)
    finally:
        peek.close()


def _runtime(project: Project, workflow: Workflow, wish: Wish) -> Runtime:
    from lamina.execution.runtimes.local import LocalRuntime

    usual = LocalRuntime(
        project.artifacts,
        wish.cpus or None,
        wish.bytes,
        devices(str(wish.gpus)),
        wish.fresh,
    )
    return placing(usual, project, workflow, wish)


@dataclass(frozen=True, eq=False)
class Session:
    """One session of a run: its first, or one that goes on with it.

    Workers may be on their way before it goes: it is gone with, or closed (`with session:`).

    Args:
        project: where records, artifacts and files are.
        record: the run.
        workflow: what runs.
        inputs: workflow input -> reference.
        wish: how.
        listeners: called with each batch of events once it is written.
        past: what earlier sessions left.
        runtime: that is there already, and ends with the session; None to have one made.
        notices: (what, task, text) that the record and the listeners are told at its beginning.
    """

    project: Project
    record: RunRecord
    workflow: Workflow
    inputs: Mapping[str, Ref]
    wish: Wish
    listeners: tuple[Listener, ...] = ()
    past: Past | None = None
    runtime: Runtime | None = None
    notices: tuple[tuple[str, str, str], ...] = ()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        if self.runtime is not None:
            self.runtime.close()

    def go(self, control: Control, say: Say | None = None) -> Finished:
        """Runs what is left to run, and waits for the end."""
        project, record = self.project, self.record
        watch = _Watch(self)
        runtime = self.runtime or _runtime(project, self.workflow, self.wish)
        began = time.perf_counter()
        try:
            protect(project.store, self.workflow, self.inputs)
            with interruptible(control, say) as signals:
                ending = execute(
                    self.workflow,
                    self.inputs,
                    run=record.id,
                    folder=project.run_folder(record.id),
                    runtime=runtime,
                    values=ReadOnce(project),
                    sink=watch,
                    memory=self._memory(),
                    options=self._options(runtime),
                    control=control,
                    done=self.past,
                    about=self._about(),
                )
            if ending.status == "succeeded":
                _drop(project.run_folder(record.id) / "scratch")
        finally:
            runtime.close()
            # Streams that ended are artifacts, and what broke off is written anew.
            _drop(project.run_folder(record.id) / "streams")
        return Finished(
            record,
            ending.status,
            ending.outputs,
            tuple(_with_way_out(failure, record) for failure in ending.failures),
            frozenset(watch.made),
            frozenset(watch.stood_in),
            time.perf_counter() - began,
            tuple(watch.spans),
            signals[0] if signals else 0,
        )

    def _memory(self) -> Any:
        return memory(
            self.project, self.workflow, self.wish.force, self.wish.cache, Path(self.record.folder)
        )

    def _options(self, runtime: Runtime) -> Options:
        wish, there = self.wish, runtime.capacity()
        return Options(
            workers=there.cpus,
            memory=wish.bytes,
            gpus=there.gpus,
            retries=wish.retries,
            keep_going=wish.keep_going,
            until=wish.until,
            fresh=wish.fresh,
            placing=runtime.places,
        )

    def _about(self) -> dict[str, Any]:
        from lamina import __version__

        return {
            "lamina": __version__,
            "environment": surroundings(self.project.store),
            "user": user(),
            "directory": str(Path.cwd()),
            "command": list(sys.argv),
            "options": asdict(self.wish),
        }


def document_of(workflow: Workflow) -> Mapping[str, Any]:
    """{"workflow", "folder"}; empty for functions that no other process can find."""
    try:
        return Expansion(workflow, {}).document()
    except LaminaError:
        return {}


def _look(action: Action) -> None:
    """Looks for what an action needs; imports no code of the user. Raises LaminaError."""
    if not isinstance(action, PythonAction):
        RUNNERS.get(action.kind).prepare(action)
    elif action.call is None:
        source_file(action.function, action.folder)


def _with_way_out(failure: TaskFailedError, record: RunRecord) -> TaskFailedError:
    """How to go on, besides what the task itself says, if that does not say it already."""
    if resumable(record) and "run the workflow again" not in failure.way_out:
        again = f"then: lamina resume {record.name}"
    elif "again" in failure.way_out:
        return failure
    else:
        again = "then run the workflow again: what is finished is reused"
    failure.way_out = f"{failure.way_out}; {again}" if failure.way_out else f"mend it, {again}"
    return failure


def _drop(folder: Path) -> None:
    """Deletes what only a running session needs."""
    if folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
