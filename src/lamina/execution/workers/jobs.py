"""One job in a worker: its inputs fetched, its action run, its outputs checked and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import UsageError
from lamina.execution.runners import RUNNERS, Job, Scene
from lamina.execution.runtimes.base import MAIN
from lamina.execution.values import arrived
from lamina.execution.workers.attempt import WorkerAttempt
from lamina.execution.workers.programs import Program
from lamina.execution.workers.recipes import KNOWN, task_of
from lamina.execution.workers.usage import Meter
from lamina.execution.workers.verdicts import Verdict, judged
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.expansion import Expansion
from lamina.workflow.graph import Task
from lamina.workflow.telling import entered, left
from lamina.workflow.types import PortType

Send = Callable[[dict[str, Any]], None]


@dataclass(eq=False)
class Course:
    """How a job goes: its phases so far, and what it gives.

    Args:
        phases: name -> (begin, end) in seconds of `time.monotonic()`.
        outputs: port -> reference as plain values.
        expansion: workflow document and inputs of a task that decided on further ones.
    """

    phases: dict[str, tuple[float, float]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    expansion: list[Any] | None = None
    exit: int | None = None
    logged: bool = False

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """The time of the block, whatever its end."""
        begin = time.monotonic()
        self.phases[name] = (begin, begin)
        try:
            yield
        finally:
            self.phases[name] = (begin, time.monotonic())


class Desk:
    """Where a worker does one job after the other.

    Args:
        artifacts: folder of the store of values.
        send: takes a message for the engine.
    """

    def __init__(self, artifacts: Path, send: Send) -> None:
        self._artifacts = Artifacts(artifacts)
        self._send = send
        self._meter = Meter()
        self._tasks: dict[int, Task | dict[str, Any]] = {}

    def do(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Does a job; never raises. The answer is the last message about it."""
        course = Course()
        self._meter.start()
        verdict = Verdict("succeeded")
        try:
            self._go(message, course)
        except BaseException as error:  # a user's sys.exit() too must reach the engine
            verdict = judged(error, next(reversed(course.phases), ""))
        found: dict[str, Any] = {
            "status": verdict.status,
            "phases": course.phases,
            "usage": self._meter.stop(),
        }
        rest = {
            "outputs": course.outputs if verdict.status == "succeeded" else None,
            "exit": course.exit if course.exit is not None else verdict.exit,
            "error": verdict.error,
            "notices": verdict.notices,
            "expansion": course.expansion,
            "logged": course.logged,
        }
        found.update({name: value for name, value in rest.items() if value})
        if course.exit == 0:
            found["exit"] = 0
        return found

    def _go(self, message: Mapping[str, Any], course: Course) -> None:
        task = self._task(message)
        attempt = WorkerAttempt(
            message["run"], message["name"], message["attempt"], message["threads"],
            lambda told: self._send({"told": told}), Path(message["scratch"]),
        )  # fmt: skip
        token = entered(attempt)
        try:
            if message["part"] != MAIN:
                Program(self._artifacts, message).script(task, course)
            elif isinstance(task.action, CommandAction):
                Program(self._artifacts, message).main(task, course)
            else:
                self._call(task, message, course)
        finally:
            left(token)
            attempt.end()

    def _task(self, message: Mapping[str, Any]) -> Task:
        """The task of a message: named by its number after the first time."""
        number = message["task"]
        if "recipe" in message:
            while len(self._tasks) >= KNOWN:
                del self._tasks[next(iter(self._tasks))]
            # Kept before it is read: the engine counts it as known, whatever comes of it here.
            self._tasks[number] = message["recipe"]
        known = self._tasks[number]
        if not isinstance(known, Task):
            known = self._tasks[number] = task_of(known)
        return known

    def _call(self, task: Task, message: Mapping[str, Any], course: Course) -> None:
        with course.phase("stage_in"):
            arguments = {
                name: self._loaded(task, name, Ref.from_json(entry), message)
                for name, entry in message["inputs"].items()
            }
            runner = RUNNERS.get(task.action.kind)
            runner.prepare(task.action)
        with course.phase("run"):
            scene = Scene(Path(message["folder"]))
            found = runner.run(Job(task, message["name"], arguments, scene))
        with course.phase("stage_out"):
            self._keep(task, found, course)

    def _loaded(self, task: Task, name: str, ref: Ref, message: Mapping[str, Any]) -> Any:
        port = task.input(name)
        value, problem = arrived(port, self._artifacts.get(ref))
        if problem:
            raise UsageError(f"port {name!r} {problem}", "give it such a value")
        return value

    def _keep(self, task: Task, found: Mapping[str, Any], course: Course) -> None:
        expansion = next((v for v in found.values() if isinstance(v, Expansion)), None)
        if expansion is not None:
            course.expansion = [expansion.document(), self._inputs_of(expansion)]
            return
        for port in task.outputs:
            value, problem = arrived(port, found.get(port.name))
            if problem:
                raise UsageError(
                    f"its output {port.name!r} {problem}",
                    "return such a value, or change the type of the port",
                )
            course.outputs[port.name] = self.kept(value, port.type)

    def _inputs_of(self, expansion: Expansion) -> dict[str, Any]:
        kinds = {port.name: port.type for port in expansion.workflow.inputs}
        return {n: self.kept(value, kinds[n]) for n, value in expansion.inputs.items()}

    def kept(self, value: Any, kind: PortType) -> dict[str, Any]:
        """The reference of a value that is in the store now."""
        return self._artifacts.put(value, kind).to_json()
