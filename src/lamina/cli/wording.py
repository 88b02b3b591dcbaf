"""Errors in words: for people on a terminal, as one JSON object for programs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import click

from lamina.cli.streams import note
from lamina.errors import LaminaError, ManyMistakesError, SettingsError, TraceError, UsageError


def say(error: BaseException, arguments: Sequence[str]) -> int:
    """Says an error on standard error and gives the exit code it stands for.

    With --json among the arguments it is one line, an object with the keys kind, message,
    way_out and mistakes (and task and details for a task that failed).
    """
    found = in_our_words(error, arguments)
    found.way_out = found.way_out or _usual_way_out(found, arguments)
    if "--json" in arguments:
        note(json.dumps(document(found)))
    else:
        note(text(found))
    return found.exit_code


def _usual_way_out(error: LaminaError, arguments: Sequence[str]) -> str:
    if isinstance(error, ManyMistakesError) and not isinstance(error, SettingsError):
        return "correct this, and run the command again"
    if isinstance(error, TraceError):
        return "mend it or leave it out; `lamina traces read PATH` tells all that is broken"
    return f"{shlex.join(['lamina', *_verb(arguments), '--help'])} shows what is possible"


def _verb(arguments: Sequence[str]) -> list[str]:
    """The words that name a command: the verb, and one of its own where it has such."""
    verb = [word for word in arguments[:1] if not word.startswith("-")]
    module = sys.modules.get(f"lamina.cli.{''.join(verb).replace('-', '_')}")
    below = getattr(getattr(module, "command", None), "commands", {})
    return [*verb, *(word for word in arguments[1:2] if word in below)]


def in_our_words(error: BaseException, arguments: Sequence[str] = ()) -> LaminaError:
    """Click's errors and the operating system's as errors of our own tree."""
    if isinstance(error, LaminaError):
        return error
    if isinstance(error, click.ClickException):
        return _from_click(error, arguments)
    if isinstance(error, OSError):
        what = " and ".join(repr(str(f)) for f in (error.filename, error.filename2) if f)
        reason = error.strerror or str(error) or type(error).__name__
        return UsageError(
            f"{what or 'a file'} cannot be used: {reason}",
            "check the path, its permissions and the room on the disk",
        )
    return LaminaError(f"{type(error).__name__}: {error}", "report it with the command and files")


def document(error: LaminaError) -> dict[str, Any]:
    """An error as plain values; `kind` is the name of its class in lamina.errors."""
    said: dict[str, Any] = {
        "kind": type(error).__name__,
        "message": error.message,
        "way_out": error.way_out,
        "mistakes": list(getattr(error, "mistakes", ())),
    }
    for key in ("task", "details"):
        if hasattr(error, key):
            said[key] = getattr(error, key)
    return said


def text(error: LaminaError) -> str:
    """An error in lines: what is wrong, details of a failed task, the way out."""
    lines = [click.style("error: ", fg="red", bold=True) + error.message]
    details = str(getattr(error, "details", "")).rstrip()
    lines += [f"  | {line}" for line in details.splitlines()]
    lines += [f"  way out: {error.way_out}"] if error.way_out else []
    return "\n".join(lines)


def _from_click(error: click.ClickException, arguments: Sequence[str]) -> UsageError:
    message = error.format_message()
    for theirs, ours in _NUMBERS.items():
        message = message.replace(theirs, ours)
    context = getattr(error, "ctx", None)
    command = ["lamina", *_verb(arguments)] if context is None else context.command_path.split()
    return UsageError(
        message[:1].lower() + message[1:].rstrip(".") if message else type(error).__name__,
        f"{shlex.join([*command, '--help'])} shows what is possible",
    )


_NUMBERS = {
    "is not a valid integer range": "is not a whole number",
    "is not a valid integer": "is not a whole number",
    "is not a valid float range": "is not a number",
    "is not a valid float": "is not a number",
}
"""What click says of a value that is no number, and what we say."""
