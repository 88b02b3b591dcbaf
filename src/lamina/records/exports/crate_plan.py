"""The plan of a run in a crate: its workflow, the tools it orchestrates, its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from lamina.records.exports.base import quoted
from lamina.records.history import History
from lamina.workflow.masking import mask
from lamina.workflow.references import flat
from lamina.workflow.units import task_of

WORKFLOW = "workflow.json"
"""The crate's file with the workflow document."""

LANGUAGE = "#workflow-language"

Entity = dict[str, Any]

_TYPES = {
    "int": "Integer",
    "float": "Float",
    "str": "Text",
    "bool": "Boolean",
    "json": "PropertyValue",
    "metrics": "PropertyValue",
    "folder": "Dataset",
}


class Planned(NamedTuple):
    """A task of the plan: its path over workflows inside workflows, and its entry."""

    path: str
    entry: Mapping[str, Any]


def ref(identity: str) -> dict[str, str]:
    """A reference to an entity."""
    return {"@id": identity}


def tool_id(path: str) -> str:
    """The tool that a task uses."""
    return f"#task/{quoted(path)}"


def step_id(path: str) -> str:
    """The step that a task is."""
    return f"#step/{quoted(path)}"


def parameter_id(path: str, port: str, side: str) -> str:
    """An input or output of a tool; of the workflow itself for an empty path."""
    return f"#{side}/{quoted(path)}/{quoted(port)}" if path else f"#{side}/{quoted(port)}"


class Plan:
    """All tasks of a run: those of its document, each after those it reads, and those that only
    the run knows, because a task decided on them or their file was not read."""

    def __init__(self, history: History) -> None:
        self.tasks = {one.path: one for one in _walk(history.record.document, "")}
        for path in dict.fromkeys(task_of(attempt.task) for attempt in history.attempts):
            while path and path not in self.tasks:
                self.tasks[path] = Planned(path, {})
                path = path.rpartition("/")[0]
        self.met: dict[tuple[str, str], dict[str, str]] = {}
        """(path, "input" or "output") -> ports that attempts had, by name."""
        for one in history.attempts:
            for side, refs in (("input", one.inputs), ("output", one.outputs)):
                known = self.met.setdefault((task_of(one.task), side), {})
                known.update(dict.fromkeys(refs, "any"))
        self.recipes = {task_of(one.task): one.recipe for one in history.attempts if one.recipe}
        """Path -> digest of its code and parameters, as they ran last."""
        self.ran: set[str] = set()
        """Paths of tasks with an attempt, and of the workflows around them."""
        for one in history.attempts:
            path = task_of(one.task) if one.number else ""
            while path:
                self.ran.add(path)
                path = path.rpartition("/")[0]
        self.inside: dict[str, list[str]] = {}
        """Path of a workflow, "" for the whole -> the tasks in it."""
        for path in self.tasks:
            above = path.rpartition("/")[0]
            around = self.tasks.get(above)
            holds = around is not None and bool(_inside(around.entry))
            self.inside.setdefault(above if holds else "", []).append(path)


def _walk(body: Mapping[str, Any], above: str) -> Iterator[Planned]:
    tasks = body.get("tasks") or {}
    for name in _sorted(tasks):
        entry = tasks[name] or {}
        path = f"{above}/{name}" if above else str(name)
        yield Planned(path, entry)
        for inner in _inside(entry):
            yield from _walk(inner, path)


