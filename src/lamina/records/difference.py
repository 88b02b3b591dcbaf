"""What differs between two runs: tasks, inputs, parameters, code, environment, outputs, times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamina.execution.cache.reasons import recipe_changes
from lamina.records.attempts import Attempt, newest
from lamina.records.store import RunRecord
from lamina.records.tables import duration, line
from lamina.workflow.units import task_of

_LONGEST = 40
_NAMES = 8
_BODY = ("lamina", "name", "description", "layout")
_HIDDEN = frozenset({"command", "pid", "environment", "options", "sessions"})


@dataclass(frozen=True)
class Side:
    """One of the two runs.

    Args:
        record: the run.
        attempts: see `lamina.records.attempts`.
        recipes: digest -> recipe, of those that its attempts name.
        environment: of its newest session; empty where none was recorded.
    """

    record: RunRecord
    attempts: Sequence[Attempt]
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A unit that both runs have and that is not the same in both.

    Args:
        unit: its name.
        why: code, parameters, inputs and environment that differ.
        what: how it ended and what it made, where that differs.
        seconds: that it ran in the first and in the second run; None where it did not.
    """

    unit: str
    why: tuple[str, ...]
    what: tuple[str, ...]
    seconds: tuple[float | None, float | None]

    def to_json(self) -> dict[str, Any]:
        """Its fields by name."""
        return {
            "unit": self.unit,
            "why": list(self.why),
            "what": list(self.what),
            "seconds": list(self.seconds),
        }


@dataclass(frozen=True)
class Difference:
    """Two runs side by side.

    Args:
        first, second: their names.
        run: what differs in the runs as a whole.
        changes: units that differ.
        same: how many do not.
        only_first, only_second: units that only one of them has.
        seconds: that the tasks ran in all, in each.
    """

    first: str
    second: str
    run: tuple[str, ...]
    changes: tuple[Change, ...]
    same: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    seconds: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Its fields by name."""
        found = dict(self.__dict__)
        found["changes"] = [change.to_json() for change in self.changes]
        return found

    def lines(self) -> list[str]:
        """For a terminal; items of a scatter that differ alike share a line."""
        head = f"{self.first} -> {self.second}"
        times = " -> ".join(duration(each) for each in self.seconds)
        lines = [f"{head}  tasks ran {times}"]
        lines += ["run", *(f"  {text}" for text in self.run)] if self.run else []
        counts = [f"{self.same} the same", f"{len(self.changes)} differ"]
        for name, units in ((self.first, self.only_first), (self.second, self.only_second)):
            counts += [f"{len(units)} only in {name}"] if units else []
        lines.append(f"tasks: {', '.join(counts)}")
        for name, changes in _grouped(self.changes):
            lines += [f"  {name}", *(f"    {text}" for text in _texts(changes))]
        for name, units in ((self.first, self.only_first), (self.second, self.only_second)):
            lines += [f"only in {name}", *(f"  {text}" for text in _gathered(units))] * bool(units)
        return lines


def difference(first: Side, second: Side) -> Difference:
    """Compares the last attempt of every unit of two runs."""
    one, two = newest(first.attempts), newest(second.attempts)
    both = [unit for unit in one if unit in two]
    found = [_change(one[unit], two[unit], first, second) for unit in both]
    changes = [change for change in found if change.why or change.what]
    names = (first.record.name, second.record.name)
    return Difference(
        *names,
        tuple(_of_runs(first, second)),
        tuple(changes),
        len(both) - len(changes),
        tuple(unit for unit in one if unit not in two),
        tuple(unit for unit in two if unit not in one),
        (_spent(first.attempts), _spent(second.attempts)),
    )


def _spent(found: Iterable[Attempt]) -> float:
    return sum(one.seconds or 0.0 for one in found)


def _change(one: Attempt, two: Attempt, first: Side, second: Side) -> Change:
    why = []
    if one.recipe != two.recipe:
        old, new = first.recipes.get(one.recipe), second.recipes.get(two.recipe)
        if old is not None and new is not None:
            why += recipe_changes(old, new)
    # Of a result that was reused no inputs are recorded; its key tells whether they differ.
    if one.number and two.number:
        why += _references("input", one.inputs, two.inputs)
    elif one.key and two.key and one.key != two.key and not why:
        why.append("its inputs, or what it reads of them, differ")
    what = []
    if one.status != two.status and {one.status, two.status} != {"succeeded", "reused"}:
        cause = f": {line(two.cause)}" if two.cause else ""
        what.append(f"{one.status} -> {two.status}{cause}")
    if one.outputs and two.outputs:
        what += _references("output", one.outputs, two.outputs)
    return Change(one.task, tuple(why), tuple(what), (one.seconds, two.seconds))


def _references(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    found = []
    for port in (*old, *(port for port in new if port not in old)):
        before, after = old.get(port), new.get(port)
        if before is None or after is None:
            found.append(f"{what} {port} is {'new' if before is None else 'gone'}")
        elif before.get("digest") != after.get("digest"):
            found.append(f"{what} {port} {_told(before)} -> {_told(after)}")
    return found


def _told(ref: Mapping[str, Any]) -> str:
    inline = ref.get("inline")
    if inline is not None and len(inline) <= _LONGEST:
        return str(inline)
    name = ref.get("name") or ref.get("codec", "")
    return f"{name} {str(ref.get('digest', ''))[:10]}".strip()


def _of_runs(first: Side, second: Side) -> list[str]:
    one, two = first.record, second.record
    lines = []
    if one.workflow != two.workflow:
        lines.append(f"workflow {one.workflow} -> {two.workflow}")
    elif _body(one.document) != _body(two.document):
        lines.append(_parts(one.document, two.document))
    lines += _references("input", one.inputs, two.inputs)
    lines += _values("option", one.options, two.options)
    if one.status != two.status:
        lines.append(f"status {one.status} -> {two.status}")
    old, new = dict(first.environment), dict(second.environment)
    packages = old.pop("packages", {}), new.pop("packages", {})
    if old and new:
        lines += _values("environment:", old, new)
        lines += _values("package", *packages)
    return lines


def _parts(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Which inputs, tasks and outputs of a workflow changed, by name."""
    told = []
    for part in ("inputs", "tasks", "outputs"):
        before, after = _part(old, part), _part(new, part)
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        more = [f"{len(names) - _NAMES} more"] if len(names) > _NAMES else []
        told += [f"{part} {', '.join([*names[:_NAMES], *more])}"] if names else []
    return f"the workflow changed: {'; '.join(told)}" if told else "the workflow itself changed"


