"""Records of runs of every kind, made up: what readers of records and exporters are held to.

A small schedule is worked out: units start when what they read is done and one of the workers is
free. Times, places and outcomes follow from a seed.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from lamina.records.dependencies import Dependencies, site_of
from lamina.records.store import RunRecord
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

BEGIN = 1_767_323_045.0
"""2026-01-02T03:04:05Z, when all of these runs begin."""


@dataclass(frozen=True)
class MadeRun:
    """A run that never was: its record and its events."""

    record: RunRecord
    events: tuple[Event, ...]


@dataclass
class _Plan:
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


def _ref(text: str) -> dict[str, Any]:
    """A reference to a short JSON value."""
    inline = json.dumps(text)
    return {
        "codec": "json",
        "digest": hashlib.sha256(inline.encode()).hexdigest(),
        "size": len(inline.encode()),
        "inline": inline,
    }


def _file(name: str, size: int) -> dict[str, Any]:
    """A reference to a file that the store would hold."""
    digest = hashlib.sha256(f"{name}{size}".encode()).hexdigest()
    return {"codec": "file", "digest": digest, "size": size, "name": name}


def _output(unit: str) -> dict[str, Any]:
    size = len(unit) * 1000
    return {"result": _file(f"{site_of(unit)}.txt", size) if len(unit) % 2 else _ref(unit)}


class _Schedule:
    """Works a plan out, event by event."""

    def __init__(self, plan: _Plan, begin: float, session: int, about: Mapping[str, Any]) -> None:
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
            self.events.append(Noticed(time, "worker lost", unit, "its worker was killed")) if (
                end == "lost"
            ) else None
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


def _about(session: int) -> dict[str, Any]:
    return {
        "host": "node-7",
        "pid": 4000 + session,
        "user": "ada",
        "directory": "/home/ada/words",
        "command": ["lamina", "run", "words.yaml", "--token", "***"],
        "versions": {"lamina": "0.3.0", "python": "3.12.1"},
        "options": {"workers": 3},
    }


def _made(plan: _Plan, *more: _Plan) -> MadeRun:
    """The record and the events of a run, over one session per plan."""
    events: list[Event] = []
    begin = BEGIN
    for session, one in enumerate([plan, *more], start=1):
        found = _Schedule(one, begin, session, _about(session)).run()
        events += found
        begin = found[-1].time + 3600
    last = events[-1]
    finished = isinstance(last, RunFinished)
    name = str(plan.document.get("name", "made-up"))
    digest = hashlib.sha256(f"{name}{plan.seed}{len(events)}".encode()).hexdigest()
    record = RunRecord(
        digest[:10], "brave-otter", name, plan.document, "/home/ada/words",
        {"text": _file("text.txt", 5000), "parts": _ref("4")}, {"workers": 3}, BEGIN,
        last.status if isinstance(last, RunFinished) else "running",
        last.time if finished else None, 1 + len(more), "node-7", 4001,
    )  # fmt: skip
    return MadeRun(record, tuple(events))


def _task(reads: Any = None, **more: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"do": "python", "function": "words.py:count", **more}
    entry = {"takes": {"text": "any"}, "gives": {"result": "any"}, **entry}
    return {**entry, "in": {"text": reads}} if reads else entry


def _document(name: str, tasks: dict[str, Any], result: str) -> dict[str, Any]:
    return {
        "lamina": "workflow/1",
        "name": name,
        "inputs": {"text": "file", "parts": {"type": "int", "default": 4}},
        "tasks": tasks,
        "outputs": {"result": result},
    }


def _scattered(parts: int) -> tuple[dict[str, Any], list[str]]:
    document = _document(
        "word-count",
        {
            "split": _task("text"),
            "count": _task("split.result", scatter=["text"]),
            "shuffle": _task("count.result"),
            "join": _task(["shuffle.result", "split.result"]),
        },
        "join.result",
    )
    return document, ["split", *(f"count[{n}]" for n in range(parts)), "shuffle", "join"]


def chain() -> MadeRun:
    """Four tasks in a row, all good; one has scripts around it, one tells metrics."""
    names = ["fetch", "scripted", "train", "judge"]
    tasks = {"fetch": _task("text")}
    tasks |= {name: _task(f"{before}.result") for before, name in pairwise(names)}
    return _made(_Plan(_document("chain", tasks, "judge.result"), names, seconds={"train": 3.0}))


def scatter(parts: int = 8) -> MadeRun:
    """Split, a scatter, shuffle and join."""
    document, units = _scattered(parts)
    return _made(_Plan(document, units, seconds={"split": 0.5}))


def failed() -> MadeRun:
    """An item fails for good; what reads it is skipped."""
    document, units = _scattered(4)
    return _made(_Plan(document, units, {"count[2]": ["failed"]}))


def retried() -> MadeRun:
    """Attempts that ran out of memory and time and lost their worker, each repeated."""
    document, units = _scattered(4)
    ends = {"count[0]": ["memory"], "count[1]": ["timeout"], "count[3]": ["lost", "lost"]}
    return _made(_Plan(document, units, ends))


def reused() -> MadeRun:
    """Most results come from an earlier run."""
    document, units = _scattered(4)
    return _made(_Plan(document, units, reused=frozenset(units[:-2])))


def all_reused() -> MadeRun:
    """Nothing was to do."""
    document, units = _scattered(4)
    return _made(_Plan(document, units, reused=frozenset(units)))


def interrupted() -> MadeRun:
    """The engine was killed in the middle: attempts have no end, the run has none."""
    document, units = _scattered(8)
    return _made(_Plan(document, units, stop=2.4))


def resumed() -> MadeRun:
    """Killed in the middle, resumed an hour later."""
    document, units = _scattered(8)
    first = _Plan(document, units, stop=2.4)
    events = _made(first).events
    done = frozenset(e.task for e in events if isinstance(e, AttemptEnded))
    begun = {e.task: e.attempt for e in events if isinstance(e, AttemptStarted)}
    rest = _Plan(document, units, reused=done, seed=2, counted=begun)
    made = _made(first, rest)
    return MadeRun(made.record, tuple(e for e in made.events if not isinstance(e, TaskReused)))


def cancelled() -> MadeRun:
    """Somebody ended it."""
    document, units = _scattered(4)
    made = _made(_Plan(document, units, {"count[1]": ["cancelled"]}))
    *events, last = made.events
    return MadeRun(made.record, (*events, RunFinished(last.time, "cancelled")))


def nested() -> MadeRun:
    """A workflow in a workflow, itself scattered."""
    inner = {
        "name": "inner",
        "inputs": {"text": "any"},
        "tasks": {"clean": _task("text"), "measure": _task("clean.result")},
        "outputs": {"result": "measure.result"},
    }
    entry = {"do": "workflow", "workflow": inner, "in": {"text": "split.result"}}
    tasks = {
        "split": _task("text"),
        "each": {**entry, "scatter": ["text"]},
        "join": _task("each.result"),
    }
    units = ["split"]
    units += [f"each[{n}]/{name}" for n in range(3) for name in ("clean", "measure")]
    return _made(_Plan(_document("nested", tasks, "join.result"), [*units, "join"]))


_MOVED = {"result": "any", "done": "bool"}


def looped() -> MadeRun:
    """A loop of three turns, then a condition."""
    body = {
        "name": "step",
        "inputs": {"text": "any"},
        "tasks": {"assign": _task("text"), "move": _task("assign.result", gives=_MOVED)},
        "outputs": {"text": "move.result", "done": "move.done"},
    }
    branch = {"name": "b", "inputs": {"text": "any"}, "tasks": {"draw": _task("text")}}
    tasks = {
        "start": _task("text"),
        "loop": {"do": "loop", "workflow": body, "until": "done", "in": {"text": "start.result"}},
        "choose": {
            "do": "choose",
            "then": {**branch, "outputs": {"result": "draw.result"}},
            "in": {"when": "start.result", "text": "loop.text"},
        },
    }
    units = ["start"]
    units += [f"loop#{n}/{name}" for n in range(3) for name in ("assign", "move")]
    return _made(_Plan(_document("k-means", tasks, "choose.result"), [*units, "choose/draw"]))


def expanded() -> MadeRun:
    """A task decides on two more."""
    inner = {
        "name": "decided",
        "inputs": {"text": "any"},
        "tasks": {"left": _task("text"), "right": _task("text")},
        "outputs": {"result": ["left.result", "right.result"]},
    }
    tasks = {"decide": _task("text"), "use": _task("decide.result")}
    units = ["decide", "decide/left", "decide/right", "use"]
    plan = _Plan(_document("dynamic", tasks, "use.result"), units, expansions={"decide": inner})
    return _made(plan)


def hostile() -> MadeRun:
    """Names that no page and no file may trust."""
    names = ["</script><img src=x onerror=alert(1)>", 'a\' "b" `c` ${d} \u2028\u202e', "e\\u003cf"]
    tasks = {"ok": _task("text")}
    document = _document("<b>bold</b> & </title>", tasks, "ok.result")
    return _made(_Plan(document, ["ok", *names], {names[0]: ["failed"]}))


def empty() -> MadeRun:
    """Killed before the first task began."""
    document, units = _scattered(4)
    return _made(_Plan(document, units, stop=0.001))


def undocumented() -> MadeRun:
    """A workflow of functions that no document could name."""
    made = scatter()
    record = RunRecord(**{**made.record.__dict__, "document": {}})
    return MadeRun(record, made.events)


def many(tasks: int = 10_000) -> MadeRun:
    """A scatter of many items, some of which fail once."""
    document, _ = _scattered(1)
    parts = tasks - 3
    units = ["split", *(f"count[{n}]" for n in range(parts)), "shuffle", "join"]
    ends = {f"count[{n}]": ["lost"] for n in range(0, parts, 997)}
    ends |= {f"count[{n}]": ["memory"] for n in range(5, parts, 1511)}
    return _made(_Plan(document, units, ends, workers=16))


RUNS: dict[str, Callable[[], MadeRun]] = {
    made.__name__: made
    for made in (
        chain, scatter, failed, retried, reused, all_reused, interrupted, resumed, cancelled,
        nested, looped, expanded, hostile, empty, undocumented,
    )
}  # fmt: skip
"""Kind -> a run of it."""
