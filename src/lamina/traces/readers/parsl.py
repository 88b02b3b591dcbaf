"""The monitoring database of Parsl: workflows, tasks and their tries, states and resources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, ClassVar

import numpy as np

from lamina.records.history import Session
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.databases import MAGIC, Database, database, grouped, wholes_of
from lamina.traces.readers.documents import moment
from lamina.traces.readers.stampede import tables_of
from lamina.traces.trace import Attempt, Phase, Trace, made

_TABLES = frozenset({"workflow", "task", "try", "status"})
_DEAD = frozenset({"failed", "dep_fail", "fail_retryable"})
_TURNS, _TASKS = 1 << 20, 1 << 40
"""Above which numbers of tries and tasks are none of Parsl's."""
_phase = partial(tuple.__new__, Phase)
"""A phase from its three values, without a call of Python's for each."""
_ENDS = {
    "exec_done": "succeeded", "memo_done": "reused", "failed": "failed",
    "fail_retryable": "failed", "dep_fail": "skipped",
}  # fmt: skip


class ParslReader(Reader):
    """A monitoring.db; each workflow in it is a run."""

    title: ClassVar[str] = "Parsl monitoring database"

    def detects(self, source: Source) -> bool:
        """By its tables."""
        return source.head.startswith(MAGIC) and tables_of(source) >= _TABLES

    def read(self, source: Source) -> Iterator[Trace]:
        """The runs, in the order of the database."""
        with database(source) as found:
            yield from _Monitoring(found).traces()


