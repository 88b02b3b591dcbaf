"""A program as a task: an argument list with places for ports, never a shell line."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, ClassVar

from lamina.errors import UsageError
from lamina.workflow.actions.base import Action, Place
from lamina.workflow.ports import Port, Signature

if TYPE_CHECKING:
    from lamina.workflow.graph import Task

_KEYS = ("stdin", "stdout", "environment", "paths")


@dataclass(frozen=True)
class CommandAction(Action):
    """Runs a program in a folder of its own.

    Args:
        argv: program and arguments; `{port}` stands for a port's value or file, `{{` for `{`.
            An argument that is nothing but `{port}` of a list port becomes one argument per item.
        stdin: name of an input file port that the program reads as its standard input.
        stdout: name of an output port for the standard output: a file, or text for a str port.
        paths: output port -> file or folder that the program writes, relative to its folder;
            a port that is not here is written under its own name.
        environment: variables added to the environment.
    """

    argv: tuple[str, ...]
    stdin: str = ""
    stdout: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    kind: ClassVar[str] = "command"

    def signature(self) -> Signature:
        """Every place is an input file, but those with a path, and stdout, which are outputs."""
        outputs = dict.fromkeys([*self.paths, *([self.stdout] if self.stdout else [])])
        inputs = dict.fromkeys([*([self.stdin] if self.stdin else []), *self.places()])
        return Signature(
            tuple(Port(name, "file") for name in inputs if name not in outputs),
            tuple(Port(name, "file") for name in outputs),
        )

    def places(self) -> list[str]:
        """Names of the ports in `argv`, in order. Raises UsageError for a broken place."""
        return [name for argument in self.argv for _, name in pieces(argument) if name]

    def path(self, port: str) -> str:
        """Where the program writes an output port, relative to its folder."""
        return self.paths.get(port, port)

    def mistakes(self, task: Task) -> list[str]:
        """Places without a port, outputs that nothing writes, paths that leave the folder."""
        if not self.argv or not self.argv[0]:
            return ["the command is empty; write the program and its arguments as a list"]
        try:
            places = self.places()
        except UsageError as error:
            return [f"{error.message}; {error.way_out}"]
        takes = {port.name: port for port in task.inputs}
        gives = {port.name: port for port in task.outputs}
        return [
            *_unknown_places(places, [*takes, *gives]),
            *(
                f"the ports {name!r} of the input and the output have one name; rename one"
                for name in takes.keys() & gives.keys()
            ),
            *_streams(self, takes, gives),
            *_wrong_outputs(self, gives),
            *(
                f"the argument {argument!r} has the list port {name!r} inside; give it an "
                "argument of its own"
                for argument in self.argv
                for name in _lists_inside(argument, takes)
            ),
        ]

    def to_document(self) -> dict[str, Any]:
        """Only what differs from the defaults."""
        entry: dict[str, Any] = {"do": "command", "argv": list(self.argv)}
        for key in _KEYS:
            value = getattr(self, key)
            if value not in ("", None, {}):
                entry[key] = dict(value) if isinstance(value, Mapping) else value
        return entry

    @classmethod
    def from_document(cls, entry: dict[str, Any], place: Place) -> CommandAction:
        """The keys are the fields."""
        del place
        return cls(tuple(entry["argv"]), **{key: entry[key] for key in _KEYS if key in entry})

    def summary(self) -> str:
        """The command, without its places' braces."""
        return " ".join(self.argv)


def pieces(argument: str) -> list[tuple[str, str]]:
    """Splits an argument into (text, port) pairs; the port of the last may be empty.

    Raises:
        UsageError: a single brace, or a place with more than a name in it.
    """
    try:
        parts = list(string.Formatter().parse(argument))
    except ValueError as error:
        raise _broken(argument) from error
    found = []
    for text, name, form, conversion in parts:
        if name is not None and (not name.replace("-", "_").isidentifier() or form or conversion):
            raise _broken(argument)
        found.append((text, name or ""))
    return found


def _broken(argument: str) -> UsageError:
    return UsageError(
        f"the argument {argument!r} has a broken place",
        "write {port} for the value of a port, and {{ or }} for a brace",
    )


def _unknown_places(places: list[str], known: list[str]) -> list[str]:
    found = []
    for name in dict.fromkeys(places):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {{{near[0]}}}? " if near else ""
            ports = ", ".join(known) or "none"
            found.append(
                f"the command has a place {{{name}}} and no such port; {hint}ports: {ports}"
            )
    return found


def _streams(
    action: CommandAction, takes: Mapping[str, Port], gives: Mapping[str, Port]
) -> Iterable[str]:
    if action.stdin and str(takes[action.stdin].type if action.stdin in takes else "") != "file":
        yield f"stdin names {action.stdin!r}, which is no input port of type file; add the port"
    if action.stdout and action.stdout not in gives:
        yield f"stdout names {action.stdout!r}, which is no output port; add the port"
    for name in action.paths:
        if name not in gives:
            yield f"paths names {name!r}, which is no output port; add the port"


def _wrong_outputs(action: CommandAction, gives: Mapping[str, Port]) -> Iterable[str]:
    for name, port in gives.items():
        if name == action.stdout:
            if str(port.type) not in ("file", "str"):
                yield f"stdout fills {name!r}, which is {port.type}; declare it as file or str"
        elif str(port.type) not in ("file", "folder"):
            yield (
                f"output port {name!r} is {port.type}; a command writes a file or a folder, "
                "or text on its standard output"
            )
        if not stays_inside(action.path(name)):
            yield (
                f"the path {action.path(name)!r} of port {name!r} leaves the task's folder; "
                "give a relative path without '..'"
            )


def _lists_inside(argument: str, takes: Mapping[str, Port]) -> list[str]:
    parts = pieces(argument)
    if len(parts) == 1 and not parts[0][0]:
        return []
    return [name for _, name in parts if name in takes and takes[name].type.of]


def stays_inside(path: str) -> bool:
    """Whether a relative path stays in the folder it is relative to."""
    windows = PureWindowsPath(path)
    parts = PurePosixPath(path).parts
    return bool(parts) and not windows.drive and not windows.root and ".." not in windows.parts
