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
from lamina.execution.flows import Flows, spool_paths
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
from lamina.workflow.ports import Port
from lamina.workflow.telling import entered, left
from lamina.workflow.types import PortType
from lamina.workflow.units import folder_of

Send = Callable[[dict[str, Any]], None]


@dataclass(eq=False)
class Course:
    """How a job goes: its phases so far, and what it gives.

    Args:
        phases: name -> (begin, end) in seconds of `time.monotonic()`.
        outputs: port -> reference as plain values.
        expansion: workflow document and inputs of a task that decided on further ones.
        exit: exit code of a program, or minus its signal.
        peak: bytes that a program has held at most; 0 for functions.
        logged: whether the attempt's folder was made.
    """

    phases: dict[str, tuple[float, float]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    expansion: list[Any] | None = None
    exit: int | None = None
    peak: int = 0
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
    """

    def __init__(self, artifacts: Path) -> None:
        self._notices: list[tuple[str, str]] = []
        self._artifacts = Artifacts(artifacts, lambda *notice: self._notices.append(notice))
        self._tasks: dict[int, Task | dict[str, Any]] = {}

    def begin(self, send: Send, ready: Callable[[str], None]) -> None:
        """This process will do the jobs.

        Args:
            send: takes messages for the engine.
            ready: is called before a function runs, with the name of its file or module.
        """
        self._send = send
        self._ready = ready
        self._meter = Meter()

    def close(self) -> None:
        """No more jobs."""
        self._meter.close()

    def do(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Does a job; never raises. The answer is the last message about it."""
        course = Course()
        self._notices.clear()
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
        if course.peak:
            found["usage"]["memory_peak"] = course.peak
        rest = {
            "outputs": course.outputs if verdict.status == "succeeded" else None,
            "exit": course.exit if course.exit is not None else verdict.exit,
            "error": verdict.error,
            "notices": [*self._notices, *verdict.notices],
            "expansion": course.expansion,
            "logged": course.logged,
        }
        found.update({name: value for name, value in rest.items() if value})
        if course.exit == 0:
            found["exit"] = 0
        return found

    def _go(self, message: Mapping[str, Any], course: Course) -> None:
        task = self._task(message)
        flows = Flows(task, _spools(message), self._artifacts)
        attempt = WorkerAttempt(message, lambda told: self._send({"told": told}), flows.outlet)
        token = entered(attempt)
        try:
            if message["part"] != MAIN:
                Program(self._artifacts, message).script(task, course)
            elif isinstance(task.action, CommandAction):
                Program(self._artifacts, message).main(task, course)
            else:
                self._call(task, message, course, flows)
        finally:
            flows.close()
            left(token)
            attempt.end()

    def _task(self, message: Mapping[str, Any]) -> Task:
        """The task of a message: named by its number after the first time."""
        number = message["task"]
        if "recipe" in message:
            self._learn(number, message["recipe"])
        known = self._tasks[number]
        if not isinstance(known, Task):
            known = self._tasks[number] = task_of(known)
        return known

    def learn(self, number: int, entry: dict[str, Any]) -> None:
        """Reads the recipe of a task. Raises LaminaError."""
        self._learn(number, entry)
        self._tasks[number] = task_of(entry)

    def _learn(self, number: int, entry: dict[str, Any]) -> None:
        while len(self._tasks) >= KNOWN:
            del self._tasks[next(iter(self._tasks))]
        # Kept before it is read: the engine counts it as known, whatever comes of it here.
        self._tasks[number] = entry

    def _call(self, task: Task, message: Mapping[str, Any], course: Course, flows: Flows) -> None:
        with course.phase("stage_in"):
            refs = {name: Ref.from_json(entry) for name, entry in message["inputs"].items()}
            self._artifacts.bring(refs.values())
            arguments = {
                name: self._loaded(task.input(name), ref, flows) for name, ref in refs.items()
            }
            runner = RUNNERS.get(task.action.kind)
            runner.prepare(task.action)
            flows.begin()
        self._ready(str(getattr(task.action, "function", "")).rpartition(":")[0])
        with course.phase("run"):
            scene = Scene(Path(message["folder"]))
            found = runner.run(Job(task, message["name"], arguments, scene))
            expansion = next((v for v in found.values() if isinstance(v, Expansion)), None)
            if expansion is None:
                # A generator does its work while its items are taken.
                for port in task.outputs:
                    if port.type.streams:
                        ref = flows.keep(port, found.get(port.name))
                        course.outputs[port.name] = ref.to_json()
        with course.phase("stage_out"):
            if expansion is not None:
                course.expansion = [expansion.document(), self._inputs_of(expansion)]
                return
            self._keep(task, found, course)

    def _loaded(self, port: Port, ref: Ref, flows: Flows) -> Any:
        value: Any = flows.inlet(ref) if port.type.streams else self._artifacts.get(ref)
        value, problem = arrived(port, value)
        if problem:
            raise UsageError(f"port {port.name!r} {problem}", "give it such a value")
        return value

    def _keep(self, task: Task, found: Mapping[str, Any], course: Course) -> None:
        for port in task.outputs:
            if port.name in course.outputs:
                continue
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


def _spools(message: Mapping[str, Any]) -> Callable[[str], Path]:
    """Where the attempt's streams lie, by port: beside the folders of attempts."""

    def path(port: str) -> Path:
        name, attempt = message["name"], message["attempt"]
        run = message["folder"].removesuffix(folder_of(name, attempt))
        return spool_paths(Path(run), name, attempt)(port)

    return path
