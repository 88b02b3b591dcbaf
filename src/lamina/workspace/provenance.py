"""`status RUN/TASK`: all that the record holds of how a task's outputs came about."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lamina.errors import UnknownNameError, UsageError
from lamina.records.attempts import Attempt, attempts
from lamina.records.store import RunRecord
from lamina.records.tables import duration, line, size
from lamina.workflow.log import PHASES
from lamina.workspace.logs import chosen, parted
from lamina.workspace.project import Project, project

UNITS = 12
"""Units that are listed where a task has many."""

Fact = tuple[str, Sequence[str]]
"""A name, and what is to be said of it."""

_WIDE = 13
_LONGEST = 50
_COMPUTED = ("error", "about", "told", "recipe", "key", "phases", "source", "kind")


@dataclass(frozen=True)
class Provenance:
    """Attempts of a task, and what their digests stand for.

    Args:
        record: the run.
        target: the task, as it was asked for.
        attempts: of all its units, in the order in which they began.
        documents: digest -> recipe of code and parameters, or environment.
        sources: id of a run -> its name, for results that were reused.
        folder: of the run's files.
    """

    record: RunRecord
    target: str
    attempts: tuple[Attempt, ...]
    documents: Mapping[str, Mapping[str, Any]]
    sources: Mapping[str, str]
    folder: str

    def to_json(self) -> dict[str, Any]:
        """run, name, workflow, task, attempts; recipes and environments by their digests."""
        used = {one.recipe for one in self.attempts}
        return {
            "run": self.record.id,
            "name": self.record.name,
            "workflow": self.record.workflow,
            "task": self.target,
            "attempts": [self._attempt(one) for one in self.attempts],
            "recipes": {d: body for d, body in self.documents.items() if d in used},
            "environments": {d: body for d, body in self.documents.items() if d not in used},
        }

    def _attempt(self, one: Attempt) -> dict[str, Any]:
        plain = {name: value for name, value in asdict(one).items() if name not in _COMPUTED}
        recipe = self.documents.get(one.recipe, {})
        return {
            **plain,
            "phases": {name: list(span) for name, span in one.phases.items()},
            "error": dict(one.error),
            "code": code_of(recipe),
            "parameters": parameters_of(one),
            "seed": one.seed,
            "device": one.device,
            "recipe": one.recipe,
            "key": one.key,
            "environment": str(one.about.get("environment", "")),
            "user": str(one.about.get("user", "")),
            "command": one.about.get("command", []),
            "source": self.sources.get(one.source, one.source),
            "metrics": one.epochs(),
        }

    def lines(self) -> list[str]:
        """For a terminal: of one unit everything, of many how they stand."""
        units = dict.fromkeys(one.task for one in self.attempts)
        head = f"{self.target} in {self.record.name} ({self.record.id})  {self.record.workflow}"
        if len(units) == 1:
            return [head, *(text for one in self.attempts for text in self._whole(one))]
        return [head, *self._many(list(units))]

    def _many(self, units: Sequence[str]) -> Iterator[str]:
        last = {one.task: one for one in self.attempts}
        counted = Counter(one.status for one in last.values())
        told = ", ".join(f"{count} {status}" for status, count in counted.items())
        yield f"{len(units)} units: {told}"
        shown = sorted(units, key=lambda unit: not last[unit].failed)[:UNITS]
        width = max(map(len, shown))
        for unit in shown:
            one = last[unit]
            yield f"  {unit:<{width}}  {one.status:<9}  {duration(one.seconds):>6}  {_why(one)}"
        if len(units) > len(shown):
            yield f"  and {len(units) - len(shown)} more"
        yield f"  one of them: lamina status {shlex.quote(f'{self.record.name}/{shown[0]}')}"

    def _whole(self, one: Attempt) -> Iterator[str]:
        again = f"attempt {one.number}  " if one.number else ""
        took = "" if one.ended is None else f"  {duration(one.ended - one.ready)}"
        yield f"{again}{one.status}{took}  {one.reason}".rstrip()
        for name, parts in self._facts(one):
            for place, text in enumerate(_wrapped(parts)):
                yield f"  {'' if place else name:<{_WIDE}}{text}"

    def _facts(self, one: Attempt) -> Iterator[Fact]:
        if one.source:
            source = self.sources.get(one.source, one.source)
            told = shlex.quote(f"{source}/{one.task}")
            yield "result of", [source, f"see lamina status {told}"]
        if one.number:
            yield from _course(one)
        yield from self._made_of(one)
        if one.number:
            yield from self._surroundings(one)
        if one.error:
            yield "cause", [line(one.cause or one.status)]
        yield from _told(one)
        if one.folder:
            yield "files", [_near(Path(self.folder) / one.folder)]

    def _made_of(self, one: Attempt) -> Iterator[Fact]:
        recipe = self.documents.get(one.recipe, {})
        versions = code_of(recipe)
        functions = [str(recipe.get("places", {}).get(n, n)) for n in recipe.get("names", {})]
        for name in functions:
            yield "code", [f"{name}  {versions.pop(name, '')}".rstrip()]
        if recipe.get("argv"):
            yield "command", [shlex.join(map(str, recipe["argv"]))]
            versions.pop("argv", None)
        if versions:
            yield "with", [f"{name} {version}" for name, version in versions.items()]
        if one.seed is not None:
            yield "seed", [str(one.seed)]
        for side, refs in (("input", one.inputs), ("output", one.outputs)):
            width = max(map(len, refs), default=0)
            for port, ref in refs.items():
                yield side, [f"{port:<{width}}  {_value(ref)}"]

    def _surroundings(self, one: Attempt) -> Iterator[Fact]:
        digest = str(one.about.get("environment", ""))
        found = self.documents.get(digest, {})
        where = (one.host, one.worker, f"process {one.pid}" if one.pid else "")
        yield "device", [one.device]
        yield "where", [text for text in where if text] or ["-"]
        if one.placement.get("reason"):
            yield "placed on", [str(one.placement["reason"])]
        if found:
            yield (
                "environment",
                [
                    digest[:16],
                    str(found.get("system", "")),
                    f"{found.get('cpu', '')} ({found.get('cores', '?')} cores)",
                    f"python {found.get('python', '')}",
                    f"lamina {found.get('lamina', '')}",
                    f"{len(found.get('packages', {}))} packages",
                ],
            )
        if one.about.get("user"):
            yield "user", [str(one.about["user"])]


def _course(one: Attempt) -> Iterator[Fact]:
    """When it was in which phase, and what it used."""
    yield "ready", [datetime.fromtimestamp(one.ready).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]]
    spans = [(name, one.phases[name]) for name in PHASES if name in one.phases]
    if spans:
        yield "phases", [f"{n.replace('_', ' ')} {_brief(y - x)}" for n, (x, y) in spans]
    if one.needs:
        yield "needs", [f"{name} {_need(name, value)}" for name, value in one.needs.items()]
    shown = {"cpu": duration}
    used = [
        f"{title} {shown.get(name, size)(one.usage[name])}"
        for name, title in _USED.items()
        if name in one.usage
    ]
    if used:
        yield "used", used
    if one.exit is not None:
        yield "exit", [str(one.exit)]


_USED = {
    "cpu": "CPU",
    "memory_peak": "memory",
    "gpu_memory_peak": "GPU memory",
    "bytes_read": "read",
    "bytes_written": "written",
}


def _wrapped(parts: Sequence[str], width: int = 64) -> Iterator[str]:
    """Parts with commas between them, in lines that are short where the parts are."""
    text = ""
    for part in parts:
        if text and len(text) + len(part) + 2 > width:
            yield f"{text},"
            text = ""
        text = f"{text}, {part}" if text else part
    if text:
        yield text


def code_of(recipe: Mapping[str, Any]) -> dict[str, str]:
    """What a recipe's code is: digests of functions by their places ("words.py:12 (count)"),
    arguments and program of a command, versions of tasks of Lamina and of packages."""
    found: dict[str, str] = {}
    places = recipe.get("places", {})
    for name, digest in recipe.get("names", {}).items():
        found[str(places.get(name, name))] = str(digest)
    if recipe.get("argv"):
        found["argv"] = shlex.join(map(str, recipe["argv"]))
    if recipe.get("program"):
        found["program"] = str(recipe["program"]).partition(" ")[0]
    if recipe.get("name"):
        found[str(recipe["name"])] = str(recipe.get("version", "?"))
    if recipe.get("before"):
        found["pre script"] = shlex.join(map(str, recipe["before"]))
    if recipe.get("python"):
        found["python"] = str(recipe["python"])
    for part in ("packages", "environment", "variables"):
        found.update({str(n): str(value) for n, value in recipe.get(part, {}).items()})
    return found


def parameters_of(one: Attempt) -> dict[str, Any]:
    """Input port -> value, of those that are short enough to stand in the record."""
    found = {}
    for port, ref in one.inputs.items():
        text = ref.get("inline") if isinstance(ref, Mapping) else None
        if text is not None:
            try:
                found[port] = json.loads(text)
            except ValueError:
                found[port] = text
    return found


def provenance(target: str, here: Project | None = None) -> Provenance:
    """What is known of a task of a run.

    Args:
        target: RUN/TASK; the task may be one item ("count[3]"), or a workflow inside.
        here: the project; that of the current folder when None.

    Raises:
        LaminaError: no such run or task, or records that cannot be read.
    """
    place = here or project()
    run, task = parted(target)
    record = place.store.find(run)
    if not task:
        raise UsageError(f"{target!r} names no task", f"write {record.name}/TASK")
    found = attempts(event for _, event in place.store.events(record.id))
    kept = chosen(found, task, record)
    known = place.store.results([one.key for one in kept if one.key and not one.recipe])
    kept = [_with_recipe(one, known) for one in kept]
    digests = {one.recipe for one in kept} | {str(one.about.get("environment", "")) for one in kept}
    sources = {one.source for one in kept if one.source}
    return Provenance(
        record,
        task,
        tuple(kept),
        place.store.recipes(sorted(digests - {""})),
        {source: _name(place, source) for source in sorted(sources)},
        str(place.run_folder(record.id)),
    )


def _with_recipe(one: Attempt, known: Mapping[str, Any]) -> Attempt:
    if one.recipe or one.key not in known:
        return one
    return replace(one, recipe=known[one.key].recipe)


def _name(place: Project, run: str) -> str:
    try:
        return place.store.find(run).name
    except (UnknownNameError, UsageError):
        return run


def _why(one: Attempt) -> str:
    return line(one.cause or one.reason, _LONGEST)


def _need(name: str, value: Any) -> str:
    if name == "memory":
        return size(value)
    return duration(value) if name == "time" else f"{value:g}"


def _brief(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.9995 else duration(seconds)


def _value(ref: Any) -> str:
    if not isinstance(ref, Mapping):
        return "-"
    if ref.get("hidden"):
        return "hidden"
    if ref.get("inline") is not None:
        return line(ref["inline"], _LONGEST)
    name = ref.get("origin") or ref.get("name") or ""
    many = f", {ref['count']} items" if ref.get("count") is not None else ""
    told = (
        f"{ref.get('codec', '')} {str(ref.get('digest', ''))[:16]}, {size(ref.get('size'))}{many}"
    )
    return f"{told}  {name}".rstrip()


def _near(path: Path) -> str:
    """A path as one would write it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _told(one: Attempt) -> Iterator[Fact]:
    """What it told last, and how much there is in all."""
    rows = one.epochs()
    last: dict[str, Any] = {}
    for row in rows:
        last.update(row)
    told = [f"{name} {_figure(value)}" for name, value in last.items() if name not in _SAID]
    if told:
        yield "told", told
    epochs = [row for row in rows if "epoch" in row]
    if epochs:
        costs = [row["seconds"] for row in epochs if isinstance(row.get("seconds"), int | float)]
        spent = [f"{sum(costs):.3g} s together"] if costs else []
        yield "epochs", [str(len(epochs)), *spent, "each with its cost: --json"]


_SAID = ("time", "seed", "device")


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
