"""Workflow documents: reading and writing YAML and JSON, with all mistakes named at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from lamina.errors import (
    DocumentError,
    LaminaError,
    ManyMistakesError,
    UnknownNameError,
    WorkflowError,
)
from lamina.workflow.actions import ACTIONS, Action, Place
from lamina.workflow.actions.named import TASKS, NamedAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.care import care_of
from lamina.workflow.graph import Task, Workflow
from lamina.workflow.marks import Path as Spot
from lamina.workflow.marks import line_at, lines_of, named_spot, where
from lamina.workflow.ports import Port, Signature, keepable, odd_keys, ports_from_document
from lamina.workflow.reading import file_text, parse_text
from lamina.workflow.references import References, flat
from lamina.workflow.schema import breaches
from lamina.workflow.types import PortType
from lamina.workflow.writing import (
    VERSION,
    workflow_to_document,
    workflow_to_text,
    write_workflow,
)

__all__ = [
    "read_workflow",
    "workflow_from_document",
    "workflow_from_text",
    "workflow_to_document",
    "workflow_to_text",
    "write_workflow",
]

_WAY_OUT = "mend the document; `lamina lint FILE` checks it again"
_DEEPEST = 20
_UNKNOWN_KEY = "unknown key"
_NO_DATA = "a value is NaN, infinite, or no plain data; write finite numbers and Unicode text"


class _Mistake(NamedTuple):
    """A mistake with the part of the document that it belongs to."""

    spot: Spot
    text: str


def read_workflow(path: str | Path) -> Workflow:
    """Reads a workflow document, YAML or JSON. No code of the user is run by this.

    Raises:
        DocumentError: all mistakes at once, each with its task and line.
    """
    return _read_file(Path(path), ())


def workflow_from_text(
    text: str, folder: str | Path | None = None, origin: str = "document"
) -> Workflow:
    """A workflow from YAML or JSON text.

    Args:
        text: the document.
        folder: what relative files in it are relative to.
        origin: how messages call it.

    Raises:
        DocumentError: all mistakes at once, each with its task and line.
    """
    reader = _Reader(origin, Path(folder) if folder is not None else None, (), text)
    return reader.read(parse_text(text, origin))


def workflow_from_document(
    document: Any, folder: str | Path | None = None, origin: str = "document"
) -> Workflow:
    """A workflow from mappings and lists, as `workflow_to_document` gives them.

    Raises:
        DocumentError: all mistakes at once, each with its task.
    """
    return _Reader(origin, Path(folder) if folder is not None else None, ()).read(document)


def _read_file(path: Path, around: tuple[Path, ...]) -> Workflow:
    text = file_text(path)
    reader = _Reader(str(path), path.parent, (*around, path.resolve()), text)
    return reader.read(parse_text(text, str(path)))


class _Reader:
    """Reads one document; collects its mistakes and says them once."""

    def __init__(
        self, origin: str, folder: Path | None, around: tuple[Path, ...], text: str = ""
    ) -> None:
        self._origin = origin
        self._folder = folder
        self._around = around
        self._text = text
        self._mistakes: list[_Mistake] = []
        self._misspelt: set[Spot] = set()
        self._functions: dict[str, tuple[Action, Signature]] = {}

    def read(self, document: Any) -> Workflow:
        """The workflow of a whole document."""
        _check_version(document, self._origin)
        flawed = set()
        for breach in breaches(document):
            self._note(breach.spot, breach.sentence, breach.part)
            if breach.sentence.startswith(_UNKNOWN_KEY):
                self._misspelt.add(breach.spot[:2])
            else:
                flawed.add(breach.spot[:2])
        if not keepable(document):
            wrong = [f"the key {key!r} is no text; put it in quotes" for key in odd_keys(document)]
            for sentence in wrong or [_NO_DATA]:
                self._note((), sentence)
            if wrong:
                raise self._error()
        if flawed & {("inputs",), ("tasks",)} or "tasks" not in document:
            raise self._error()
        return self._checked(_sound(document, flawed), flawed)

    def _checked(self, body: dict[str, Any], flawed: set[Spot]) -> Workflow:
        """The workflow; parts that could not be read are guessed, to judge those around them."""
        try:
            workflow = Workflow(**self._parts(body))
        except WorkflowError as error:
            found = [_Mistake(named_spot(mistake), mistake) for mistake in error.mistakes]
            self._mistakes += [m for m in found if m.spot not in flawed and not self._explained(m)]
        else:
            if not self._mistakes:
                return workflow
        raise self._error()

    def _explained(self, mistake: _Mistake) -> bool:
        """Whether an empty port is empty because a key of its task is misspelt."""
        return mistake.spot in self._misspelt and " needs a value " in mistake.text

    def _parts(self, body: dict[str, Any]) -> dict[str, Any]:
        """What a Workflow is made of; mistakes on the way are noted."""
        inputs = self._ports(body.get("inputs", {}), ("inputs",))
        entries = body["tasks"]
        known = {name: self._task(name, entry) for name, entry in entries.items()}
        guesses = [name for name, task in known.items() if task is None]
        tasks = [task or _guessed(name, body) for name, task in known.items()]
        references = References(inputs, tasks, guesses)
        edges = [
            edge
            for name, entry in entries.items()
            for port, source in (entry or {}).get("in", {}).items()
            for edge in references.edges(source, f"{name}.{port}")
        ]
        outputs: list[Port] = []
        for name, entry in body.get("outputs", {}).items():
            source = entry["from"] if isinstance(entry, dict) else entry
            edges += references.edges(source, name)
            outputs += self._output(name, entry, references.type_of(source))
        return {
            "name": body.get("name", "workflow"),
            "inputs": inputs,
            "outputs": tuple(outputs),
            "tasks": tuple(tasks),
            "edges": tuple(edges),
            "description": body.get("description", ""),
            "layout": {name: tuple(spot) for name, spot in body.get("layout", {}).items()},
            "folder": self._folder,
        }

    def _task(self, name: str, entry: dict[str, Any] | None) -> Task | None:
        spot: Spot = ("tasks", name)
        if entry is None:
            return None
        try:
            takes, gives = entry.get("takes"), entry.get("gives")
            action, known = self._known(entry, takes is None or gives is None)
            inputs = known.inputs if takes is None else self._ports(takes, (*spot, "takes"))
            outputs = known.outputs if gives is None else self._ports(gives, (*spot, "gives"))
        except ManyMistakesError as error:
            self._mistakes += [_Mistake(spot, f"task {name!r}: {m}") for m in error.mistakes]
            return None
        except LaminaError as error:
            self._note(spot, f"{error.message}; {error.way_out}")
            return None
        scatter = tuple(entry.get("scatter", ()))
        care, mistakes = care_of(entry)
        for mistake in mistakes:
            self._note(spot, mistake)
        return Task(name, action, inputs, outputs, entry.get("with", {}), scatter, care)

    def _known(self, entry: dict[str, Any], asked: bool) -> tuple[Action, Signature]:
        """The action of a task, and its ports if they are asked for.

        Tasks with the same function share an action: whoever goes through the workflow then looks
        at it once.
        """
        if not asked:
            return self._action(entry), Signature()
        named = entry["do"] == PythonAction.kind
        found = self._functions.get(entry["function"]) if named else None
        if found is None:
            action = self._action(entry)
            found = action, action.signature()
            if isinstance(action, PythonAction):
                self._functions[entry["function"]] = found
        return found

    def _action(self, entry: dict[str, Any]) -> Action:
        place = Place(self._folder, self._nested)
        kind = entry["do"]
        if not TASKS.is_near(kind) and kind in ACTIONS:
            return ACTIONS.get(kind).from_document(entry, place)
        if kind not in TASKS:
            raise UnknownNameError("task", kind, [*ACTIONS.names(), *TASKS.names()])
        return NamedAction.from_document(entry, place)

    def _nested(self, given: dict[str, Any] | str) -> Workflow:
        if isinstance(given, dict):
            return _Reader(self._origin, self._folder, self._around)._checked(given, set())
        if self._folder is None:
            raise DocumentError(
                given, ["a document that is no file cannot name another"], "give folder="
            )
        path = self._folder / given
        if path.resolve() in self._around or len(self._around) >= _DEEPEST:
            trail = " -> ".join(p.name for p in (*self._around, path))
            raise DocumentError(given, [f"{trail}: a workflow cannot contain itself"], _WAY_OUT)
        try:
            return _read_file(path, self._around)
        except DocumentError as error:
            raise DocumentError(given, [f"{given}: {m}" for m in error.mistakes]) from error

    def _ports(self, entry: dict[str, Any], spot: Spot) -> tuple[Port, ...]:
        found: list[Port] = []
        for name, given in entry.items():
            try:
                found += ports_from_document({name: given})
            except LaminaError as error:
                self._note((*spot, name), f"port {name!r}: {error.message}; {error.way_out}")
                found.append(Port(name))
        for port in found:
            problem = "" if port.default is None else port.problem(port.default, told=True)
            if problem:
                self._note(
                    (*spot, port.name),
                    f"port {port.name!r} is {port.type}; its default {problem}",
                )
        return tuple(found)

    def _output(self, name: str, entry: Any, inferred: PortType) -> tuple[Port, ...]:
        if not isinstance(entry, dict):
            return (Port(name, inferred),)
        given = {key: value for key, value in entry.items() if key != "from"}
        return self._ports({name: {"type": str(inferred), **given}}, ("outputs",))

    def _note(self, spot: Spot, sentence: str, part: Spot | None = None) -> None:
        place = where(spot if part is None else part)
        self._mistakes.append(_Mistake(spot, f"{place}: {sentence}" if place else sentence))

    def _error(self) -> DocumentError:
        lines = lines_of(self._text) if self._text else {}
        placed = [(line_at(lines, mistake.spot), mistake.text) for mistake in self._mistakes]
        placed.sort(key=lambda mistake: mistake[0])
        worded = [f"line {line}: {text}" if line else text for line, text in placed]
        return DocumentError(self._origin, list(dict.fromkeys(worded)), _WAY_OUT)


def _sound(document: dict[str, Any], flawed: set[Spot]) -> dict[str, Any]:
    """The document without what breaks the schema: such inputs are any, such tasks are None."""
    instead = {"inputs": "any", "tasks": None}
    body: dict[str, Any] = {}
    for key, part in document.items():
        if (key,) in flawed:
            continue
        if not isinstance(part, dict):
            body[key] = part
            continue
        body[key] = {
            name: instead[key] if (key, name) in flawed else entry
            for name, entry in part.items()
            if key in instead or (key, name) not in flawed
        }
    return body


def _guessed(name: str, body: dict[str, Any]) -> Task:
    """A task whose action could not be read, with every port that the document gives it."""
    entry = body["tasks"][name] or {}
    sources = [
        source
        for other in (*body["tasks"].values(), {"in": body.get("outputs", {})})
        for source in (other or {}).get("in", {}).values()
    ]
    used = [found.partition(".")[2] for found in flat(sources) if found.startswith(f"{name}.")]
    return Task(
        name,
        PythonAction("?:?"),
        tuple(Port(port) for port in dict.fromkeys([*entry.get("in", {}), *entry.get("with", {})])),
        tuple(Port(port) for port in dict.fromkeys(used or ["result"])),
        entry.get("with", {}),
    )


def _check_version(document: Any, origin: str) -> None:
    """Refuses what is no workflow document, or one of another version, before its details."""
    if not isinstance(document, dict) or "lamina" not in document:
        kind = "is empty" if document is None else "is no workflow document"
        raise DocumentError(
            origin,
            [f"{kind}: a workflow document begins with the line 'lamina: {VERSION}'"],
            f"write 'lamina: {VERSION}', then name, inputs, tasks and outputs",
        )
    given = document["lamina"]
    if given == VERSION:
        return
    kind, _, number = str(given).partition("/")
    if kind == "workflow" and number.isdecimal() and int(number[:9]) > 1:
        raise DocumentError(
            origin,
            [f"is a workflow document of version {number[:9]}; this Lamina reads version 1"],
            "upgrade Lamina (pip install -U lamina), or export the document as version 1",
        )
    raise DocumentError(
        origin,
        [f"says 'lamina: {str(given)[:60]}', where a workflow document says 'lamina: {VERSION}'"],
        "a network or a model is read by other commands; correct the line if this is a workflow",
    )
