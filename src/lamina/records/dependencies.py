"""Which units of a run read which: the edges of its workflow, unfolded to the units that ran."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from lamina.workflow.references import flat

Body = Mapping[str, Any]
"""A workflow document, or the part of one that tells of a workflow inside it."""

_LAST = re.compile(r"^(?P<name>[^\[#]*)(?:\[(?P<item>\d+)\])?(?:#(?P<turn>\d+))?$")
_INNER = ("workflow", "body", "then", "otherwise")
"""Keys of a task's entry that may hold a workflow."""


class _Step(NamedTuple):
    """One name of a unit's path: "count[3]", "loop#2"."""

    name: str
    item: int | None
    turn: int | None


@lru_cache(maxsize=65536)
def _step(text: str) -> _Step:
    found = _LAST.match(text)
    if found is None:
        return _Step(text, None, None)
    item, turn = found["item"], found["turn"]
    return _Step(
        found["name"], None if item is None else int(item), None if turn is None else int(turn)
    )


def _item(text: str) -> int | None:
    """The item of a name of a path; as `_step` tells it, but for lists of very many."""
    name, bracket, number = text[:-1].partition("[")
    if text[-1:] == "]" and bracket and number.isascii() and number.isdigit() and "#" not in name:
        return int(number)
    return _step(text).item


def site_of(unit: str) -> str:
    """The task that a unit is an item of, in its own surroundings: "a[1]/b[2]" is of "a[1]/b"."""
    if not unit.endswith("]"):
        return unit
    return unit[: unit.rindex("[")]


class _Want(NamedTuple):
    """What a reader wants of a site: all its units, or the one of an item."""

    site: str
    item: int | None = None


@dataclass(frozen=True)
class _Known:
    """What the workflow of one scope says, its sources flattened."""

    tasks: Mapping[str, Mapping[str, tuple[str, ...]]]
    scattered: Mapping[str, frozenset[str]]
    outputs: Mapping[str, tuple[str, ...]]
    until: Mapping[str, str]
    """Loops of it -> the output that ends them."""
    choices: frozenset[str]


