"""Lineage: what a value was made from, and what was made from it, across the runs of a project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lamina.errors import UnknownNameError
from lamina.records.attempts import Attempt, attempts
from lamina.records.dependencies import Body, Dependencies
from lamina.records.store import RunRecord, Store
from lamina.records.tables import duration, line
from lamina.workflow.log import AttemptEnded, Event
from lamina.workflow.units import task_of

MOST = 3
"""Items of one task that are told one by one."""

VALUES = 6
"""Values of inputs that stand in a line."""

_READERS = 20

DEEPEST = 40
"""Steps that are followed."""

Reader = Callable[[RunRecord], Callable[[str], Body | None]]


@dataclass(frozen=True)
class Node:
    """A step of a lineage.

    Args:
        kind: "attempt", "input" (of a run), "output" (of a run), "more" (items left out).
        run: name of the run.
        name: of the unit, the input or the output.
        about: one line: status, time, code; or what an input is.
        port: through which the step below it hangs together with this one.
        steps: what it was made from; or, looking forward, what was made from it.
        again: whether its steps are told elsewhere.
    """

    kind: str
    run: str
    name: str
    about: str = ""
    port: str = ""
    steps: tuple[Node, ...] = ()
    again: bool = False

    def to_json(self) -> dict[str, Any]:
        """Its fields by name, what is empty left out."""
        told = {name: getattr(self, name) for name in ("kind", "run", "name", "about", "port")}
        found = {name: value for name, value in told.items() if value}
        if self.again:
            found["again"] = True
        if self.steps:
            found["steps"] = [step.to_json() for step in self.steps]
        return found

    def lines(self, depth: int = 0) -> Iterator[str]:
        """An indented line for each step."""
        indent = "  " * depth
        if self.kind == "more":
            yield f"{indent}{self.about}"
            return
        between = "/" if self.kind == "attempt" else f" {self.kind} "
        about = "(told above)" if self.again else self.about
        parts = [f"{self.run}{between}{self.name}", about]
        yield f"{indent}{'  '.join(part for part in parts if part)}"
        for step in self.steps:
            yield from step.lines(depth + 1)


@dataclass(frozen=True, eq=False)
class _Run:
    """A run, folded once."""

    record: RunRecord
    attempts: Sequence[Attempt]
    expansions: Mapping[str, Body]
    read: Callable[[str], Body | None] | None

    @cached_property
    def last(self) -> dict[str, Attempt]:
        """Unit -> its last attempt that ended well, else its last one."""
        found: dict[str, Attempt] = {}
        for one in self.attempts:
            known = found.get(one.task)
            if known is None or not known.outputs or one.outputs:
                found[one.task] = one
        return found

    @cached_property
    def parents(self) -> Dependencies:
        return Dependencies(self.record.document, self.last, self.expansions, self.read)

    @cached_property
    def children(self) -> dict[str, list[str]]:
        return self.parents.children()


@dataclass
class Lineage:
    """Follows values through runs.

    Args:
        store: of the runs.
        reader: reads workflows that a run's document names by files.
    """

    store: Store
    reader: Reader | None = None
    _runs: dict[str, _Run] = field(default_factory=dict)

    def units(self, run: str) -> list[str]:
        """Names of the units that a run met.

        Args:
            run: its id.
        """
        return list(self._run(run).last)

    def ends(self, run: str) -> list[str]:
        """Units of a run that no other unit of it reads."""
        known = self._run(run)
        return [unit for unit in known.last if unit not in known.children]

    def back(self, run: str, units: Iterable[str]) -> list[Node]:
        """What units' outputs were made from.

        Args:
            run: its id.
            units: names; of many items of one task only the first are told.

        Raises:
            UnknownNameError: the run has no such unit.
        """
        seen: set[tuple[str, str]] = set()
        shown, more = _some(units)
        found = [self._back(run, unit, "", seen, 0) for unit in shown]
        return [*found, *self._more(run, more)]

    def forward(self, run: str, units: Iterable[str]) -> list[Node]:
        """What was made from units' outputs; arguments as of `back`."""
        seen: set[tuple[str, str]] = set()
        shown, more = _some(units)
        found = [self._forward(run, unit, "", seen, 0) for unit in shown]
        return [*found, *self._more(run, more)]

    def _more(self, run: str, more: Iterable[tuple[str, str]]) -> list[Node]:
        return [Node("more", self._run(run).record.name, task, text) for task, text in more]

    def makers(self, digest: str) -> list[Node]:
        """What made the bytes of a digest, each with what it was made from."""
        seen: set[tuple[str, str]] = set()
        made = self.store.producers([digest]).get(digest, [])
        there = {run for run, unit, _ in made if unit}
        found = [self._back(run, unit, port, seen, 0) for run, unit, port in made if unit]
        # A file that a run wrote from an output has often the very bytes that a task made.
        files = [(run, port) for run, unit, port in made if not unit and run not in there]
        return [*found, *(self._output(run, port, seen) for run, port in files)]

    def users(self, digest: str) -> list[Node]:
        """Runs that were given the bytes of a digest, and tasks that read them in others; each
        with what was made from it."""
        seen: set[tuple[str, str]] = set()
        readers: dict[str, list[Node]] = {}
        for run, unit, port in self.store.consumers(digest)[:_READERS]:
            readers.setdefault(run, []).append(self._forward(run, unit, port, seen, 0))
        found = [
            Node(
                "input", record.name, port, _input(record.inputs[port]), "",
                tuple(readers.pop(record.id, ())),
            )
            for record, port in self.store.given(digest)
        ]  # fmt: skip
        return [*found, *(node for nodes in readers.values() for node in nodes)]

    def _run(self, run: str) -> _Run:
        if run not in self._runs:
            record = self.store.find(run)
            expansions: dict[str, Body] = {}

            def heard() -> Iterator[Event]:
                for _, event in self.store.events(run):
                    if isinstance(event, AttemptEnded) and event.expansion:
                        expansions[event.task] = event.expansion.get("workflow") or {}
                    yield event

            read = self.reader(record) if self.reader else None
            self._runs[run] = _Run(record, attempts(heard()), expansions, read)
        return self._runs[run]

    def _back(self, run: str, unit: str, port: str, seen: set[tuple[str, str]], depth: int) -> Node:
        known = self._run(run)
        one = known.last.get(unit)
        if one is None:
            raise UnknownNameError(f"task of run {known.record.name}", unit, list(known.last)[:20])
        told = _about(one)
        name = one.name
        if (run, unit) in seen or depth >= DEEPEST:
            return Node("attempt", known.record.name, name, told, port, (), True)
        seen.add((run, unit))
        if one.status == "reused" and one.source and one.source != run:
            steps = self._of_source(one, seen, depth)
        else:
            steps = [
                *self._above(known, run, unit, seen, depth),
                *self._inputs(known, one, seen, depth),
            ]
        return Node("attempt", known.record.name, name, told, port, tuple(steps))

    def _of_source(self, one: Attempt, seen: set[tuple[str, str]], depth: int) -> list[Node]:
        """The attempt that a reused result comes from."""
        result = self.store.results([one.key]).get(one.key)
        unit = result.task if result is not None and result.run == one.source else one.task
        if unit not in self._run(one.source).last:
            return []
        return [self._back(one.source, unit, "", seen, depth + 1)]

    def _above(
        self, known: _Run, run: str, unit: str, seen: set[tuple[str, str]], depth: int
    ) -> Iterator[Node]:
        shown, more = _some(known.parents.get(unit, []))
        for parent in shown:
            yield self._back(run, parent, "", seen, depth + 1)
        yield from self._more(run, more)

    def _inputs(
        self, known: _Run, one: Attempt, seen: set[tuple[str, str]], depth: int
    ) -> Iterator[Node]:
        """Inputs of the run that the attempt reads, and the runs that made those."""
        record = known.record
        names = {
            ref.get("digest"): name
            for name, ref in record.inputs.items()
            if isinstance(ref, Mapping)
        }
        for port, ref in one.inputs.items():
            digest = ref.get("digest") if isinstance(ref, Mapping) else None
            if digest not in names:
                continue
            steps = [
                self._back(run, unit, made, seen, depth + 1)
                if unit
                else self._output(run, made, seen)
                for run, unit, made in self._made_before(str(digest), ref, record)
            ]
            name = names[digest]
            yield Node("input", record.name, name, _input(ref), port, tuple(steps))

    def _made_before(
        self, digest: str, ref: Mapping[str, Any], record: RunRecord
    ) -> list[tuple[str, str, str]]:
        if ref.get("inline") is not None:
            return []
        found = self.store.producers([digest]).get(digest, [])
        return [each for each in found if each[0] != record.id][:1]

    def _output(self, run: str, port: str, seen: set[tuple[str, str]]) -> Node:
        """A file that was written from an output of a run."""
        known = self._run(run)
        sources = (known.record.document.get("outputs") or {}).get(port, ())
        names = [sources] if isinstance(sources, str) else list(sources)
        tasks = dict.fromkeys(str(name).rpartition(".")[0] for name in names)
        units = [unit for unit in known.last if task_of(unit) in tasks]
        shown, more = _some(units)
        steps = [self._back(run, unit, "", seen, 1) for unit in shown]
        steps += self._more(run, more)
        return Node("output", known.record.name, port, "", "", tuple(steps))

    def _forward(
        self, run: str, unit: str, port: str, seen: set[tuple[str, str]], depth: int
    ) -> Node:
        known = self._run(run)
        one = known.last.get(unit)
        if one is None:
            raise UnknownNameError(f"task of run {known.record.name}", unit, list(known.last)[:20])
        if (run, unit) in seen or depth >= DEEPEST:
            return Node("attempt", known.record.name, one.name, _about(one), port, (), True)
        seen.add((run, unit))
        shown, more = _some(known.children.get(unit, []))
        steps = [self._forward(run, child, "", seen, depth + 1) for child in shown]
        steps += self._more(run, more)
        steps += self._elsewhere(run, one, seen, depth)
        return Node("attempt", known.record.name, one.name, _about(one), port, tuple(steps))

    def _elsewhere(
        self, run: str, one: Attempt, seen: set[tuple[str, str]], depth: int
    ) -> list[Node]:
        """Readers of its outputs in other runs."""
        digests = [
            str(ref["digest"])
            for ref in one.outputs.values()
            if isinstance(ref, Mapping) and ref.get("inline") is None and ref.get("digest")
        ]
        users = [each for digest in digests for each in self.store.consumers(digest)]
        there = dict.fromkeys((user, unit) for user, unit, _ in users if user != run)
        return [
            self._forward(user, unit, "", seen, depth + 1) for user, unit in list(there)[:_READERS]
        ]


def _about(one: Attempt) -> str:
    parts = [one.status if one.status != "succeeded" else "", duration(one.seconds)]
    parts = [part for part in parts if part not in ("", "-")]
    if one.number and one.recipe:
        parts.append(f"recipe {one.recipe[:10]}")
    values = [
        f"{port}={line(ref['inline'], 30)}"
        for port, ref in one.inputs.items()
        if isinstance(ref, Mapping) and ref.get("inline") is not None
    ]
    return ", ".join([*parts, *values[:VALUES]])


def _input(ref: Mapping[str, Any]) -> str:
    if ref.get("inline") is not None:
        return line(f"= {ref['inline']}", 60)
    place = ref.get("origin") or ref.get("name") or ref.get("codec", "")
    return f"{place} ({str(ref.get('digest', ''))[:10]})"


def _some(units: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The first units of each task, and words for those left out."""
    counts: dict[str, int] = {}
    shown = []
    for unit in units:
        task = task_of(unit)
        counts[task] = counts.get(task, 0) + 1
        if counts[task] <= MOST:
            shown.append(unit)
    more = [(task, n - MOST) for task, n in counts.items() if n > MOST]
    return shown, [(task, f"and {n} more of {task}") for task, n in more]
