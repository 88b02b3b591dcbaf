"""The `lamina` command: finds the verb's file, runs it, and words errors for people."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from lamina import __version__
from lamina.cli.streams import make_forgiving, note
from lamina.cli.wording import say
from lamina.errors import LaminaError, UnknownNameError

VERBS = {
    "benchmark": "time Lamina beside its peers, on this machine",
    "cancel": "end a run, or a task of it",
    "clean": "delete what runs left and can be made again",
    "data": "list, fetch and describe the named data sets",
    "diagnose": "say what went wrong in a run, and why",
    "diff": "say what differs between two runs",
    "doctor": "say what this machine has and what is missing",
    "evaluate": "measure a saved model on labelled data",
    "export": "write a recorded run for other systems",
    "graph": "draw a workflow, a network or a model",
    "lineage": "say where a result comes from, and where it went",
    "lint": "check a document and say all its mistakes",
    "logs": "print what the tasks of a run printed",
    "ls": "list the runs of this project",
    "models": "list, show, export and import models",
    "plan": "give the tasks of a workflow to machines before it runs",
    "place": "predict how long tasks take on each runtime, and place them",
    "predict": "apply a saved model to data",
    "serve-function": "serve a function over HTTP, as the process of a pod",
    "resume": "go on with a run that ended early",
    "report": "write a recorded run as one HTML page",
    "run": "run a workflow document",
    "spin": "run one task again on its recorded inputs",
    "stats": "print figures of a run",
    "status": "say where a run is, once or until its end",
    "timeline": "draw a recorded run over time",
    "touch": "accept old outputs after an edit that changes no result",
    "trace": "print the attempts of a run as a table",
    "traces": "read and write traces of other systems",
    "train": "train a network on data",
    "why": "say why a task ran, or did not",
}
"""Verb -> one line of help; kept here so that `--help` loads no verb."""


class Verbs(click.Group):
    """A group that imports a verb's file only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, sorted."""
        del ctx
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb, from `lamina.cli.<verb>`."""
        del ctx
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"lamina.cli.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the known verbs in the message for an unknown one."""
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            raise UnknownNameError("command", args[0], VERBS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their one line, from the table."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="lamina")
def lamina() -> None:
    """Lamina: scientific workflows with deep learning inside.

    Networks are workflows, trained models are tasks. `lamina COMMAND --help` tells more.

    Exit codes: 0 done, 1 a task or a training failed, 2 usage, 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs a command line and ends the process with its exit code."""
    make_forgiving()
    # Graphs of many small objects that all stay: collecting often finds nothing and takes a fifth.
    gc.set_threshold(100_000, 20, 100)
    told = sys.argv[1:] if arguments is None else arguments
    try:
        with ended_by_signals():
            # Without its own way of ending, click gives the code of an Exit as the result.
            found = lamina.main(arguments, prog_name="lamina", standalone_mode=False)
        code = found if isinstance(found, int) else 0
    except _HELP as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        note("interrupted")
        code = 130
    except BrokenPipeError:
        # The reader went away (`lamina ... | head`); nothing more can be said to it.
        _leave_pipe()
        code = 0
    except (click.ClickException, LaminaError, OSError) as error:
        code = say(error, told)
    sys.exit(code)


_HELP: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""What click raises for a group without a command, from 8.2 on."""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turns SIGTERM and SIGHUP into an orderly end, so that no child process is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _end) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def _end(number: int, frame: object) -> NoReturn:
    del frame
    raise SystemExit(128 + number)


def _leave_pipe() -> None:
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
