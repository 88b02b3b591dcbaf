"""Records of runs of every kind, made up: what readers of records and exporters are held to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lamina.records.store import RunRecord
from lamina.testing.schedules import Plan, Schedule, short_value, stored_file
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event, RunFinished, TaskReused

BEGIN = 1_767_323_045.0
"""2026-01-02T03:04:05Z, when all of these runs begin."""


@dataclass(frozen=True)
class MadeRun:
    """A run that never was: its record and its events."""

    record: RunRecord
    events: tuple[Event, ...]


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


def _made(plan: Plan, *more: Plan) -> MadeRun:
    """The record and the events of a run, over one session per plan."""
    events: list[Event] = []
    begin = BEGIN
    for session, one in enumerate([plan, *more], start=1):
        found = Schedule(one, begin, session, _about(session)).run()
        events += found
        begin = found[-1].time + 3600
    last = events[-1]
    finished = isinstance(last, RunFinished)
    name = str(plan.document.get("name", "made-up"))
    digest = hashlib.sha256(f"{name}{plan.seed}{len(events)}".encode()).hexdigest()
    record = RunRecord(
        digest[:10], "brave-otter", name, plan.document, "/home/ada/words",
        {"text": stored_file("text.txt", 5000), "parts": short_value("4")}, {"workers": 3}, BEGIN,
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
    return _made(Plan(_document("chain", tasks, "judge.result"), names, seconds={"train": 3.0}))


def scatter(parts: int = 8) -> MadeRun:
    """Split, a scatter, shuffle and join."""
    document, units = _scattered(parts)
    return _made(Plan(document, units, seconds={"split": 0.5}))


def failed() -> MadeRun:
    """An item fails for good; what reads it is skipped."""
    document, units = _scattered(4)
    return _made(Plan(document, units, {"count[2]": ["failed"]}))


def retried() -> MadeRun:
    """Attempts that ran out of memory and time and lost their worker, each repeated."""
    document, units = _scattered(4)
    ends = {"count[0]": ["memory"], "count[1]": ["timeout"], "count[3]": ["lost", "lost"]}
    return _made(Plan(document, units, ends))


def reused() -> MadeRun:
    """Most results come from an earlier run."""
    document, units = _scattered(4)
    return _made(Plan(document, units, reused=frozenset(units[:-2])))


def all_reused() -> MadeRun:
    """Nothing was to do."""
    document, units = _scattered(4)
    return _made(Plan(document, units, reused=frozenset(units)))


def interrupted() -> MadeRun:
    """The engine was killed in the middle: attempts have no end, the run has none."""
    document, units = _scattered(8)
    return _made(Plan(document, units, stop=2.4))


def resumed() -> MadeRun:
    """Killed in the middle, resumed an hour later."""
    document, units = _scattered(8)
    first = Plan(document, units, stop=2.4)
    events = _made(first).events
    done = frozenset(e.task for e in events if isinstance(e, AttemptEnded))
    begun = {e.task: e.attempt for e in events if isinstance(e, AttemptStarted)}
    rest = Plan(document, units, reused=done, seed=2, counted=begun)
    made = _made(first, rest)
    return MadeRun(made.record, tuple(e for e in made.events if not isinstance(e, TaskReused)))


def cancelled() -> MadeRun:
    """Somebody ended it."""
    document, units = _scattered(4)
    made = _made(Plan(document, units, {"count[1]": ["cancelled"]}))
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
    return _made(Plan(_document("nested", tasks, "join.result"), [*units, "join"]))


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
    return _made(Plan(_document("k-means", tasks, "choose.result"), [*units, "choose/draw"]))


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
    plan = Plan(_document("dynamic", tasks, "use.result"), units, expansions={"decide": inner})
    return _made(plan)


def hostile() -> MadeRun:
    """Names that no page and no file may trust."""
    names = ["</script><img src=x onerror=alert(1)>", 'a\' "b" `c` ${d} \u2028\u202e', "e\\u003cf"]
    tasks = {"ok": _task("text")}
    document = _document("<b>bold</b> & </title>", tasks, "ok.result")
    return _made(Plan(document, ["ok", *names], {names[0]: ["failed"]}))


def empty() -> MadeRun:
    """Killed before the first task began."""
    document, units = _scattered(4)
    return _made(Plan(document, units, stop=0.001))


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
    return _made(Plan(document, units, ends, workers=16))


RUNS: dict[str, Callable[[], MadeRun]] = {
    made.__name__: made
    for made in (
        chain, scatter, failed, retried, reused, all_reused, interrupted, resumed, cancelled,
        nested, looped, expanded, hostile, empty, undocumented,
    )
}  # fmt: skip
"""Kind -> a run of it."""
