"""Runs that never were, worked out: when units start, where, and how their attempts end.

Units start when what they read is done and one of the workers is free. Times, places and outcomes
follow from a seed.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamina.records.dependencies import Dependencies, site_of
from lamina.workflow.log import (
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    Event,
    Noticed,
    RunFinished,
    RunStarted,
    TaskReused,
    TaskSkipped,
)


@dataclass
class Plan:
    """What shall happen.

    Args:
        document: the workflow.
        units: names of all units, each after those it reads.
        ends: unit -> how its attempts end, one after the other; missing ones succeed.
        reused: units whose results come from an earlier run.
        seconds: mean time of a task; by its site where that has its own.
        stop: seconds after which the engine is killed; None for never.
        expansions: unit -> document that it decides on.
        counted: unit -> attempts of earlier sessions.
    """

    document: dict[str, Any]
    units: Sequence[str]
    ends: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reused: frozenset[str] = frozenset()
    seconds: Mapping[str, float] = field(default_factory=dict)
    stop: float | None = None
    expansions: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    workers: int = 3
    seed: int = 1
    counted: Mapping[str, int] = field(default_factory=dict)


_REASONS = {
    "failed": "its own error",
    "memory": "out of memory",
    "timeout": "out of time",
    "lost": "worker lost",
}


def short_value(text: str) -> dict[str, Any]:
    """A reference to a short JSON value."""
    inline = json.dumps(text)
    return {
        "codec": "json",
        "digest": hashlib.sha256(inline.encode()).hexdigest(),
        "size": len(inline.encode()),
        "inline": inline,
    }


def stored_file(name: str, size: int) -> dict[str, Any]:
    """A reference to a file that the store would hold."""
    digest = hashlib.sha256(f"{name}{size}".encode()).hexdigest()
    return {"codec": "file", "digest": digest, "size": size, "name": name}


def _output(unit: str) -> dict[str, Any]:
    size = len(unit) * 1000
    return {
        "result": stored_file(f"{site_of(unit)}.txt", size) if len(unit) % 2 else short_value(unit)
    }


class Schedule:
    """Works a plan out, event by event."""

    def __init__(self, plan: Plan, begin: float, session: int, about: Mapping[str, Any]) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.parents = Dependencies(plan.document, plan.units, plan.expansions)
        self.free = [begin + 0.02] * plan.workers
        self.done: dict[str, float] = {}
        self.outputs: dict[str, dict[str, Any]] = {}
        self.begin = begin
        self.events: list[Event] = [
            RunStarted(
                begin, session, str(plan.document.get("name", "made-up")), len(plan.units), about
            )
        ]

    def run(self) -> list[Event]:
        """All events in order of time."""
        for unit in self.plan.units:
            self.unit(unit)
        self.events.sort(key=lambda event: event.time)
        if self.plan.stop is not None:
            limit = self.begin + self.plan.stop
            return [event for event in self.events if event.time <= limit]
        end = max([self.events[-1].time, *self.done.values()]) + 0.01
        missing = [unit for unit in self.plan.units if unit not in self.done]
        outputs = {"result": self.outputs[self.plan.units[-1]]["result"]} if not missing else {}
        return [*self.events, RunFinished(end, "failed" if missing else "succeeded", outputs)]

    def unit(self, unit: str) -> None:
        """All attempts of one unit."""
        parents = self.parents.get(unit) or []
        lacking = [name for name in parents if name not in self.done]
        if lacking:
            time = max([self.begin, *self.done.values()])
            self.events.append(TaskSkipped(time, unit, f"its input {lacking[0]} failed"))
            return
        ready = max([self.begin + 0.01, *(self.done[name] for name in parents)]) + 0.001
        if unit in self.plan.reused:
            self.outputs[unit] = _output(unit)
            key = hashlib.sha256(unit.encode()).hexdigest()
            self.events.append(TaskReused(ready, unit, ready, key, "0badc0ffee", _output(unit)))
            self.done[unit] = ready
            return
        inputs = {f"p{n}": self.outputs[name]["result"] for n, name in enumerate(parents[:50])}
        first = 1 + self.plan.counted.get(unit, 0)
        for number, end in enumerate([*self.plan.ends.get(unit, ()), "succeeded"], start=first):
            ready = self.attempt(unit, number, end, ready, inputs)
            if end == "succeeded":
                self.done[unit] = ready
            if end in ("succeeded", "failed", "cancelled"):
                return

    def attempt(
        self, unit: str, number: int, end: str, ready: float, inputs: Mapping[str, Any]
    ) -> float:
        """One attempt; gives the time at which it was over."""
        worker = min(range(len(self.free)), key=lambda n: self.free[n])
        began = max(ready, self.free[worker])
        mean = self.plan.seconds.get(site_of(unit), 1.0)
        lasts = {
            "pre_script": 0.05 * mean if "scripted" in unit else 0.0,
            "submit": 0.004,
            "queue": began - ready,
            "stage_in": self.random.uniform(0.02, 0.2) * mean,
            "run": mean * self.random.lognormvariate(0, 0.35),
            "stage_out": self.random.uniform(0.01, 0.1) * mean,
            "post_script": 0.04 * mean if "scripted" in unit else 0.0,
        }
        at, phases = ready, {}
        for name, seconds in lasts.items():
            if seconds > 0:
                phases[name] = (at, at + seconds)
                at += seconds
        self.free[worker] = at
        key = hashlib.sha256(unit.encode()).hexdigest()
        counted = self.plan.counted.get(unit, 0)
        reason = "retry: lost" if counted else "not run before"
        if number > counted + 1:
            reason = f"retry: {self.plan.ends[unit][number - counted - 2]}"
        self.events.append(
            AttemptStarted(
                ready, unit, number, ready, key, key[:16], {"cpus": 1.0}, (), inputs, reason
            )
        )
        if "train" in unit:
            run = phases["run"]
            for epoch in range(20):
                moment = run[0] + (run[1] - run[0]) * (epoch + 1) / 20
                loss = 0.9 * 0.8**epoch + self.random.uniform(0, 0.02)
                self.events.append(
                    AttemptProgressed(moment, unit, number, {"epoch": epoch + 1, "loss": loss})
                )
        self.events.append(self.ended(unit, number, end, at, (worker, phases)))
        return at

    def ended(
        self,
        unit: str,
        number: int,
        end: str,
        time: float,
        place: tuple[int, Mapping[str, tuple[float, float]]],
    ) -> AttemptEnded:
        """The end of an attempt, with its error where it has one."""
        worker, phases = place
        good = end == "succeeded"
        error: dict[str, Any] = {}
        if not good:
            error = {
                "cause": f"{_REASONS.get(end, end)}: ValueError: <script>alert({unit!r})</script>",
                "details": 'File "words.py", line 12, in count',
                "way_out": f"lamina logs {unit}",
                "kind": end,
                "last": ["reading 3 files", "ValueError: the third is empty"],
            }
            if end == "lost":
                self.events.append(Noticed(time, "worker lost", unit, "its worker was killed"))
        else:
            self.outputs[unit] = _output(unit)
        usage = {
            "cpu": 0.9 * (time - phases["run"][0]),
            "memory_peak": 60e6 + 1e6 * len(unit),
            "bytes_read": 1000.0,
            "bytes_written": 200.0,
        }
        return AttemptEnded(
            time, unit, number, end, f"worker-{worker + 1}", "node-7", 4000 + worker, phases,
            usage, 1 if end == "failed" else None, _output(unit) if good else {}, error,
            f"attempts/{unit}~{number}" if not good else "",
            {"workflow": self.plan.expansions[unit], "inputs": {}}
            if unit in self.plan.expansions else {},
        )  # fmt: skip
