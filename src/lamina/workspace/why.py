"""`why`: what made a task of a run run, or not: its recipe and inputs beside those of before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lamina.errors import UnknownNameError, UsageError
from lamina.execution.cache.reasons import input_changes, recipe_changes
from lamina.execution.cache.recalled import Earlier
from lamina.records.attempts import belongs
from lamina.records.store import RunRecord
from lamina.workflow.log import AttemptPlaced, AttemptStarted, TaskReused, TaskSkipped
from lamina.workflow.units import task_of
from lamina.workspace.project import Project, project

_WORDS = ("attempt-started", "task-reused")


@dataclass(frozen=True)
class Why:
    """Why a unit ran, or was reused.

    Args:
        run: name of the run.
        unit: the unit that is told of.
        ran: whether it ran; else an earlier result stood in.
        reason: as it was recorded.
        before: name of the run that it is compared with; empty where there is none.
        changes: all that differs, the weightiest first.
        same: what does not: "4 functions", "python 3.11", "input table".
        others: reason -> how many units of the same task ran or were reused for it.
        inside: of a workflow, loop or condition: task inside of it -> reason -> how many units.
        placed: why a unit that was placed ran where it did; empty for others.
        did: runtime -> {"items", "processing", ...}: what it did of such a unit.
    """

    run: str
    unit: str
    ran: bool
    reason: str
    before: str = ""
    changes: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)
    inside: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    placed: str = ""
    did: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**self.__dict__, "changes": list(self.changes), "same": list(self.same)}

    def text(self) -> str:
        """The reason, then the whole difference."""
        did = "" if self.inside else "ran, " if self.ran else "did not run, "
        lines = [f"{self.unit} in {self.run}: {did}{self.reason}"]
        lines += self._where()
        if self.before:
            lines.append(f"compared with {self.before}:")
            lines += [f"  {change}" for change in self.changes] or ["  nothing changed"]
            lines += [f"  the same: {', '.join(self.same)}"] if self.same else []
        elif self.same:
            lines.append(f"  made of: {', '.join(self.same)}")
        if len(self.others) > 1 or sum(self.others.values()) > 1:
            lines.append(f"all units of {task_of(self.unit)}:")
            lines += [f"  {count} x {reason}" for reason, count in self.others.items()]
        for task, reasons in self.inside.items():
            told = ", ".join(f"{count} x {reason}" for reason, count in reasons.items())
            lines.append(f"  {task}: {told}")
        return "\n".join(lines)

    def _where(self) -> list[str]:
        """Where a placed unit ran, why, and who did how much of it."""
        if not self.placed:
            return []
        shares = [
            f"{name} {did.get('items', 0):g} in {did.get('processing', 0.0):.3g} s"
            for name, did in self.did.items()
        ]
        shared = [f"  items: {', '.join(shares)}"] if len(shares) > 1 else []
        return [f"placed on {self.placed}", *shared]


def why(what: str) -> Why:
    """Why a task of a run ran, with everything that differed from the attempt before.

    Args:
        what: "RUN/TASK", or a task of the newest run; a run by id, beginning of an id, name or
            "last"; a task may be a unit: "count[3]".

    Raises:
        UnknownNameError: no such run or task.
    """
    home = project()
    record, name = _place(home, what)
    units = _units(home, record, name)
    if not any(one.reason for one in units.values()):
        return _without_units(home, record, name)
    # One that ran is asked about more often than one that did not.
    told = next((one for one in units.values() if isinstance(one, AttemptStarted)), None)
    chosen = told or next(iter(units.values()))
    others = _counted(units.values())
    if isinstance(chosen, TaskReused):
        source = _name(home, chosen.source)
        reason = f"{chosen.reason}: its result is from {source}"
        return Why(record.name, chosen.task, False, reason, others=others)
    return _with_place(home, record, chosen, _compared(home, record, chosen, others))


def _with_place(home: Project, record: RunRecord, event: AttemptStarted, told: Why) -> Why:
    """The same, with where the unit was placed."""
    for _, one in home.store.events(record.id, words=("attempt-placed",)):
        if isinstance(one, AttemptPlaced) and one.task == event.task:
            told = replace(told, placed=one.reason, did=one.stages)
    return told


def _without_units(home: Project, record: RunRecord, name: str) -> Why:
    """Of a task that is not run itself: what is inside of it; or why nothing is."""
    everything = _units(home, record, "")
    inside: dict[str, list[AttemptStarted | TaskReused]] = {}
    for unit, one in everything.items():
        if belongs(unit, name) or unit.startswith(f"{name}/"):
            inside.setdefault(task_of(unit), []).append(one)
    inside.pop(name, None)
    if inside:
        reused = sum(isinstance(one, TaskReused) for found in inside.values() for one in found)
        ran = sum(map(len, inside.values())) - reused
        reason = f"of the tasks inside of it {ran} ran and {reused} were reused"
        reasons = {task: _counted(found) for task, found in inside.items()}
        return Why(record.name, name, ran > 0, reason, inside=reasons)
    for _, event in home.store.events(record.id, words=("task-skipped",)):
        if isinstance(event, TaskSkipped) and task_of(event.task) == name:
            return Why(record.name, name, False, event.reason)
    entry = (record.document.get("tasks") or {}).get(name)
    if entry is None:
        raise UnknownNameError("task", name, {task_of(unit) for unit in everything})
    return Why(record.name, name, False, _EMPTY.get(str(entry.get("do")), _NOTHING))


_NOTHING = "it has no items, or the run ended before it"
_EMPTY = {"choose": "its condition took no branch that has tasks, or the run ended before it"}


def _counted(events: Iterable[AttemptStarted | TaskReused]) -> dict[str, int]:
    return dict(Counter(one.reason for one in events))


def _compared(
    home: Project, record: RunRecord, event: AttemptStarted, others: Mapping[str, int]
) -> Why:
    unit = event.task
    before = home.store.attempts(record.workflow, record.id)([unit]).get(unit)
    digests = sorted({event.recipe, before.recipe if before else ""} - {""})
    recipes = home.store.recipes(digests)
    now = recipes.get(event.recipe, {})
    if before is None:
        same = tuple(_same({}, now, {}, event.inputs))
        return Why(record.name, unit, True, event.reason, same=same, others=others)
    old = recipes.get(before.recipe, {})
    changes = [*_recipe_lines(before, event, recipes), *input_changes(before.inputs, event.inputs)]
    same = tuple(_same(old, now, before.inputs, event.inputs))
    run = _name(home, before.run)
    return Why(record.name, unit, True, event.reason, run, tuple(changes), same, others)


def _recipe_lines(
    before: Earlier, event: AttemptStarted, recipes: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    if before.recipe in recipes and event.recipe in recipes:
        return recipe_changes(recipes[before.recipe], recipes[event.recipe])
    if before.recipe == event.recipe:
        return []
    which = "then" if event.recipe in recipes else "now"
    return [f"what it was made of {which} is not known"]


def _same(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    before: Mapping[str, Any],
    now: Mapping[str, Any],
) -> Iterable[str]:
    """What is as it was; everything, where there is nothing to compare with."""
    names = new.get("names", {})
    kept = [name for name in names if not old or old.get("names", {}).get(name) == names[name]]
    if kept:
        places = [str(new.get("places", {}).get(name, name)) for name in kept]
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        yield ", ".join(places[:3]) + more
    for part in ("packages", "environment", "variables"):
        for name, value in new.get(part, {}).items():
            if not old or old.get(part, {}).get(name) == value:
                yield f"{name} {value}"
    if "python" in new and (not old or old.get("python") == new["python"]):
        yield f"python {new['python']}"
    for port in now:
        if not before or (
            port in before and not input_changes({port: before[port]}, {port: now[port]})
        ):
            yield f"input {port}"


def _place(home: Project, what: str) -> tuple[RunRecord, str]:
    """The run and the task that are meant."""
    run, slash, task = what.partition("/")
    if slash:
        try:
            return home.store.find(run), task
        except (UnknownNameError, UsageError):
            # "inner/sort" is a task of the newest run, where there is no run "inner".
            record = home.store.find("last")
            if not _units(home, record, what):
                raise
            return record, what
    return home.store.find("last"), what


def _units(home: Project, record: RunRecord, name: str) -> dict[str, AttemptStarted | TaskReused]:
    """Unit -> its first attempt of the newest session, or its reuse; all units without a name."""
    found: dict[str, AttemptStarted | TaskReused] = {}
    for _, event in home.store.events(record.id, words=_WORDS):
        if not isinstance(event, (AttemptStarted, TaskReused)):
            continue
        if name in ("", event.task, task_of(event.task)) and not _again(event):
            found[event.task] = event
    return found


def _again(event: AttemptStarted | TaskReused) -> bool:
    """Whether an attempt repeats one that failed; its reason says nothing of the cache."""
    return isinstance(event, AttemptStarted) and event.reason.startswith("retry")


def _name(home: Project, run: str) -> str:
    try:
        return home.store.find(run).name if run else "?"
    except (UnknownNameError, UsageError):
        return run
