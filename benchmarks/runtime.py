"""Milliseconds per task of the local runtime alone: no engine, no records.

    python benchmarks/runtime.py [--tasks 2000] [--json]

`warm` and `fresh` are no-op functions in workers that are used again, and in processes of their
own; `command` starts /bin/true; `cancel` is the time from the request to the report, when nothing
of the attempt is there any more, for a task that has forked and ignores signals. `start` is the
time to the first result, with the start of the zygote.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lamina.data.artifacts.store import Artifacts
from lamina.execution.runtimes.base import Assignment, Began, Ended
from lamina.execution.runtimes.local import LocalRuntime
from lamina.workflow import command, task
from lamina.workflow.build import Step
from lamina.workflow.graph import Task


def noop(x: int) -> int:
    """Nothing."""
    return x


def hangs() -> None:
    """Forks into another session, ignores signals, never ends."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not os.fork():
        os.setsid()
    while True:
        time.sleep(600)


class Course:
    """A runtime in a temporary folder, and attempts for it."""

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        self.folder = folder
        self.artifacts = Artifacts(folder / "artifacts")
        self.runtime = LocalRuntime(self.artifacts, cpus=2, gpus=(), fresh=fresh)
        self.count = 0

    def start(self, made: Task, **arguments: int) -> None:
        """Hands out the next attempt."""
        self.count += 1
        refs = {name: self.artifacts.put(value) for name, value in arguments.items()}
        name, folder = f"t[{self.count}]", self.folder / f"attempts/t.{self.count}~1"
        given = Assignment(
            "benchmark", name, 1, made, refs, made.care.needs, (), folder, folder / "scratch"
        )
        self.runtime.start(given)

    def many(self, made: Task, tasks: int, width: int, **arguments: int) -> float:
        """Milliseconds per task, `width` at the same time."""
        began, running, left, started = time.perf_counter(), 0, tasks, 0
        while left:
            while running < width and started < tasks:
                self.start(made, **arguments)
                running, started = running + 1, started + 1
            for report in self.runtime.poll(10.0):
                if isinstance(report, Ended):
                    if report.status != "succeeded":
                        raise SystemExit(f"a task failed: {dict(report.error)}")
                    running, left = running - 1, left - 1
        return 1000 * (time.perf_counter() - began) / tasks

    def cancelled(self, made: Task) -> float:
        """Milliseconds from the request to end an attempt to the report of its end."""
        self.start(made)
        while not any(isinstance(report, Began) for report in self.runtime.poll(10.0)):
            pass
        time.sleep(0.05)
        began = time.perf_counter()
        self.runtime.cancel((f"t[{self.count}]", 1, "main"))
        while not any(isinstance(report, Ended) for report in self.runtime.poll(10.0)):
            pass
        return 1000 * (time.perf_counter() - began)


def _task(step: Step[..., object]) -> Task:
    return Task(step.name, step.action, step.signature.inputs, step.signature.outputs)


def _in_folder(what: Callable[[Path], dict[str, float]]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return what(Path(folder))


def measure(tasks: int) -> dict[str, float]:
    """All figures, in milliseconds."""
    function = _task(task(noop))

    def warm(folder: Path) -> dict[str, float]:
        course = Course(folder)
        start = course.many(function, 1, 1, x=1)
        course.many(function, 50, 2, x=1)
        before = _cpu()
        found = {
            "start": start,
            "warm": course.many(function, tasks, 1, x=1),
            "warm, two at once": course.many(function, tasks, 2, x=1),
            "warm, engine's processor time": 500 * (_cpu() - before) / tasks,
            "command": course.many(_task(command(["/bin/true"])), max(1, tasks // 10), 1),
        }
        ends = [course.cancelled(_task(task(hangs))) for _ in range(10)]
        course.runtime.close()
        return {**found, "cancel, median": statistics.median(ends), "cancel, longest": max(ends)}

    def fresh(folder: Path) -> dict[str, float]:
        course, count = Course(folder, fresh=True), max(10, tasks // 5)
        course.many(function, 10, 2, x=1)
        found = {
            "fresh": course.many(function, count, 1, x=1),
            "fresh, two at once": course.many(function, count, 2, x=1),
        }
        began = time.perf_counter()
        course.runtime.close()
        return {**found, "close": 1000 * (time.perf_counter() - began)}

    return {**_in_folder(warm), **_in_folder(fresh)}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    load = os.getloadavg()[0]
    found = measure(told.tasks)
    if told.json:
        sys.stdout.write(json.dumps({"ms": found, "load_before": load}, indent=1) + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:<32}{value:8.3f} ms\n")
    sys.stdout.write(f"{'load before':<32}{load:8.2f}\n")


if __name__ == "__main__":
    main()