class Dependencies(Mapping[str, list[str]]):
    """Unit -> the units that it reads, each once; found when asked for.

    A scatter over a scatter's results reads item by item. Written out at once, the edges between
    many units and many others would not fit the memory.

    Args:
        document: the workflow as a document; empty where there is none, then nothing is known.
        units: names of all units that the run met.
        expansions: unit -> document of the workflow that it decided on.
        read: the document that a task names by a file, or None; without it such a workflow's
            units all hang together with what the task itself reads and feeds.
    """

    def __init__(
        self,
        document: Body,
        units: Iterable[str],
        expansions: Mapping[str, Body] | None = None,
        read: Callable[[str], Body | None] | None = None,
    ) -> None:
        self._expansions = dict(expansions or {})
        self._read = read or (lambda file: None)
        self._sites: dict[str, dict[int | None, str]] = {}
        self._scopes: dict[str, dict[str, list[str]]] = {}
        self._within: dict[str, list[str]] = {}
        self._bodies: dict[str, _Known | None] = {"": _known(document)}
        self._raw: dict[str, Body] = {"": document}
        self._memory: dict[tuple[str, str, int | None], tuple[_Want, ...]] = {}
        for unit in units:
            self._add(unit)

    def _add(self, unit: str) -> None:
        site = site_of(unit)
        item = _item(unit.rpartition("/")[2])
        new = site not in self._sites
        self._sites.setdefault(site, {})[item] = unit
        if not new:
            return
        scope = site.rpartition("/")[0]
        self._within.setdefault(scope, []).append(site)
        self._enter(scope)

    def _enter(self, scope: str) -> None:
        """Finds the workflow of a scope, after that of the one around it."""
        if scope in self._raw:
            return
        parent, _, last = scope.rpartition("/")
        self._enter(parent)
        self._raw[scope] = self._inner(scope, parent, _step(last).name)
        self._scopes.setdefault(parent, {}).setdefault(_step(last).name, []).append(scope)

    def _inner(self, scope: str, parent: str, name: str) -> Body:
        expansion = self._expansions.get(scope)
        if expansion is not None:
            return expansion
        entry = (self._raw[parent].get("tasks") or {}).get(name) or {}
        inner = [entry[key] for key in _INNER if isinstance(entry.get(key), (Mapping, str))]
        if not inner and isinstance(entry.get("file"), str):
            inner = [entry["file"]]
        found = [self._read(one) if isinstance(one, str) else one for one in inner]
        return _together([one for one in found if one is not None])

    def __getitem__(self, unit: str) -> list[str]:
        scope, _, last = unit.rpartition("/")
        step = _step(last)
        if step.item not in self._sites.get(site_of(unit), {}):
            raise KeyError(unit)
        wanted = self._reads(scope, step.name, step.item)
        found = dict.fromkeys(name for want in wanted for name in self._units(want))
        found.pop(unit, None)
        return list(found)

    def __iter__(self) -> Iterator[str]:
        return (unit for units in self._sites.values() for unit in units.values())

    def __len__(self) -> int:
        return sum(map(len, self._sites.values()))

    def children(self) -> dict[str, list[str]]:
        """The reverse: unit -> the units that read it; those that nobody reads are left out."""
        found: dict[str, list[str]] = {}
        for unit, parents in self.items():
            for parent in parents:
                found.setdefault(parent, []).append(unit)
        return found

    def _units(self, want: _Want) -> Iterator[str]:
        units = self._sites.get(want.site, {})
        if want.item is not None and want.item in units:
            yield units[want.item]
        else:
            yield from units.values()

    def _known(self, scope: str) -> _Known | None:
        if scope not in self._bodies:
            self._bodies[scope] = _known(self._raw.get(scope, {}))
        return self._bodies[scope]

    def _reads(self, scope: str, name: str, item: int | None) -> tuple[_Want, ...]:
        """What a task of a scope reads, over all its ports."""
        key = (scope, name, item)
        if key not in self._memory:
            self._memory[key] = ()  # a document that leads in a circle must not
            known = self._known(scope)
            if known is None or name not in known.tasks:
                self._memory[key] = tuple(self._above(scope, None))
            else:
                found = [
                    want
                    for port, sources in known.tasks[name].items()
                    for want in self._all(
                        scope, sources, item if port in known.scattered[name] else None
                    )
                ]
                self._memory[key] = tuple(dict.fromkeys(found))
        return self._memory[key]

    def _all(self, scope: str, sources: Iterable[str], item: int | None) -> Iterator[_Want]:
        for source in sources:
            yield from self._source(scope, source, item)

    def _source(self, scope: str, source: str, item: int | None) -> Iterator[_Want]:
        """What stands behind a reference of a scope: "task.port", "task", or an input."""
        known = self._known(scope)
        task, _, port = source.rpartition(".")
        if not task and known is not None and source in known.tasks:
            task, port = source, ""
        if not task:
            yield from self._above(scope, source)
            return
        site = f"{scope}/{task}" if scope else task
        if site in self._sites:
            yield _Want(site, item)
        yield from self._behind(scope, task, port, item)

    def _behind(self, scope: str, task: str, port: str, item: int | None) -> Iterator[_Want]:
        """What fills a port of a task that holds a workflow: its last turn, or its items."""
        last: dict[int | None, tuple[int, str]] = {}
        for one in self._scopes.get(scope, {}).get(task, []):
            step = _step(one.rpartition("/")[2])
            last[step.item] = max(last.get(step.item, (-1, "")), (step.turn or 0, one))
        for own, (_, one) in last.items():
            if item is not None and own is not None and own != item:
                continue
            known = self._known(one)
            sources = known.outputs.get(port, ()) if known is not None else ()
            if known is not None and not port:
                sources = tuple(s for found in known.outputs.values() for s in found)
            if sources:
                yield from self._all(one, sources, None)
            else:
                yield from (_Want(site) for site in self._within.get(one, ()))

    def _above(self, scope: str, name: str | None) -> Iterator[_Want]:
        """What an input of a scope's workflow gets; all of them when the name is None."""
        if not scope:
            return
        parent, _, last = scope.rpartition("/")
        step = _step(last)
        if scope in self._expansions or scope in self._sites:
            yield _Want(site_of(scope), step.item)
            return
        known = self._known(parent)
        if known is None or step.name not in known.tasks:
            yield from self._above(parent, None)
            return
        if step.turn:
            yield from self._turned(scope, step, name, known.until[step.name])
        wanted = {name, "when"} if step.name in known.choices else {name}
        inside = self._known(scope) if step.turn else None
        carried = inside.outputs if inside is not None else {}
        for port, sources in known.tasks[step.name].items():
            if (name is None or port in wanted) and port not in carried:
                chosen = step.item if port in known.scattered[step.name] else None
                yield from self._all(parent, sources, chosen)

    def _turned(self, scope: str, step: _Step, name: str | None, until: str) -> Iterator[_Want]:
        """What a later turn of a loop reads of the one before it: the carried value, and the end.

        `until` decided that there is a next turn, so every task of it waits for that.
        """
        before = f"{scope.rpartition('#')[0]}#{(step.turn or 0) - 1}"
        known = self._known(before)
        for port in (name, until):
            sources = known.outputs.get(port or "", ()) if known is not None else ()
            yield from self._all(before, sources, None)


def _together(bodies: list[Body]) -> Body:
    """One body for a condition's two branches: their tasks have names of their own."""
    if len(bodies) <= 1:
        return bodies[0] if bodies else {}
    outputs: dict[str, Any] = {}
    for body in bodies:
        for name, source in (body.get("outputs") or {}).items():
            outputs[name] = [*outputs.get(name, []), *flat([source])]
    tasks = {name: task for body in bodies for name, task in (body.get("tasks") or {}).items()}
    return {"tasks": tasks, "outputs": outputs}


def _known(body: Body) -> _Known | None:
    tasks = body.get("tasks")
    if not isinstance(tasks, Mapping):
        return None
    return _Known(
        {name: _sources((entry or {}).get("in")) for name, entry in tasks.items()},
        {name: frozenset((entry or {}).get("scatter") or ()) for name, entry in tasks.items()},
        _sources(body.get("outputs")),
        {name: str((entry or {}).get("until", "until")) for name, entry in tasks.items()},
        frozenset(name for name, entry in tasks.items() if (entry or {}).get("do") == "choose"),
    )


def _sources(given: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, Mapping):
        return {}
    return {str(port): tuple(flat([source])) for port, source in given.items()}
