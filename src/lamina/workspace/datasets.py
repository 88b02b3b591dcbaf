"""`data`: the named sets listed, fetched, described and split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamina.data import sources
from lamina.data.split import holdout
from lamina.data.tables import write_table
from lamina.training.report import aligned
from lamina.workspace.outputs import file_to_write, folder_to_write
from lamina.workspace.values import table, target_of


def listing() -> list[dict[str, Any]]:
    """A mapping per named set, with `here`: where it would be read from; "" for nowhere."""
    return [
        {
            "name": source.name,
            "title": source.title,
            "rows": source.rows,
            "features": source.features,
            "target": source.target,
            "kind": source.kind,
            "licence": source.licence,
            "address": source.address,
            "sha256": source.sha256,
            "citation": source.citation,
            "here": sources.where(name),
        }
        for name, source in sources.catalogue().items()
    ]


def fetch(name: str, output: Path | None = None) -> Path:
    """The checked file of a named set; with `output`, written there as a table with header."""
    if output is None:
        return sources.fetch(name)
    write_table(sources.load(name), file_to_write(output))
    return output


def describe(data: str, target: str | None = None) -> dict[str, Any]:
    """What a named set or a file holds: columns, classes, empties, warnings."""
    return sources.describe(data, target)


def split(
    data: str, output: Path, test: float, seed: int, target: str | None
) -> list[tuple[Path, int]]:
    """Writes train.csv and test.csv into `output`; returns each path with its rows.

    Classes of the target keep their shares where the target is known.
    """
    whole = table(data)
    known = target or data in sources.catalogue()
    labels = whole[target_of(data, target)] if known else None
    parts = holdout(whole.rows, test, seed, labels)
    folder_to_write(output)
    written = []
    for name, rows in zip(("train", "test"), parts, strict=True):
        part = whole.take(rows)
        write_table(part, output / f"{name}.csv")
        written.append((output / f"{name}.csv", part.rows))
    return written


def description(found: dict[str, Any]) -> str:
    """A description for a terminal: origin, columns, classes, warnings."""
    source = found.get("source")
    lines = []
    if source:
        lines += [source["title"], f"  {source['address']}", f"  licence {source['licence']}"]
        lines += [f"  cite: {source['citation']}", f"  sha256 {source['sha256']}"]
        lines += [f"  note: {note}" for note in source["notes"]]
    lines += [f"{found['rows']} rows, {found['empty_rows']} of them with empty values", ""]
    head = ["column", "type", "empty", "distinct", "min", "max", "mean", "deviation"]
    keys = ["name", *head[1:]]
    body = [[_cell(column.get(key)) for key in keys] for column in found["columns"]]
    lines += aligned([head, *body])
    if found.get("classes"):
        counts = ", ".join(f"{name}: {count}" for name, count in found["classes"].items())
        lines += ["", f"classes of {found['target']}: {counts}"]
    return "\n".join([*lines, *(f"warning: {text}" for text in found["warnings"])])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
