"""WfFormat 1.5 of the WfCommons project: a workflow and its execution as one JSON document.

After T. Coleman, H. Casanova, L. Pottier, M. Kaushik, E. Deelman and R. Ferreira da Silva,
"WfCommons: A framework for enabling scientific workflow research and development", FGCS 128,
2022. The schema allows further keys: ours stand under "lamina", and tell attempts and phases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from lamina.errors import UsageError
from lamina.records.attempts import Attempt, newest
from lamina.records.dependencies import site_of
from lamina.records.exports.base import (
    Artifacts,
    Exporter,
    Identifiers,
    edges,
    iso,
    named_units,
    write_lines,
)
from lamina.records.history import History
from lamina.workflow.masking import mask
from lamina.workflow.units import task_of

VERSION = "1.5"


class WfFormatExporter(Exporter):
    """An instance with specification and, where something ran, execution."""

    title: ClassVar[str] = "WfFormat 1.5"

    def export(self, history: History, target: Path, artifacts: Artifacts) -> None:
        """Writes the instance."""
        del artifacts
        write_lines(instance_of(history), target)


def instance_of(history: History) -> dict[str, Any]:
    """The run as an instance.

    Raises:
        UsageError: a run without tasks: the format needs one at least.
    """
    units = named_units(history)
    if not units:
        raise UsageError(
            f"run {history.record.name or history.record.id} has no tasks to export",
            "export a run in which a task began",
        )
    ids = Identifiers()
    execution = _execution(history, ids)
    return {
        "name": history.record.workflow or "workflow",
        "description": f"Run {history.record.name} ({history.record.id}): {history.status}",
        "createdAt": iso(history.begin),
        "schemaVersion": VERSION,
        "runtimeSystem": {"name": "Lamina", "version": _version(history)},
        "workflow": {
            "specification": _specification(history, units, ids),
            **({"execution": execution} if execution else {}),
        },
    }


def _version(history: History) -> str:
    """Version of the Lamina that ran it."""
    from lamina import __version__

    told = history.about.get("lamina") or (history.about.get("versions") or {}).get("lamina")
    return str(told or __version__)


def _specification(history: History, units: list[str], ids: Identifiers) -> dict[str, Any]:
    reads = edges(history, units)
    children: dict[str, list[str]] = {}
    for unit in units:
        for parent in reads[unit]:
            children.setdefault(parent, []).append(unit)
    last = newest(history.attempts)
    files: dict[str, int] = {}
    tasks = []
    for unit in units:
        attempt = last.get(unit)
        tasks.append(
            {
                "name": site_of(unit),
                "id": ids[unit],
                "parents": [ids[parent] for parent in reads[unit]],
                "children": [ids[child] for child in children.get(unit, ())],
                "inputFiles": _files(attempt.inputs if attempt else {}, files),
                "outputFiles": _files(attempt.outputs if attempt else {}, files),
            }
        )
    listed = [{"id": name, "sizeInBytes": size} for name, size in files.items()]
    return {"tasks": tasks, "files": listed}


def _files(refs: Mapping[str, Any], files: dict[str, int]) -> list[str]:
    """Ids of values by their content, so that what one task writes and another reads is one."""
    found = []
    for ref in refs.values():
        digest = re.sub(r"[^0-9a-zA-Z]", "", str(ref.get("digest", "")))
        if not digest:
            continue
        name = f"sha256-{digest}"
        files.setdefault(name, max(int(ref.get("size") or 0), 0))
        found.append(name)
    return list(dict.fromkeys(found))


def _execution(history: History, ids: Identifiers) -> dict[str, Any]:
    tries: dict[str, list[Attempt]] = {}
    for one in history.attempts:
        if one.status != "skipped":
            tries.setdefault(one.task, []).append(one)
    if not tries:
        return {}
    commands: dict[str, dict[str, Any]] = {}
    for unit in tries:
        path = task_of(unit)
        if path not in commands:
            commands[path] = _command(history, path)
    hosts = dict.fromkeys(_host(one.host) for found in tries.values() for one in found if one.host)
    found: dict[str, Any] = {
        "makespanInSeconds": history.seconds,
        "executedAt": iso(history.begin),
        "tasks": [_task(found, ids, commands[task_of(unit)]) for unit, found in tries.items()],
    }
    if hosts:
        found["machines"] = [{"nodeName": host} for host in hosts]
    return found


def _task(attempts: list[Attempt], ids: Identifiers, command: dict[str, Any]) -> dict[str, Any]:
    last = attempts[-1]
    run = last.phases.get("run")
    begin, end = run or (last.started, last.started if last.ended is None else last.ended)
    seconds = max(end - begin, 0.0)
    usage = last.usage
    found: dict[str, Any] = {
        "id": ids[last.task],
        "runtimeInSeconds": seconds,
        "executedAt": iso(begin),
        "command": command,
    }
    if last.needs.get("cpus"):
        found["coreCount"] = max(float(last.needs["cpus"]), 1.0)
    if "cpu" in usage and seconds > 0:
        found["avgCPU"] = round(100 * usage["cpu"] / seconds, 4)
    for key, name in _USAGE.items():
        if key in usage:
            found[name] = usage[key]
    if last.host:
        found["machines"] = [_host(last.host)]
    found["lamina"] = {
        "unit": last.task,
        "status": last.status,
        "attempts": [_attempt(one) for one in attempts],
    }
    return {key: value for key, value in found.items() if value not in ({}, None)}


_USAGE = {
    "bytes_read": "readBytes",
    "bytes_written": "writtenBytes",
    "memory_peak": "memoryInBytes",
}


def _attempt(one: Attempt) -> dict[str, Any]:
    """An attempt with its phases: seconds since 1970, as (begin, end)."""
    return {
        "number": one.number,
        "status": one.status,
        "ready": one.ready,
        "begin": one.started,
        "end": one.ended,
        "worker": one.worker,
        "phases": {name: list(span) for name, span in one.phases.items()},
    }


def _command(history: History, path: str) -> dict[str, Any]:
    """Program and arguments as the workflow states them; the name of a function."""
    if not history.record.document:  # a trace of another system
        return {}
    entry = entry_of(history.record.document, path.split("/"))
    argv = [mask(str(word)) for word in entry.get("argv") or () if str(word)]
    if argv:
        return {"program": argv[0], "arguments": argv[1:]}
    function = entry.get("function") or entry.get("do")
    return {"program": mask(str(function)), "arguments": []} if function else {}


def entry_of(document: Mapping[str, Any], path: Iterable[str]) -> Mapping[str, Any]:
    """A task's entry in a document, through workflows inside it; empty where it is not there."""
    inside: list[Mapping[str, Any]] = [document]
    entry: Mapping[str, Any] = {}
    for name in path:
        tasks = [body.get("tasks") or {} for body in inside]
        entry = next((one[name] for one in tasks if one.get(name)), {})
        inner = (entry.get(key) for key in ("workflow", "then", "otherwise"))
        inside = [one for one in inner if isinstance(one, Mapping)]
    return entry


@lru_cache(maxsize=4096)
def _host(name: str) -> str:
    """A host name that is one: letters, digits, hyphens and dots."""
    return re.sub(r"[^0-9A-Za-z.-]+", "-", name).strip("-.") or "host"
