"""`lamina data`: the named data sets - list, fetch, describe, split."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lamina.cli.streams import out


@click.group("data")
def command() -> None:
    """List, fetch and describe the named data sets.

    LAMINA_DATA names a local mirror; without it, sets come from the cache or their address.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_sets(as_json: bool) -> None:
    """List the named data sets, and where each would come from."""
    from lamina.workspace import datasets

    rows = datasets.listing()
    if as_json:
        out(json.dumps({row["name"]: row for row in rows}, indent=2))
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        size = f"{row['rows']} x {row['features']}"
        out(f"{row['name']:<{width}}  {size:>12}  {row['here'] or '-':<14}  {row['title']}")


@command.command("fetch")
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the table here.")
def fetch(name: str, output: Path | None) -> None:
    """Bring a named set here, checked against its sha256."""
    from lamina.workspace import datasets

    out(datasets.fetch(name, output))


@command.command("describe")
@click.argument("data")
@click.option("--target", help="The label column; known for named sets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def describe(data: str, target: str | None, as_json: bool) -> None:
    """Describe a named set or a file: columns, classes, empties, warnings."""
    from lamina.workspace import datasets

    found = datasets.describe(data, target)
    out(json.dumps(found, indent=2) if as_json else datasets.description(found))


@command.command("split")
@click.argument("data")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A folder.")
@click.option("--test", type=float, default=0.2, show_default=True, help="Share of test rows.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the shuffle.")
@click.option("--target", help="Keep the shares of this column's classes; known for named sets.")
def split(data: str, output: Path, test: float, seed: int, target: str | None) -> None:
    """Cut a set into train.csv and test.csv, seeded and stratified."""
    from lamina.workspace import datasets

    for path, rows in datasets.split(data, output, test, seed, target):
        out(f"{path}  {rows} rows")
