"""Workflow Run RO-Crate: a folder or archive with the run's files and what made them.

After the RO-Crate 1.1 specification and the profiles Process Run Crate, Workflow Run Crate and
Provenance Run Crate 0.5 of the Workflow Run RO-Crate working group.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from lamina.errors import UsageError
from lamina.records.attempts import Attempt
from lamina.records.exports.base import Artifacts, Exporter, iso, quoted, write_bytes, write_json
from lamina.records.exports.chrome import trace_document
from lamina.records.exports.crate_plan import (
    WORKFLOW,
    Entity,
    fitted,
    parameter_id,
    plan_entities,
    ref,
    step_id,
    tool_id,
)
from lamina.records.exports.crate_values import Values
from lamina.records.history import History
from lamina.workflow.masking import mask, mask_plain
from lamina.workflow.units import task_of

METADATA = "ro-crate-metadata.json"
TRACE = "trace.json"
README = "README.md"
CONTEXT = (
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
)
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_STATUS = {"succeeded": "CompletedActionStatus", "running": "ActiveActionStatus"}
_UNITS = {
    "cpu": "https://qudt.org/vocab/unit/SEC",
    "memory_peak": "https://qudt.org/vocab/unit/BYTE",
}


class CrateExporter(Exporter):
    """A folder, or a .zip of it, with metadata, workflow, inputs, outputs and a trace."""

    title: ClassVar[str] = "Workflow Run RO-Crate"
    suffix: ClassVar[str] = ""

    def export(self, history: History, target: Path, artifacts: Artifacts) -> None:
        """Writes the crate; a folder that holds anything is refused."""
        zipped = target.suffix.lower() == ".zip"
        if not zipped and target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UsageError(
                f"{str(target)!r} is there and not empty", "name a new folder, or a .zip file"
            )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as made:
                folder = Path(made) / "crate"
                folder.mkdir()
                write_crate(history, folder, artifacts)
                _deliver(folder, target, Path(made) / "crate.zip" if zipped else None)
        except OSError as error:
            raise UsageError(
                f"{str(target)!r} cannot be written: {error.strerror}", "name another place"
            ) from error


def _deliver(folder: Path, target: Path, archive: Path | None) -> None:
    """Puts the finished crate into its place at once."""
    if archive is None:
        if target.exists():
            target.rmdir()
        folder.rename(target)
        return
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder))
    archive.replace(target)


def write_crate(history: History, folder: Path, artifacts: Artifacts) -> None:
    """Writes a crate's files into an empty folder."""
    document = history.record.document or {
        "lamina": "workflow/1",
        "name": history.record.workflow,
        "description": "Its functions have no importable names, so no document can hold it.",
        "tasks": {},
    }
    write_json(mask_plain(document), folder / WORKFLOW)
    write_json(trace_document(history), folder / TRACE)
    write_bytes(mask(_readme(history)).encode("utf-8", "replace"), folder / README)
    values = Values(folder, artifacts)
    entities = _Crate(history, values).entities()
    for entity in entities:
        if entity["@id"] in (WORKFLOW, TRACE, README):
            path = folder / entity["@id"]
            entity["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
            entity["contentSize"] = str(path.stat().st_size)
        if entity["@id"] == WORKFLOW:
            entity["version"] = entity["sha256"][:16]
    graph = [_compact(entity) for entity in entities]
    write_json({"@context": list(CONTEXT), "@graph": graph}, folder / METADATA)


def _compact(entity: Entity) -> Entity:
    """Lists of one as that one, and no empty ones: as the specification has them."""
    return {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value
        for key, value in entity.items()
        if value != []
    }


class _Crate:
    """Collects the entities of a crate."""

    def __init__(self, history: History, values: Values) -> None:
        self.history = history
        self.values = values
        self.run = f"#run/{quoted(history.record.id)}"
        self.controls: list[str] = []
        user = str(history.about.get("user") or "")
        self.user = user
        self.agent = {"agent": ref(f"#user/{quoted(user)}")} if user else {}

    def entities(self) -> list[Entity]:
        """All of them; the descriptor and the root come first."""
        history, record = self.history, self.history.record
        inputs = self.values.refer(record.inputs, _parameters("", "input"), "inputs")
        outputs = self.values.refer(history.outputs, _parameters("", "output"), "outputs")
        ran = [one for one in history.attempts if one.status not in ("reused", "skipped")]
        actions = [entity for one in ran for entity in self._action(one)]
        controls = list(self._controls(ran))
        body = [
            *self._run(inputs, outputs),
            *fitted(list(plan_entities(history)), list(self.values.entities())),
            *actions,
            *controls,
            *self.values.entities(),
            *self._beside(),
            *(
                {"@id": url, "@type": "CreativeWork", "name": name, "version": version}
                for url, (name, version) in self._profiles().items()
            ),
        ]
        made = (e["@id"] for e in (*actions, *controls) if e["@type"] == "CreateAction")
        mentions = [self.run, *made]
        return [*self._head(mentions), *body]

    def _head(self, mentions: list[str]) -> Iterator[Entity]:
        history, record = self.history, self.history.record
        yield {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": ref("./"),
            "conformsTo": [
                ref("https://w3id.org/ro/crate/1.1"),
                ref("https://w3id.org/workflowhub/workflow-ro-crate/1.0"),
            ],
        }
        yield {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Run {record.name} of {record.workflow}",
            "description": f"Run {record.id} of the workflow {record.workflow}: {history.status}.",
            "datePublished": _time(history.end),
            "license": "No licence was stated; ask whoever made this run.",
            "conformsTo": [ref(url) for url in self._profiles()],
            "hasPart": [ref(one) for one in (WORKFLOW, TRACE, README, *self.values.files)],
            "mainEntity": ref(WORKFLOW),
            "mentions": [ref(one) for one in mentions],
            **({"author": self.agent["agent"]} if self.agent else {}),
        }

    def _profiles(self) -> dict[str, tuple[str, str]]:
        """Without the one of steps, where no step was taken: every result was an earlier run's."""
        return {
            url: told
            for url, told in PROFILES.items()
            if self.controls or "/provenance/" not in url
        }

    def _run(self, inputs: list[Entity], outputs: list[Entity]) -> Iterator[Entity]:
        """The run as an action, the engine that organised it, and who asked for it."""
        history, about = self.history, self.history.about
        version = str(about.get("lamina") or (about.get("versions") or {}).get("lamina") or "")
        user, agent = self.user, self.agent
        times = {"startTime": _time(history.begin)}
        if history.status != "running":
            times["endTime"] = _time(history.end)
        status = {"actionStatus": _status(history.status)}
        yield {
            "@id": self.run, "@type": "CreateAction", "name": f"Run {history.record.name}",
            "description": _command(about), "instrument": ref(WORKFLOW), **times, **status,
            **agent, "object": inputs, "result": outputs,
        }  # fmt: skip
        yield {
            "@id": "#engine", "@type": "SoftwareApplication", "name": "Lamina",
            **({"softwareVersion": version} if version else {}),
        }  # fmt: skip
        if self.controls:
            yield {
            "@id": f"{self.run}/engine", "@type": "OrganizeAction", "name": "Run of Lamina",
            "instrument": ref("#engine"), "object": [ref(one) for one in self.controls],
            "result": ref(self.run), **times, **status, **agent,
        }  # fmt: skip
        if user:
            yield {"@id": f"#user/{quoted(user)}", "@type": "Person", "name": user}

    def _action(self, one: Attempt) -> Iterator[Entity]:
        """An attempt, with what it took and what it used."""
        path = task_of(one.task)
        identity = _attempt_id(one)
        usage = [key for key in _UNITS if key in one.usage]
        yield {
            "@id": identity, "@type": "CreateAction", "name": one.name,
            "description": f"{one.reason or 'it was its turn'}; worker {one.worker or 'unknown'}",
            "instrument": ref(tool_id(path)), "startTime": _time(one.started), **self.agent,
            **({"endTime": _time(one.ended)} if one.ended is not None else {}),
            "actionStatus": _status(one.status),
            **({"error": mask(one.cause) or one.status} if one.failed else {}),
            "object": self.values.refer(one.inputs, _parameters(path, "input")),
            "result": self.values.refer(one.outputs, _parameters(path, "output")),
            **({"resourceUsage": [ref(f"{identity}/{key}") for key in usage]} if usage else {}),
        }  # fmt: skip
        for key in usage:
            yield {
                "@id": f"{identity}/{key}", "@type": "PropertyValue", "name": key,
                "propertyID": f"urn:lamina:terms:{key}", "unitCode": _UNITS[key],
                "value": str(one.usage[key]),
            }  # fmt: skip

    def _controls(self, ran: list[Attempt]) -> Iterator[Entity]:
        """The steps as they were taken: units with their attempts, workflows inside as a whole."""
        units: dict[str, list[Attempt]] = {}
        scopes: dict[str, list[Attempt]] = {}
        for one in ran:
            units.setdefault(one.task, []).append(one)
            scope = one.task.rpartition("/")[0]
            while scope:
                scopes.setdefault(scope, []).append(one)
                scope = scope.rpartition("/")[0]
        for unit, attempts in units.items():
            yield self._control(unit, attempts[-1].status, [_attempt_id(one) for one in attempts])
        for scope, attempts in scopes.items():
            if scope in units:
                continue  # a task that decided on these: its own attempt stands for it
            status = _together(attempts)
            identity = f"#inside/{quoted(scope)}"
            ends = [one.ended for one in attempts if one.ended is not None]
            yield {
                "@id": identity, "@type": "CreateAction", "name": scope,
                "description": f"the tasks inside of {scope}", **self.agent,
                "instrument": ref(tool_id(task_of(scope))), "actionStatus": _status(status),
                "startTime": _time(min(one.started for one in attempts)),
                **({"endTime": _time(max(ends))} if len(ends) == len(attempts) else {}),
            }  # fmt: skip
            yield self._control(scope, status, [identity])

    def _control(self, unit: str, status: str, actions: list[str]) -> Entity:
        identity = f"#control/{quoted(unit)}"
        self.controls.append(identity)
        return {
            "@id": identity, "@type": "ControlAction", "name": f"step {unit}",
            "instrument": ref(step_id(task_of(unit))), "actionStatus": _status(status),
            "object": [ref(one) for one in actions],
        }  # fmt: skip

    def _beside(self) -> Iterator[Entity]:
        """What the crate holds besides the workflow's own files."""
        yield {
            "@id": TRACE, "@type": "File", "name": "Trace of the run",
            "description": "Phases of all attempts over time, as Chrome trace events.",
            "encodingFormat": "application/json", "about": ref(self.run),
        }  # fmt: skip
        yield {
            "@id": README, "@type": "File", "name": "About this crate",
            "encodingFormat": "text/markdown", "about": ref("./"),
        }  # fmt: skip


def _readme(history: History) -> str:
    """A few lines for whoever opens the crate without tools."""
    record = history.record
    return (
        f"# Run {record.name} of {record.workflow}\n\n"
        f"Run `{record.id}` began {_time(history.begin)} and is: {history.status}.\n\n"
        "- `workflow.json`: the workflow, as a Lamina document\n"
        "- `inputs/`, `outputs/`: what it was given and what it gave, where that was kept\n"
        "- `trace.json`: when each attempt was in which phase, as Chrome trace events\n"
        "- `ro-crate-metadata.json`: all of it, described as a Workflow Run RO-Crate\n"
    )


def _time(seconds: float) -> str:
    """Milliseconds are what the profiles' validators read."""
    return iso(seconds, "milliseconds")


def _parameters(path: str, side: str) -> Any:
    return lambda port: parameter_id(path, port, side)


def _attempt_id(one: Attempt) -> str:
    return f"#attempt/{quoted(one.task)}~{one.number}"


def _together(attempts: list[Attempt]) -> str:
    last = {one.task: one.status for one in attempts}
    return next((found for found in last.values() if found != "succeeded"), "succeeded")


def _status(word: str) -> str:
    return f"http://schema.org/{_STATUS.get(word, 'FailedActionStatus')}"


def _command(about: Any) -> str:
    told = about.get("command")
    words = mask_plain(told if isinstance(told, list | tuple) else [told or "lamina run"])
    return mask(" ".join(map(str, words)))
