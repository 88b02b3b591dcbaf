"""Steps of every kind: functions, commands, named tasks, workflows, loops and conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar, Unpack, overload

from lamina.errors import UsageError
from lamina.workflow.actions.choose import ChooseAction
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.actions.loop import MOST, LoopAction
from lamina.workflow.actions.named import NamedAction
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.build import Builder, Step, as_name
from lamina.workflow.care import Treatment, treated
from lamina.workflow.graph import Workflow
from lamina.workflow.needs import PLAIN
from lamina.workflow.ports import Port, Signature

P = ParamSpec("P")
R = TypeVar("R")


class Decorator(Protocol):
    """What `task(cpus=2)` gives: it makes a step of a function."""

    def __call__(self, of: Callable[P, R], /) -> Step[P, R]:
        """The function as a step."""


@overload
def task(of: Workflow | Builder, /, **treatment: Unpack[Treatment]) -> Step[..., Any]: ...
@overload
def task(of: Callable[P, R], /, **treatment: Unpack[Treatment]) -> Step[P, R]: ...
@overload
def task(of: None = None, /, **treatment: Unpack[Treatment]) -> Decorator: ...
def task(of: Any = None, /, **treatment: Any) -> Any:
    """A function or a workflow as a step: called while a workflow is built, it becomes a task.

    Ports are read from the annotations (see `lamina.workflow.signature.signature_of`). Works as
    a decorator, with and without keywords: `@task` and `@task(cpus=2, memory="4 GB")`.

    Args:
        of: the function or workflow.
        treatment: what it needs and how its attempts are treated; see `Treatment`.

    Raises:
        UsageError: the function has parameters that no port can name; mistakes of the treatment.
    """
    if of is None:
        return lambda function: task(function, **treatment)
    if isinstance(of, Step):
        return of.needing(**treatment) if treatment else of
    care = treated(PLAIN, treatment)
    if isinstance(of, (Workflow, Builder)):
        action = SubworkflowAction(_frozen(of))
        return Step(as_name(of.name), action, action.signature(), care=care)
    if not callable(of):
        raise UsageError(f"{of!r} is no function", "give a function or a workflow")
    call = PythonAction.of(of)
    return Step(as_name(getattr(of, "__name__", "task")), call, call.signature(), (), of, care)


def named(name: str, **treatment: Unpack[Treatment]) -> Step[..., Any]:
    """A task known by name ("predict", "evaluate", "train", "vote", ...) as a step.

    Raises:
        UnknownNameError: no such task; lists the known ones.
    """
    action = NamedAction(name)
    return Step(as_name(name), action, action.signature(), care=treated(PLAIN, treatment))


class CommandOptions(Treatment, total=False):
    """What a command may say besides its arguments and ports; see `CommandAction`.

    timeout is another word for `time`.
    """

    stdin: str
    stdout: str
    paths: Mapping[str, str]
    timeout: float | None
    environment: Mapping[str, str]


def command(
    argv: Sequence[str],
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    name: str = "",
    **options: Unpack[CommandOptions],
) -> Step[..., Any]:
    """A program as a step: an argument list (never a shell line) with `{port}` for ports.

    Args:
        argv: program and arguments.
        inputs: port -> type; every place that is no output is a file when left out.
        outputs: port -> "file" or "folder"; those of `paths` and `stdout` when left out.
        name: name of the task; the program's name when left out.
        options: stdin, stdout, paths, environment (see `CommandAction`), and needs and treatment
            (see `Treatment`).
    """
    given: dict[str, Any] = dict(options)
    said = {key: given.pop(key) for key in _OF_COMMANDS if key in given}
    if "timeout" in given:
        given["time"] = given.pop("timeout")
    action = CommandAction(tuple(argv), **said)
    gives = (
        action.signature().outputs
        if outputs is None
        else tuple(Port(port, kind) for port, kind in outputs.items())
    )
    written = {port.name for port in gives}
    takes = (
        tuple(port for port in action.signature().inputs if port.name not in written)
        if inputs is None
        else tuple(Port(port, kind) for port, kind in inputs.items())
    )
    program = Path(argv[0]).stem if argv else "command"
    care = treated(PLAIN, given)
    return Step(name or as_name(program), action, Signature(takes, gives), care=care)


def loop(body: Workflow | Builder, until: str, most: int = MOST, name: str = "") -> Step[..., Any]:
    """A step that runs a workflow again and again until one of its outputs is true.

    An output of the body with the name of an input is carried to the next iteration. The outputs
    are those of the last iteration, but `until`.

    Args:
        body: what each iteration runs.
        until: its bool output that ends the loop.
        most: iterations that it may take; a loop that is not done by then fails.
        name: name of the task; the body's when left out.
    """
    action = LoopAction(_frozen(body), until, most)
    return Step(name or as_name(body.name), action, action.signature())


def choose(
    then: Workflow | Builder, otherwise: Workflow | Builder | None = None, name: str = "choose"
) -> Step[..., Any]:
    """A step that runs one of two workflows, as its port "when" (a bool) says.

    Its other ports are the inputs of both workflows, which have the same outputs. Without
    `otherwise`, outputs with the name of an input are that input, and others are empty.

    Args:
        then: what runs when it is true.
        otherwise: what runs when it is not.
        name: name of the task.
    """
    action = ChooseAction(_frozen(then), None if otherwise is None else _frozen(otherwise))
    return Step(name, action, action.signature())


def _frozen(of: Workflow | Builder) -> Workflow:
    return of.workflow if isinstance(of, Builder) else of


_OF_COMMANDS = ("stdin", "stdout", "paths", "environment")
