"""The engine: one loop that tells the state what happened and carries out what it asks for."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError, UnknownNameError, UsageError
from lamina.execution.assembly import Assembly
from lamina.execution.assignments import arguments, assignment
from lamina.execution.cache.base import Memory, Question
from lamina.execution.clock import RunClock
from lamina.execution.control import Control, Requests
from lamina.execution.failures import failure_of, told
from lamina.execution.lock import RunLock
from lamina.execution.options import Ending, Options
from lamina.execution.past import Past
from lamina.execution.reports import happened
from lamina.execution.runtimes.base import Capacity, Report, Runtime, Seen
from lamina.execution.state import Machine, Policy
from lamina.execution.state.words import (
    Action,
    Answered,
    Ask,
    Assemble,
    CancelAsked,
    Decide,
    Launch,
    Record,
    Stop,
)
from lamina.execution.values import Values
from lamina.execution.writing import Writer
from lamina.workflow.graph import Workflow
from lamina.workflow.log import (
    AttemptEnded,
    Counted,
    Event,
    Noticed,
    RunFinished,
    RunStarted,
    Sink,
)
from lamina.workflow.units import task_of

__all__ = ["Control", "Ending", "Options", "Past", "execute"]

_WAIT = 0.05
"""Seconds that the engine waits at most before it looks at requests and clocks."""

_ALIVE = 30.0
"""Seconds after which they are told again although nothing changed: so others know that the engine
lives, on whatever machine it is."""

_COUNTED = 0.5
"""Seconds between two events that say where the tasks are."""


@dataclass(frozen=True, eq=False)
class _Scene:
    """What a run is done with; see `execute`."""

    run: str
    folder: Path
    runtime: Runtime
    values: Values
    sink: Sink
    memory: Memory | None
    about: Mapping[str, Any]


def execute(  # noqa: PLR0913 - the one place where all parts of a run meet
    workflow: Workflow,
    inputs: Mapping[str, Any],
    *,
    run: str,
    folder: Path,
    runtime: Runtime,
    values: Values,
    sink: Sink,
    memory: Memory | None = None,
    options: Options | None = None,
    control: Control | None = None,
    done: Past | None = None,
    about: Mapping[str, Any] | None = None,
    locked: bool = True,
) -> Ending:
    """Runs a workflow, or what is left of it, and waits for its end.

    Args:
        workflow: what to run.
        inputs: workflow input -> value, in the form of `values`.
        run: id of the run.
        folder: for its files.
        runtime: runs the tasks; closed at the end.
        values: what can be done with values of the runtime's kind.
        sink: keeps events.
        memory: knows results of earlier runs; None to run everything.
        options: how the run is to be done.
        control: ends it from outside.
        done: what earlier sessions of the run left.
        about: for `RunStarted`, besides host, process and version.
        locked: whether the folder's lock is to be held; a run without records needs none.

    Raises:
        UnknownNameError: `until` names a task that the workflow does not have.
        RunBusyError: another engine drives this run.
        StoreError: the record could not be written for a while; what ran is ended.
    """
    scene = _Scene(run, folder, runtime, values, sink, memory, about or {})
    try:
        _check_until(workflow, (options or Options()).until)
        with RunLock(folder) if locked else nullcontext():
            engine = _Engine(workflow, inputs, scene, options or Options(), control or Control())
            return engine.go(done or Past())
    finally:
        runtime.close()


def _check_until(workflow: Workflow, until: Iterable[str]) -> None:
    unknown = [name for name in until if task_of(name).partition("/")[0] not in workflow.by_name]
    if unknown:
        raise UnknownNameError("task", unknown[0], workflow.by_name)


class _Engine:
    """One session of a run."""

    def __init__(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        scene: _Scene,
        options: Options,
        control: Control,
    ) -> None:
        self._workflow = workflow
        self._inputs = inputs
        self._scene = scene
        self._options = options
        self._control = control
        self._assembly = Assembly(scene.values)
        self._records: list[Event] = []
        self._launches: list[Action] = []
        self._questions: list[Ask] = []
        self._counted = (0.0, "")
        self._do: Mapping[type[Action], Callable[[Any], None]] = {
            Record: self._record,
            Launch: self._launches.append,
            Stop: self._launches.append,
            Ask: self._questions.append,
            Assemble: self._assemble,
            Decide: self._decide,
        }

    def go(self, past: Past) -> Ending:
        """Runs to the end; whatever happens, nothing of it goes on running."""
        scene, runtime = self._scene, self._scene.runtime
        self._clock = clock = RunClock(past.time)
        self._writer = Writer(scene.sink, clock.now, lambda: self._control.killed)
        self._machine = Machine(
            self._workflow, self._inputs, self._capacity(), self._policy(), past
        )
        self._requests = Requests(scene.folder)
        self._requests.forget()
        self._control.attach(runtime.wake)
        try:
            self._begin(past)
            while not self._machine.finished and not self._control.killed:
                self._turn()
            return self._finish()
        except BaseException as error:
            self._abandon(error)
            raise
        finally:
            self._control.attach(None)
            runtime.close()

    def _capacity(self) -> Capacity:
        """What the run may use of what the runtime has."""
        there, options = self._scene.runtime.capacity(), self._options
        memory = there.memory if options.memory is None else min(options.memory, there.memory)
        gpus = tuple(gpu for gpu in there.gpus if gpu in options.gpus or not options.gpus)
        return Capacity(min(options.workers, there.cpus), memory, gpus)

    def _policy(self) -> Policy:
        options, values = self._options, self._scene.values
        return Policy(
            retries=options.retries,
            keep_going=options.keep_going,
            until=options.until,
            backoff=options.backoff,
            seed=self._scene.run,
            recall=self._scene.memory is not None,
            lasting=values.lasting,
            streaming=values.lasting,
            placing=options.placing,
            note=values.note,
            holds=values.holds,
        )

    def _begin(self, past: Past) -> None:
        about = {
            "host": platform.node(),
            "pid": os.getpid(),
            "python": platform.python_version(),
            **self._scene.about,
        }
        machine, now = self._machine, self._clock.now()
        machine.begin(now)
        started = RunStarted(now, past.sessions + 1, self._workflow.name, machine.size, about)
        self._writer.write([started, *past.deserted(now)])
        self._carry_out()

    def _turn(self) -> None:
        """What happened is told, what follows is written, then done."""
        machine, clock = self._machine, self._clock
        reports = self._scene.runtime.poll(self._patience())
        for report in reports:
            self._tell(report)
        for name in [*self._control.taken(), *self._requests.taken()]:
            machine.feed(CancelAsked(clock.now(), name))
        self._look_at_clock()
        self._carry_out()

    def _patience(self) -> float:
        due = self._machine.due()
        if due is None:
            return _WAIT
        return min(_WAIT, max(0.0, due - self._clock.now()))

    def _tell(self, report: Report) -> None:
        if isinstance(report, Seen):
            told_at = self._clock.at(report.time)
            self._records.append(Noticed(told_at, report.what, "", report.text))
            return
        event = happened(report, self._clock.at)
        if event is not None:
            self._machine.feed(event)

    def _carry_out(self) -> None:
        """Does what the state asks for until it asks for nothing more."""
        machine = self._machine
        while True:
            machine.schedule(self._clock.now())
            actions = machine.taken()
            if not actions and not self._questions:
                break
            for action in actions:
                self._do[type(action)](action)
            if self._questions:
                self._recall()
        self._count()
        self._flush()

    def _flush(self) -> None:
        """Writes first, then hands out work."""
        records, launches = self._records.copy(), self._launches.copy()
        self._records.clear()
        self._launches.clear()
        self._writer.write(records)
        scene, runtime = self._scene, self._scene.runtime
        for action in launches:
            if isinstance(action, Launch):
                runtime.start(assignment(action, scene.run, scene.folder))
            elif isinstance(action, Stop):
                runtime.cancel(action.ticket)

    def _record(self, action: Record) -> None:
        event, unit, memory = action.event, action.late, self._scene.memory
        if unit is not None and memory is not None and isinstance(event, AttemptEnded):
            (found,) = memory.recall([Question(unit.name, unit.node.task, unit.arguments)])
            event = replace(event, key=found.key, recipe=found.recipe)
        self._records.append(event)

    def _assemble(self, action: Assemble) -> None:
        self._machine.feed(self._assembly.assembled(action, self._clock.now()))

    def _decide(self, action: Decide) -> None:
        self._machine.feed(self._assembly.decided(action, self._clock.now()))

    def _recall(self) -> None:
        """Asks about many units at once."""
        asked = self._questions.copy()
        self._questions.clear()
        memory, folder = self._scene.memory, self._scene.folder
        assert memory is not None
        units = [ask.unit for ask in asked]
        questions = [Question(one.name, one.node.task, arguments(one, folder)) for one in units]
        now = self._clock.now()
        for unit, recall in zip(units, memory.recall(questions), strict=True):
            self._machine.feed(Answered(now, unit, recall))

    def _look_at_clock(self, last: bool = False) -> None:
        jump = self._clock.jump(last)
        if jump:
            self._records.append(Noticed(self._clock.now(), "clock jumped", "", jump))

    def _count(self, last: bool = False) -> None:
        """Says where the tasks are: twice a second at most, and anew when nothing changes long."""
        now = time.monotonic()
        if not last and now - self._counted[0] < _COUNTED:
            return
        counts = dict(self._machine.counts)
        if str(counts) != self._counted[1] or now - self._counted[0] > _ALIVE:
            self._counted = (now, str(counts))
            self._records.append(Counted(self._clock.now(), counts))

    def _finish(self) -> Ending:
        """The last events of a session, and its result."""
        machine, status = self._machine, self._machine.status
        for report in self._scene.runtime.poll(0.0):  # what was lost in the last moment
            self._tell(report)
        if self._control.killed and not machine.finished:
            self._scene.runtime.close()
            status = "cancelled"
        failures = [failure_of(one.task, one.error, one.exception) for one in machine.failures]
        outputs: Mapping[str, Any] = {}
        try:
            outputs = self._assembly.outputs(self._workflow, machine.outputs())
        except LaminaError as error:
            if status == "succeeded":
                status = "failed"
                wrong = UsageError(error.message, error.way_out)
                failures.append(failure_of(self._workflow.name, told(wrong), wrong))
        self._look_at_clock(last=True)
        self._count(last=True)
        kept = self._scene.values.note(outputs)
        self._records.append(RunFinished(self._clock.now(), status, kept))
        self._flush()
        return Ending(status, outputs, tuple(failures), dict(machine.counts))

    def _abandon(self, error: BaseException) -> None:
        """The session ends where it is: an interrupt, or a record that refuses."""
        self._scene.runtime.close()
        with suppress(Exception):
            status = "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"
            self._scene.sink([*self._records, RunFinished(self._clock.now(), status)])
