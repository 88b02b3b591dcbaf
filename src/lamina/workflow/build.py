"""Building workflows from Python: functions, commands and workflows called on references."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar, Unpack

from lamina.errors import UsageError
from lamina.workflow.actions.base import Action
from lamina.workflow.care import Treatment, treated
from lamina.workflow.graph import Edge, Task, Workflow
from lamina.workflow.hints import type_of
from lamina.workflow.needs import PLAIN, Care
from lamina.workflow.ports import Port, Signature
from lamina.workflow.signature import hint_of
from lamina.workflow.types import PortType, joined_type, port_type

P = ParamSpec("P")
R = TypeVar("R")

_CURRENT: ContextVar[Builder | None] = ContextVar("builder", default=None)


class Reference:
    """What a task will give, or a workflow input: it stands for a value while wiring.

    Pass it to other tasks. Outputs of a task with several are attributes (`pair.left`), and can
    be unpacked in their order.
    """

    __slots__ = ("_builder", "_ports", "_task")

    def __init__(self, builder: Builder, task: str, ports: Mapping[str, PortType]) -> None:
        self._builder = builder
        self._task = task
        self._ports = dict(ports)

    def __getattr__(self, name: str) -> Reference:
        if name in self._ports:
            return Reference(self._builder, self._task, {name: self._ports[name]})
        raise AttributeError(
            f"{self!r} has no output {name!r}; it has: {', '.join(self._ports) or 'none'} "
            "(while a workflow is built, a reference has no value yet)"
        )

    def __iter__(self) -> Iterator[Reference]:
        if len(self._ports) < 2:
            raise _no_value(self, "be looped over", "use f.map(it) to run a task per item")
        return iter([getattr(self, name) for name in self._ports])

    def __bool__(self) -> bool:
        raise _no_value(self, "be tested", "put the decision into a task")

    def __repr__(self) -> str:
        return f"<task {self._task!r}>" if self._task else f"<input {next(iter(self._ports))!r}>"


def _no_value(reference: Reference, verb: str, way_out: str) -> UsageError:
    return UsageError(f"{reference!r} cannot {verb}: it has no value yet", way_out)


class Builder:
    """A workflow under construction; `workflow` freezes it.

    Example:
        with workflow("mean") as w:
            numbers = w.input("numbers", "list[float]")
            w.output("mean", average(numbers))
        run(w.workflow, {"numbers": [1, 2, 3]})
    """

    def __init__(self, name: str, description: str = "", folder: Path | None = None) -> None:
        self.name = name
        self.description = description
        self.folder = folder
        self._inputs: list[Port] = []
        self._outputs: list[Port] = []
        self._tasks: list[Task] = []
        self._edges: list[Edge] = []
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._frozen: Workflow | None = None
        self._token: Token[Builder | None] | None = None

    def input(
        self, name: str, type: Any = "any", default: Any = None, *, optional: bool = False
    ) -> Any:
        """Adds a workflow input and returns a reference to it.

        Args:
            name: its name.
            type: name of a type ("table"), or an annotation (`int`, `list[Path]`).
            default: value of an input that a run leaves out.
            optional: whether a run may leave it out without a default; it is None then.
        """
        chosen = port_type(type) if isinstance(type, str) else type_of(hint_of(type))
        port = Port(name, chosen, optional, default)
        self._inputs.append(port)
        self._taken.add(name)
        return Reference(self, "", {name: port.type})

    def output(self, name: str, source: Any, type: str = "") -> None:
        """Gives a result a name to leave the workflow by.

        Args:
            name: its name.
            source: a reference, or a list of references.
            type: name of its type; that of the source when left out.
        """
        sources, positions = self._sources(source, f"output {name!r}")
        kinds = [kind for _, kind in sources]
        chosen = port_type(type) if type else joined_type(kinds, positions)
        self._outputs.append(Port(name, chosen))
        self._wire(name, sources, positions)

    def add(self, step: Step[..., Any], arguments: Mapping[str, Any]) -> Reference:
        """Adds a task and returns a reference to its outputs; steps call this by themselves."""
        name = self._free_name(step.name)
        known = {port.name: port for port in step.signature.inputs}
        parameters = {}
        for port, value in arguments.items():
            if port not in known:
                raise _unknown_argument(name, port, list(known))
            if _holds_reference(value):
                self._wire(f"{name}.{port}", *self._sources(value, f"task {name!r}: {port}"))
            else:
                parameters[port] = value
        inputs, outputs = step.signature.inputs, step.signature.outputs
        task = Task(name, step.action, inputs, outputs, parameters, step.scattered, step.care)
        self._tasks.append(task)
        return Reference(self, name, {port.name: task.gives(port) for port in outputs})

    @property
    def workflow(self) -> Workflow:
        """The frozen workflow. Raises WorkflowError with all its mistakes."""
        if self._frozen is None:
            self._frozen = Workflow(
                self.name,
                tuple(self._inputs),
                tuple(self._outputs),
                tuple(self._tasks),
                tuple(self._edges),
                self.description,
                folder=self.folder,
            )
        return self._frozen

    def __enter__(self) -> Builder:
        self._token = _CURRENT.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _CURRENT.reset(self._token)
        if error is None:
            _ = self.workflow

    def _free_name(self, wanted: str) -> str:
        name, number = wanted, self._numbers.get(wanted, 1)
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._numbers[wanted] = number
        self._taken.add(name)
        return name

    def _wire(self, target: str, sources: list[tuple[str, PortType]], positions: bool) -> None:
        self._frozen = None
        for position, (source, _) in enumerate(sources):
            self._edges.append(Edge(source, target, position if positions else None))

    def _sources(self, value: Any, where: str) -> tuple[list[tuple[str, PortType]], bool]:
        """Ports that a reference or a list of references means, and whether it is a list."""
        if isinstance(value, (list, tuple)):
            if all(isinstance(item, Reference) for item in value) and value:
                return [self._source(item, where) for item in value], True
        elif isinstance(value, Reference):
            return [self._source(value, where)], False
        raise UsageError(
            f"{where} mixes references and values, or hides a reference inside a value",
            "give a reference, a list of references, or a plain value; a task can combine them",
        )

    def _source(self, reference: Reference, where: str) -> tuple[str, PortType]:
        if reference._builder is not self:
            raise UsageError(
                f"{where} reads {reference!r} of another workflow",
                "hand it over as an input, or build both in one `with workflow(...)`",
            )
        if len(reference._ports) != 1:
            names = ", ".join(f".{name}" for name in reference._ports) or "none"
            raise UsageError(
                f"{where} reads {reference!r}, which has {len(reference._ports)} outputs",
                f"choose one of them: {names}",
            )
        ((port, kind),) = reference._ports.items()
        return (f"{reference._task}.{port}" if reference._task else port), kind


def workflow(name: str, description: str = "", folder: str | Path | None = None) -> Builder:
    """A workflow under construction, for use in a `with` statement.

    Args:
        name: its name.
        description: free text, kept in documents.
        folder: what relative files in parameters are relative to; the current folder when None.
    """
    return Builder(name, description, Path(folder) if folder is not None else None)


@dataclass(frozen=True)
class Step(Generic[P, R]):
    """Something that becomes a task when it is called while a workflow is built.

    Outside of `with workflow(...)` a step made from a function is that function.
    """

    name: str
    action: Action
    signature: Signature
    scattered: tuple[str, ...] = ()
    call: Callable[P, R] | None = field(default=None, compare=False)
    care: Care = PLAIN

    @property
    def __wrapped__(self) -> Callable[P, R]:
        """The function itself, for `inspect`."""
        if self.call is None:
            raise AttributeError("__wrapped__")
        return self.call

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        """The function's own text."""
        return self.call.__doc__ if self.call else None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Adds a task; returns a reference that stands for the function's result."""
        builder = _CURRENT.get()
        if builder is not None:
            reference: Any = builder.add(self, self._bound(args, kwargs))
            result: R = reference
            return result
        if self.call is None or self.scattered:
            raise UsageError(
                f"{self.name!r} can only be called while a workflow is built",
                f"with workflow('name') as w: {self.name}(...)",
            )
        return self.call(*args, **kwargs)

    def map(self, *lists: Any, **whole: Any) -> Any:
        """Runs the task once per item: positional arguments are lists, keywords go to all runs.

        Returns:
            a reference to the list of results (per output, where there are several).
        """
        names = [port.name for port in self.signature.inputs]
        if not lists or len(lists) > len(names):
            raise UsageError(
                f"{self.name}.map got {len(lists)} lists",
                f"give at least one, at most {len(names)}: {', '.join(names)}",
            )
        if _CURRENT.get() is None and self.call is not None:
            return [self.call(*items, **whole) for items in zip(*lists, strict=True)]
        scattered: Step[..., Any] = self.scatter(*names[: len(lists)])
        return scattered(*lists, **whole)

    def scatter(self, *ports: str) -> Step[..., Any]:
        """The same step with some ports scattered: they get lists, and the outputs are lists."""
        return Step(self.name, self.action, self.signature, ports, self.call, self.care)

    def named(self, name: str) -> Step[P, R]:
        """The same step under another name."""
        return replace(self, name=name)

    def needing(self, **treatment: Unpack[Treatment]) -> Step[P, R]:
        """The same step with needs (cpus, memory, ...) and a treatment (retries, cache, ...).

        What is not said stays as it was.

        Raises:
            UsageError: all mistakes at once.
        """
        return replace(self, care=treated(self.care, treatment))

    def _bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        names = [port.name for port in self.signature.inputs]
        if len(args) > len(names):
            raise UsageError(
                f"{self.name!r} takes {len(names)} values and got {len(args)}",
                f"it takes: {', '.join(names) or 'none'}",
            )
        bound = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name in bound:
                raise UsageError(f"{self.name!r} got {name!r} twice", "give it once")
            bound[name] = value
        return bound


def as_name(text: str) -> str:
    """A text as the name of a task."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:80]
    return name if name and not name[0].isdigit() else f"task_{name}".strip("_")


def _holds_reference(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_holds_reference, value))
    if isinstance(value, dict):
        return any(map(_holds_reference, value.values()))
    return isinstance(value, Reference)


def _unknown_argument(task_name: str, name: str, known: list[str]) -> UsageError:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UsageError(
        f"task {task_name!r} has no input port {name!r}",
        f"{hint}it has: {', '.join(known) or 'none'}",
    )