def _part(document: Mapping[str, Any], part: str) -> dict[str, str]:
    entries = document.get(part)
    if not isinstance(entries, Mapping):
        return {}
    return {str(name): json.dumps(entry, sort_keys=True) for name, entry in entries.items()}


def _body(document: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in document.items() if name not in _BODY}
    return json.dumps(kept, sort_keys=True)


def _values(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    names = sorted({*old, *new} - _HIDDEN)
    return [
        f"{what} {name} {_value(old, name)} -> {_value(new, name)}"
        for name in names
        if _value(old, name) != _value(new, name)
    ]


def _value(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if value in (None, "", [], ()):
        return "none"
    return value if isinstance(value, str) else json.dumps(value)


def _grouped(changes: Sequence[Change]) -> list[tuple[str, list[Change]]]:
    groups: dict[tuple[Any, ...], list[Change]] = {}
    for change in changes:
        key = (task_of(change.unit), _kinds(change.why), _kinds(change.what))
        groups.setdefault(key, []).append(change)
    return [
        (found[0].unit if len(found) == 1 else f"{key[0]}: {len(found)} of its items", found)
        for key, found in groups.items()
    ]


def _kinds(texts: Sequence[str]) -> tuple[str, ...]:
    """What items may share: the digests of their inputs and outputs differ from item to item."""
    return tuple(
        " ".join(text.split()[:2]) if text.startswith(("input ", "output ")) else text
        for text in texts
    )


def _texts(changes: Sequence[Change]) -> list[str]:
    """The lines of a group: those of the only one, or what all of them share."""
    first = changes[0]
    texts = [*first.why, *first.what]
    if len(changes) > 1:
        kinds = [*_kinds(first.why), *_kinds(first.what)]
        told = zip(*([*change.why, *change.what] for change in changes), strict=True)
        texts = [
            each[0] if len(set(each)) == 1 else f"{kind} differs"
            for kind, each in zip(kinds, told, strict=True)
        ]
    known = [c.seconds for c in changes if None not in c.seconds]
    if known:
        sums = [sum(each[place] or 0.0 for each in known) for place in (0, 1)]
        texts.append(f"ran {' -> '.join(map(duration, sums))}")
    return texts


def _gathered(units: Sequence[str]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for unit in units:
        groups.setdefault(task_of(unit), []).append(unit)
    return [
        found[0] if len(found) == 1 else f"{task}: {len(found)} items"
        for task, found in groups.items()
    ]
