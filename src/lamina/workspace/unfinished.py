"""Runs that did not end well: which of their tasks' outputs a resumed run reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lamina.records.store import RunRecord


def needed_units(run: RunRecord, done: Collection[str]) -> list[str]:
    """Units whose outputs are read by tasks that have not ended, or leave the workflow.

    Args:
        run: with its workflow as a document; without one, everything is needed.
        done: units that ended well, or that earlier results stood in for.
    """
    tasks = run.document.get("tasks")
    if not isinstance(tasks, Mapping):
        return list(done)
    reads = {name: _sources(entry.get("in", {}), tasks) for name, entry in tasks.items()}
    readers: dict[str, set[str]] = {name: set() for name in tasks}
    for name, sources in reads.items():
        for source in sources:
            readers[source].add(name)
    begun = {_top(unit) for unit in done} & set(tasks)
    ended = {name for name in begun if _has_ended(name, tasks[name], readers, begun)}
    leaving = _sources(run.document.get("outputs", {}), tasks)
    read = {name for name in ended - leaving if readers[name] <= ended}
    return [unit for unit in done if _top(unit) not in read]


def _top(unit: str) -> str:
    return unit.partition("/")[0].partition("[")[0].partition("#")[0]


def _has_ended(
    name: str, entry: Mapping[str, Any], readers: Mapping[str, set[str]], begun: set[str]
) -> bool:
    """Whether all units of a task have ended: it has one only, or somebody reads them already."""
    if readers[name] & begun:
        return True
    plain = ("workflow", "loop", "choose")
    return not entry.get("scatter") and entry.get("do") not in plain


def _sources(given: Any, tasks: Mapping[str, Any]) -> set[str]:
    """Names of tasks that the ports of a task read."""
    if isinstance(given, Mapping):
        return set().union(*(_sources(one, tasks) for one in given.values()), set())
    if isinstance(given, (list, tuple)):
        return set().union(*(_sources(one, tasks) for one in given), set())
    name = str(given).partition(".")[0]
    return {name} if name in tasks else set()
