"""`lamina run`: a workflow document, run here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamina.cli.run_options import run_options, wished
from lamina.cli.streams import note, out

if TYPE_CHECKING:
    from lamina.workspace.launch import Session
    from lamina.workspace.runs import Ran


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A workflow input."
)
@click.option("--params-file", type=click.Path(path_type=Path), help="Inputs as YAML or JSON.")
@click.option("-o", "--output", help="Folder or URL for the outputs.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would run, and run nothing.")
@click.option("--until", multiple=True, metavar="TASK", help="Run only this and what it needs.")
@click.option("--force", multiple=True, metavar="TASK", help="Run this again, whatever is known.")
@click.option("--force-all", is_flag=True, help="Run everything again.")
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    help="Runtimes for tasks that say `placement`.  [profile.yaml of the project]",
)
@click.option("--no-cache", is_flag=True, help="Neither reuse results nor keep them for reuse.")
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the newest run of this workflow that did not end well.",
)
@run_options
def command(file: Path, **options: Any) -> None:
    """Run the workflow in FILE.

    Inputs are given as -p NAME=VALUE: numbers and lists as JSON, tables as a named set or a
    file, models as a file. Results of earlier runs are reused where nothing changed.
    """
    from lamina.workspace.parameters import parameters

    given = parameters(options["parameters"], options["params_file"])
    changes = wished(options)
    changes["force"] = ("*",) if options["force_all"] else options["force"]
    changes["until"], changes["cache"] = options["until"], not options["no_cache"]
    changes["profile"] = str(options["profile"] or "")
    if options["dry_run"]:
        from lamina.workspace.dry_runs import dry_run
        from lamina.workspace.wishes import Wish

        plan = dry_run(file, given, Wish(**changes))
        out(json.dumps(plan.to_json(), indent=2) if options["as_json"] else plan.text())
        return
    from lamina.workspace import runs

    if options["resume"]:
        from lamina.workspace import resumes

        go(resumes.continued(file, given, wished(options)), options)
        return
    go(runs.session(file, given, changes, lambda: places(options)), options)


def places(options: dict[str, Any]) -> None:
    """Makes sure that the outputs and the report of a run can be written."""
    from lamina.workspace.outputs import file_to_write
    from lamina.workspace.runs import place_of

    if options.get("report"):
        file_to_write(options["report"])
    place_of(options.get("output") or None)


def go(session: Session, options: dict[str, Any]) -> None:
    """Runs a session, with a view of how it goes, and prints what came out."""
    with session:
        places(options)
        found = _watched(session, options)
    out(json.dumps(found.to_json(), indent=2) if options["as_json"] else found.text())
    if found.failed is not None:
        raise found.failed


def _watched(session: Session, options: dict[str, Any]) -> Ran:
    """Runs a session, with a view of how it goes and a report of how it went."""
    from dataclasses import replace

    from lamina.cli.progress import listener
    from lamina.workspace import runs

    silent = options["quiet"] or options["as_json"]
    view = None if silent else listener()
    if view is not None:
        session = replace(session, listeners=(*session.listeners, view))
    try:
        return runs.ended(session, options.get("output") or None, None if silent else note)
    finally:
        if view is not None:
            view.close()
        if options.get("report"):
            from lamina.workspace.reports import write

            write(session.record.id, Path(options["report"]), session.project)
