"""`lamina cancel`: ends a run of another process, or a task of it."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out


@click.command("cancel")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(run: str, as_json: bool) -> None:
    """End RUN, or only RUN/TASK, cleanly.

    RUN is a name, the beginning of an id, or last.
    """
    from dataclasses import asdict

    from lamina.workspace import resumes

    name, _, task = run.partition("/")
    found = resumes.cancel(name, task)
    out(json.dumps(asdict(found), indent=2) if as_json else found.text())
    if not found.ended:
        raise SystemExit(1)
