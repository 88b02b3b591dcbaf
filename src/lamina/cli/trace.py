"""`lamina trace`: the attempts of a run, or of a trace, as a table of chosen fields."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out, room


@click.command("trace")
@click.argument("target", default="last", metavar="[RUN[/TASK]|TRACE]")
@click.option(
    "--fields", default="", help='Columns: "task,status,run", "+host" for more, "all".', metavar="F"
)
@click.option(
    "--filter", "filters", multiple=True, metavar="EXPR", help='"status=failed", "run>10 or cpu>5".'
)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
@click.option("--json", "as_json", is_flag=True, help="As --format json.")
@click.option("--list", "listed", is_flag=True, help="List the fields.")
def command(
    target: str, fields: str, filters: tuple[str, ...], form: str, as_json: bool, listed: bool
) -> None:
    """Print the attempts of RUN (an id, a name or "last"), or of a TRACE, one per line.

    Filters compare fields with = != < > <= >= and look for parts of texts with ~ and !~;
    `and` binds before `or`. Numbers may have units: run>2m, memory>1.5GB. Given more than once,
    all have to hold.
    """
    from lamina.records.selection import FIELDS
    from lamina.records.tables import table_lines
    from lamina.workspace import looking

    if listed:
        rows = [[name, field.kind, field.about] for name, field in FIELDS.items()]
        out("\n".join(table_lines(rows)))
        return
    form = "json" if as_json else form
    names, found = looking.selected(target, fields, filters, form)
    if form == "json":
        out(json.dumps({"attempts": looking.trace_json(names, found)}, indent=2))
        return
    out(looking.trace_text(names, found, form, room()))
