"""W3C PROV as PROV-JSON: entities, activities and agents of a run.

After the PROV data model (W3C Recommendation, 2013) and its JSON form (W3C Member Submission,
2013). Every output is an entity of its own, generated once; what has the same bytes is a
specialisation of one value, named by its SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lamina.records.attempts import Attempt
from lamina.records.exports.base import (
    Artifacts,
    Exporter,
    iso,
    masked,
    quoted,
    shown_value,
    write_json,
)
from lamina.records.history import History
from lamina.workflow.masking import mask, mask_plain

PREFIXES = {
    "lamina": "urn:lamina:terms:",
    "run": "urn:lamina:run:",
    "value": "urn:hash:sha256:",
    "user": "urn:lamina:user:",
}
_VALUE_ROOM = 2000


class ProvExporter(Exporter):
    """A PROV-JSON document."""

    title: ClassVar[str] = "W3C PROV-JSON"

    def export(self, history: History, target: Path, artifacts: Artifacts) -> None:
        """Writes the document."""
        del artifacts
        write_json(document_of(history), target)


def document_of(history: History) -> dict[str, Any]:
    """The run as a PROV document."""
    return _Document(history).made()


class _Document:
    """Collects the records of a document; relations are numbered."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.run = f"run:{quoted(history.record.id)}"
        self.parts: dict[str, dict[str, Any]] = {
            kind: {} for kind in ("entity", "activity", "agent")
        }
        self.numbers = 0
        self.produced: dict[tuple[str, str], str] = {}
        self.last: dict[str, str] = {}

    def made(self) -> dict[str, Any]:
        """All of it."""
        self._agents()
        self._run()
        for one in self.history.attempts:
            if one.status == "reused":
                self._reused(one)
            elif one.status != "skipped":
                self._attempt(one)
        self._outputs()
        return {"prefix": PREFIXES, **{kind: part for kind, part in self.parts.items() if part}}

    def add(self, kind: str, name: str, **told: Any) -> str:
        """An entity, activity or agent; empty attributes are left out."""
        attributes = {
            key.replace("__", ":"): value
            for key, value in told.items()
            if value not in ("", None, {}, [])
        }
        self.parts[kind].setdefault(name, {}).update(attributes)
        return name

    def relate(self, kind: str, **told: str) -> None:
        """A relation; its parts are attributes with the prefix prov, or with their own."""
        self.numbers += 1
        part = self.parts.setdefault(kind, {})
        part[f"_:r{self.numbers}"] = {
            (key.replace("__", ":") if "__" in key else f"prov:{key}"): value
            for key, value in told.items()
            if value
        }

    def _agents(self) -> None:
        about = self.history.about
        version = str(about.get("lamina") or (about.get("versions") or {}).get("lamina") or "")
        self.engine = self.add(
            "agent", "lamina:engine", prov__type=_type("prov:SoftwareAgent"),
            prov__label="Lamina", lamina__version=version,
        )  # fmt: skip
        user = str(about.get("user") or "")
        if user:
            person = self.add(
                "agent", f"user:{quoted(user)}", prov__type=_type("prov:Person"), prov__label=user
            )
            self.relate("actedOnBehalfOf", delegate=self.engine, responsible=person)

    def _run(self) -> None:
        history, record = self.history, self.history.record
        self.plan = self.add(
            "entity", f"{self.run}/workflow", prov__type=_type("prov:Plan"),
            prov__label=record.workflow,
        )  # fmt: skip
        over = history.status != "running"
        self.add(
            "activity", self.run, prov__startTime=iso(history.begin),
            prov__endTime=iso(history.end) if over else "", prov__label=record.name,
            prov__type=_type("lamina:Run"), lamina__status=history.status,
            lamina__host=record.host, lamina__command=_command(history.about),
        )  # fmt: skip
        self.relate("wasAssociatedWith", activity=self.run, agent=self.engine, plan=self.plan)
        for name, ref in masked(record.inputs).items():
            given = self._entity(f"{self.run}/input/{quoted(name)}", name, ref)
            self.produced["", str(ref.get("digest", ""))] = given
            self.relate("used", activity=self.run, entity=given, role=name)

    def _entity(self, name: str, port: str, ref: Mapping[str, Any]) -> str:
        """One appearance of a value, and the value itself by its digest."""
        digest = str(ref.get("digest", ""))
        shown = shown_value(port, ref)
        self.add(
            "entity", name, prov__label=port, prov__type=_type("lamina:Artifact"),
            lamina__codec=str(ref.get("codec", "")), lamina__size=int(ref.get("size") or 0),
            lamina__sha256=digest, prov__value=shown[:_VALUE_ROOM],
            prov__atLocation=mask(str(ref.get("origin") or "")),
        )  # fmt: skip
        if digest:
            value = self.add("entity", f"value:{quoted(digest)}")
            self.relate("specializationOf", specificEntity=name, generalEntity=value)
        return name

    def _attempt(self, one: Attempt) -> None:
        activity = f"{self.run}/attempt/{quoted(one.task)}~{one.number}"
        self.add(
            "activity", activity, prov__startTime=iso(one.started),
            prov__endTime="" if one.ended is None else iso(one.ended), prov__label=one.name,
            prov__type=_type("lamina:Attempt"), lamina__task=one.task,
            lamina__attempt=one.number, lamina__status=one.status, lamina__reason=one.reason,
            lamina__worker=one.worker, lamina__host=one.host, lamina__recipe=one.recipe,
            lamina__key=one.key, lamina__error=mask(one.cause),
            **{f"lamina__{key}": float(value) for key, value in one.usage.items()},
        )  # fmt: skip
        self.relate("wasAssociatedWith", activity=activity, agent=self.engine, plan=self.plan)
        self.relate("wasStartedBy", activity=activity, starter=self.run)
        parents = self.history.parents.get(one.task) or ()
        for port, ref in masked(one.inputs).items():
            self.relate("used", activity=activity, entity=self._used(port, ref, parents), role=port)
        for parent in parents:
            if parent in self.last:
                self.relate("wasInformedBy", informed=activity, informant=self.last[parent])
        for port, ref in masked(one.outputs).items():
            self._generated(activity, one, port, ref)
        self.last[one.task] = activity

    def _used(self, port: str, ref: Mapping[str, Any], parents: Any) -> str:
        """The output that a task read; an item of one has no record but its value."""
        digest = str(ref.get("digest", ""))
        for parent in (*parents, ""):
            if (parent, digest) in self.produced:
                return self.produced[parent, digest]
        shown = shown_value(port, ref)[:_VALUE_ROOM]
        return self.add(
            "entity", f"value:{quoted(digest or 'unknown')}",
            prov__value=shown if digest else "", lamina__codec=str(ref.get("codec", "")),
        )  # fmt: skip

    def _generated(self, activity: str, one: Attempt, port: str, ref: Mapping[str, Any]) -> None:
        place = f"{self.run}/output/{quoted(one.task)}~{one.number}/{quoted(port)}"
        entity = self._entity(place, port, ref)
        time = one.ended if one.ended is not None else one.started
        if one.status != "reused":
            self.relate(
                "wasGeneratedBy", entity=entity, activity=activity, time=iso(time), role=port
            )
        self.produced[one.task, str(ref.get("digest", ""))] = entity

    def _reused(self, one: Attempt) -> None:
        """The outputs of an earlier run's task; they were generated there."""
        source = self.add(
            "activity", f"run:{quoted(one.source)}", prov__type=_type("lamina:Run")
        )  # fmt: skip
        for port, ref in masked(one.outputs).items():
            self._generated(source, one, port, ref)
            entity = self.produced[one.task, str(ref.get("digest", ""))]
            self.relate("wasGeneratedBy", entity=entity, activity=source, role=port)
            self.relate("used", activity=self.run, entity=entity, role=one.task)

    def _outputs(self) -> None:
        """The workflow's outputs: the run has them from its tasks."""
        for name, ref in masked(self.history.outputs).items():
            given = self._entity(f"{self.run}/result/{quoted(name)}", name, ref)
            self.relate("wasGeneratedBy", entity=given, activity=self.run, role=name)
            digest = str(ref.get("digest", ""))
            sources = [one for (_, found), one in self.produced.items() if found == digest]
            if sources:
                self.relate("wasDerivedFrom", generatedEntity=given, usedEntity=sources[-1])


def _type(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _command(about: Mapping[str, Any]) -> str:
    told = about.get("command")
    words = mask_plain(told if isinstance(told, list | tuple) else [told or ""])
    return mask(" ".join(map(str, words)))