@dataclass(slots=True)
class _Task:
    function: str
    depends: list[str]
    invoked: Any
    states: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Number of a try -> state -> when it came to it."""


@dataclass(slots=True)
class _Try:
    """A row of the table; its times as they stand there."""

    launched: Any
    running: Any
    returned: Any
    host: str
    executor: str
    cause: str
    usage: dict[str, float] = field(default_factory=dict)


class _Monitoring:
    """The tables, put together for each run."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tasks: dict[str, dict[str, _Task]] = {}
        self.tries: dict[str, dict[tuple[str, int], _Try]] = {}
        self.skipped = False
        self._tasks()
        self._states()
        self._tries()
        self._resources()

    def traces(self) -> Iterator[Trace]:
        """A trace for each workflow."""
        columns = ("run_id", "workflow_name", "time_began", "time_completed")
        found = False
        for run, name, began, done in self.database.rows("workflow", columns):
            if self.tasks.get(str(run)):
                found = True
                times = (
                    self._time(began),
                    self._time(done),
                )
                yield self._trace(str(run), str(name or "workflow"), times)
        if not found:
            raise self.database.source.broken("the database tells of no task")

    def _trace(self, run: str, name: str, told: tuple[float | None, float | None]) -> Trace:
        tasks = self.tasks[run]
        names = _named(tasks)
        attempts = sorted(self._attempts(run, names), key=attrgetter("begin"))
        times = [one.ready for one in attempts]
        began, done = told
        begin = min([*times, *([] if began is None else [began])], default=0.0)
        last = max([begin, *(one.end for one in attempts), *([] if done is None else [done])])
        final = {one.task: one for one in attempts}
        failed = any(one.failed for one in final.values())
        skipped = {
            names[id]: "a task that it reads failed"
            for id, one in (tasks.items() if self.skipped else ())
            if any("dep_fail" in states for states in one.states.values())
        }
        return Trace(
            run=run,
            name="",
            workflow=name.removesuffix(".py"),
            status="running" if done is None else "failed" if failed else "succeeded",
            sessions=(Session(begin, last),),
            attempts=tuple(attempts),
            parents={
                names[id]: [names[two] for two in one.depends if two in names]
                for id, one in tasks.items()
            },
            skipped=skipped,
            planned=len(tasks),
            about={"source": self.database.source.name},
            origin="parsl",
        )

    def _attempts(self, run: str, names: dict[str, str]) -> Iterator[Attempt]:
        for (id, number), one in self.tries.get(run, {}).items():
            task = self.tasks[run].get(id)
            if task is not None:
                states = task.states.get(number, {})
                attempt = self._attempt(names[id], number + 1, (task, one), states)
                if attempt is not None:
                    yield attempt

    def _attempt(
        self, name: str, number: int, told: tuple[_Task, _Try], states: dict[str, Any]
    ) -> Attempt | None:
        """A try: what it read was there when it was launched; None for one that never was."""
        task, one = told
        state = _end_of(tuple(states))
        status = _ENDS.get(state, "running")
        if status == "skipped":
            return None
        ready = self._first(
            states.get("launched"), one.launched, states.get("pending"), task.invoked
        )
        if ready is None:
            return None
        begin = self._first(one.running, states.get("running"))
        end = self._first(one.returned, states.get(state))
        if status == "reused":
            return made(name, 0, status, ready, ready, ready, kind=task.function)
        phases = []
        if begin is not None:
            begin = max(begin, ready)
            phases.append(_phase(("queue", ready, begin)))
            ran = self._first(states.get("running_ended"))
            end = None if end is None and ran is None else max(begin, end or ran or begin)
            if end is not None:
                stop = min(max(ran, begin), end) if ran is not None else end
                phases.append(_phase(("run", begin, stop)))
                if stop < end:
                    phases.append(_phase(("post_script", stop, end)))
        last = max(ready, ready if end is None else end, phases[-1][2] if phases else ready)
        error = {"cause": _cause(one.cause)} if status == "failed" else {}
        return made(
            name, number, status, ready, ready, last, tuple(phases), one.host or one.executor,
            one.host, 0, (), "", one.usage, None, error, "", task.function,
            {"executor": one.executor} if one.executor else {},
        )  # fmt: skip

    def _first(self, *times: Any) -> float | None:
        """The first of some cells that tells a time."""
        for value in times:
            if value:
                found = moment(value) if type(value) is str else None
                if found or (found := self._time(value)):
                    return found
        return None

    def _tasks(self) -> None:
        columns = ("run_id", "task_id", "task_func_name", "task_depends", "task_time_invoked")
        of, last = dict[str, _Task](), None
        for run, id, function, depends, invoked in self._cells("task", columns):
            if run != last:
                of, last = self.tasks.setdefault(str(run), {}), run
            above = str(depends).split(",") if depends else []
            above = [name for one in above if (name := one.strip())]
            of[str(id)] = _Task(str(function or "task"), above, invoked)

    def _cells(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """The rows of a table, which is read at once."""
        return zip(*self.database.columns(table, columns), strict=True)

    def _states_at_once(self) -> bool:
        """The states of the tries of one run, told as Parsl tells them; False for others, where
        each row has to be looked at."""
        columns = ("task_id", "try_id", "run_id", "task_status_name", "timestamp")
        found = self.database.joined("status", columns)
        if found is None or not found[0]:
            return False
        count, (tasks, numbers, runs, names, times) = found
        ids, turns = wholes_of(tasks, count), wholes_of(numbers, count)
        states, ats, run = names.split(","), times.split(","), runs.partition(",")[0]
        # A date has 26 characters; what is a number is less exact as a text.
        alike = len(times) == 27 * count - 1 and runs == ",".join([run] * count)
        if ids is None or turns is None or not alike or not len(states) == len(ats) == count:
            return False
        if min(ids.min(), turns.min()) < 0 or turns.max() >= _TURNS or ids.max() >= _TASKS:
            return False
        self.skipped = "dep_fail" in states
        order, spans = grouped(ids * _TURNS + turns, np.zeros(count))
        if order is not None:
            states, ats = ([column[row] for row in order.tolist()] for column in (states, ats))
        of = self.tasks.get(run, {})
        for key, one, two in spans:
            task = of.get(str(key // _TURNS))
            if task is not None:
                told = dict(zip(states[one:two], ats[one:two], strict=True))
                if len(told) < two - one:  # the first counts
                    told = dict(zip(states[one:two][::-1], ats[one:two][::-1], strict=True))
                task.states[key % _TURNS] = told
        return True

    def _states(self) -> None:
        if self._states_at_once():
            return
        columns = ("run_id", "task_id", "try_id", "task_status_name", "timestamp")
        for run, id, number, state, at in self._cells("status", columns):
            task = self.tasks.get(str(run), {}).get(str(id))
            if task is not None and at is not None:
                self.skipped = self.skipped or state == "dep_fail"
                told = task.states.setdefault(self._number(number, "status"), {})
                told.setdefault(state, at)

    def _tries(self) -> None:
        columns = (
            "run_id", "task_id", "try_id", "hostname", "task_executor", "task_try_time_launched",
            "task_try_time_running", "task_try_time_returned", "task_fail_history",
        )  # fmt: skip
        of, last = dict[tuple[str, int], _Try](), None
        for run, id, number, host, executor, *times, cause in self._cells("try", columns):
            if run != last:
                of, last = self.tries.setdefault(str(run), {}), run
            told = (*times, str(host or ""), str(executor or ""), str(cause or ""))
            of[str(id), self._number(number, "try")] = _Try(*told)

    def _resources(self) -> None:
        if "resource" not in self.database.tables():
            return
        cpu = ("psutil_process_time_user", "psutil_process_time_system")
        sizes = {
            "psutil_process_memory_resident": "memory_peak",
            "psutil_process_disk_read": "bytes_read",
            "psutil_process_disk_write": "bytes_written",
        }
        columns = ("run_id", "task_id", "try_id", *cpu, *sizes)
        for run, id, number, *cells in self.database.rows("resource", columns):
            one = self.tries.get(str(run), {}).get((str(id), self._number(number, "resource")))
            if one is None:
                continue
            values = [
                self.database.number(cell, name, "resource") or 0.0
                for cell, name in zip(cells, columns[3:], strict=True)
            ]
            one.usage["cpu"] = max(one.usage.get("cpu", 0.0), values[0] + values[1])
            for value, name in zip(values[2:], sizes.values(), strict=True):
                one.usage[name] = max(one.usage.get(name, 0.0), value)

    def _number(self, value: Any, table: str) -> int:
        return value if type(value) is int else self.database.whole(value, "try_id", table) or 0

    def _time(self, value: Any) -> float | None:
        if value is None or value == "":
            return None
        if isinstance(value, int | float):
            return self.database.number(value, "a time", "try")
        found = moment(value if type(value) is str else str(value))
        if found is None:
            raise self.database.source.broken(f"{str(value)[:40]!r} is not a time")
        return found


@lru_cache(maxsize=4096)
def _end_of(states: tuple[str, ...]) -> str:
    """The state that tells how a try ended; empty where there is none."""
    return next((state for state in _ENDS if state in states), "")


def _cause(told: str) -> str:
    """The first line of what Parsl keeps of a failure."""
    return told.strip().splitlines()[0] if told.strip() else "it failed"


def _named(tasks: dict[str, _Task]) -> dict[str, str]:
    """Id -> name of the unit: the function, with the place among its calls where it has many."""
    calls: dict[str, list[str]] = {}
    for id, one in tasks.items():
        calls.setdefault(one.function, []).append(id)
    return {
        id: name if len(ids) == 1 else f"{name}[{place}]"
        for name, ids in calls.items()
        for place, id in enumerate(ids)
    }
