"""The `lamina` command: finds the verb's file, runs it, and words errors for people."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from lamina import __version__
from lamina.errors import LaminaError, UnknownNameError

VERBS = {
    "benchmark": "time Lamina beside its peers, on this machine",
    "data": "list, fetch and describe the named data sets",
    "doctor": "say what this machine has and what is missing",
    "evaluate": "measure a saved model on labelled data",
    "graph": "draw a workflow, a network or a model",
    "lint": "check a document and say all its mistakes",
    "models": "list and show saved models",
    "predict": "apply a saved model to data",
    "run": "run a workflow document",
    "train": "train a network on data",
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
        command: click.Command = import_module(f"lamina.cli.{cmd_name}").command
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
    try:
        lamina.main(arguments, prog_name="lamina", standalone_mode=False)
        code = 0
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.UsageError as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        # The reader went away (`lamina ... | head`); nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (click.ClickException, LaminaError) as error:
        code = _word(error)
    sys.exit(code)


def _word(error: click.ClickException | LaminaError) -> int:
    """Says an error on standard error and gives its exit code."""
    if isinstance(error, click.ClickException):
        error.show()
        return 2
    click.echo(click.style("error: ", fg="red", bold=True) + error.message, err=True)
    details: Any = getattr(error, "details", "")
    if details:
        click.echo(str(details).rstrip(), err=True)
    if error.way_out:
        click.echo(f"  way out: {error.way_out}", err=True)
    return error.exit_code