def _inside(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    inner = (entry.get(key) for key in ("workflow", "then", "otherwise"))
    return [one for one in inner if isinstance(one, Mapping)]


def _sorted(tasks: Mapping[str, Any]) -> list[str]:
    """Names, each after those that it reads; a document in a circle keeps its order."""
    try:
        return list(
            TopologicalSorter({n: _reads(e, tasks) for n, e in tasks.items()}).static_order()
        )
    except CycleError:
        return list(tasks)


def _reads(entry: Any, tasks: Mapping[str, Any]) -> list[str]:
    sources = flat((entry or {}).get("in", {}).values())
    names = (source.rpartition(".")[0] or source for source in sources)
    return [name for name in dict.fromkeys(names) if name in tasks]


def plan_entities(history: History) -> Iterator[Entity]:
    """The workflow, its parameters, tools and steps."""
    document = history.record.document
    plan = Plan(history)
    top = plan.inside.get("", [])
    yield {
        "@id": WORKFLOW,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": history.record.workflow or "workflow",
        "description": mask(str(document.get("description") or "The workflow that was run.")),
        "encodingFormat": "application/json",
        "programmingLanguage": ref(LANGUAGE),
        "input": [ref(parameter_id("", p, "input")) for p in _ports(history, "inputs")],
        "output": [ref(parameter_id("", p, "output")) for p in _ports(history, "outputs")],
        "hasPart": [ref(tool_id(path)) for path in top if path in plan.ran],
        "step": [ref(step_id(path)) for path in top],
    }
    yield {
        "@id": LANGUAGE,
        "@type": "ComputerLanguage",
        "name": "Lamina workflow document",
        "identifier": "urn:lamina:workflow:1",
        "version": str(document.get("lamina") or "workflow/1"),
    }
    for side, key in (("input", "inputs"), ("output", "outputs")):
        for port, kind in _ports(history, key).items():
            yield _parameter("", port, side, kind)
    for position, one in enumerate(plan.tasks.values()):
        yield from _tool(one, position, plan)


def _ports(history: History, key: str) -> dict[str, str]:
    """Ports of the workflow by name, with their types where the document tells them."""
    told = history.record.document.get(key) or {}
    known = history.record.inputs if key == "inputs" else history.outputs
    return {str(name): _kind(told.get(name)) for name in dict.fromkeys([*told, *known])}


def _kind(entry: Any) -> str:
    found = entry.get("type", "any") if isinstance(entry, Mapping) else entry
    return found if isinstance(found, str) and "." not in found else "any"


def _parameter(path: str, port: str, side: str, kind: str) -> Entity:
    stands_for = "Collection" if kind.startswith("list") else _TYPES.get(kind, "File")
    return {
        "@id": parameter_id(path, port, side),
        "@type": "FormalParameter",
        "name": port,
        "additionalType": stands_for,
    }


def _tool(one: Planned, position: int, plan: Plan) -> Iterator[Entity]:
    takes = plan.met.get((one.path, "input"), {}) | _told(one.entry, "takes")
    gives = plan.met.get((one.path, "output"), {}) | _told(one.entry, "gives")
    inside = plan.inside.get(one.path, [])
    tool: Entity = {
        "@id": tool_id(one.path),
        "@type": "SoftwareApplication",
        "name": one.path,
        "description": _description(one.entry),
        **({"softwareVersion": recipe[:16]} if (recipe := plan.recipes.get(one.path)) else {}),
        "input": [ref(parameter_id(one.path, port, "input")) for port in takes],
        "output": [ref(parameter_id(one.path, port, "output")) for port in gives],
    }
    if _inside(one.entry):
        tool |= {
            "@type": ["SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "programmingLanguage": ref(LANGUAGE),
            "hasPart": [ref(tool_id(path)) for path in inside if path in plan.ran],
            "step": [ref(step_id(path)) for path in inside],
        }
    yield tool
    yield {
        "@id": step_id(one.path),
        "@type": "HowToStep",
        "name": one.path,
        "position": str(position),
        "workExample": ref(tool_id(one.path)),
    }
    for side, ports in (("input", takes), ("output", gives)):
        for port, kind in ports.items():
            yield _parameter(one.path, port, side, kind)


def fitted(plan: list[Entity], values: list[Entity]) -> list[Entity]:
    """The plan's entities, their parameters of the kinds that their values turned out to be."""
    found: dict[str, str] = {}
    for value in values:
        kind = value["@type"]
        stands_for = "File" if kind == "CreativeWork" else str(kind)
        for parameter in value.get("exampleOfWork", ()):
            found[parameter["@id"]] = stands_for
    for entity in plan:
        met = found.get(entity["@id"], "")
        if met in ("File", "Dataset") or (met and entity["additionalType"] in _FILES):
            entity["additionalType"] = met
    return plan


_FILES = ("File", "Dataset", "Collection")


def _told(entry: Mapping[str, Any], key: str) -> dict[str, str]:
    ports = entry.get(key)
    if isinstance(ports, Mapping):
        return {str(name): _kind(kind) for name, kind in ports.items()}
    return {str(name): "any" for name in entry.get("in") or {}} if key == "takes" else {}


def _description(entry: Mapping[str, Any]) -> str:
    words = entry.get("argv") or [entry.get("function") or entry.get("do") or "a task"]
    return mask(" ".join(map(str, words)))
