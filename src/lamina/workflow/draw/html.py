"""What a notebook shows of a workflow, a network, a table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from lamina.workflow.draw.boxes import Drawing
from lamina.workflow.draw.svg import to_svg
from lamina.workflow.draw.workflows import draw_workflow
from lamina.workflow.graph import Workflow

MANY = 200
"""Boxes up to which a picture is drawn; people see nothing in larger ones."""


def workflow_html(workflow: Workflow) -> str:
    """The picture of a workflow; of a large one what it takes and gives."""
    if len(workflow) + len(workflow.inputs) + len(workflow.outputs) <= MANY:
        return to_svg(draw_workflow(workflow))
    return table_html(
        ["workflow", workflow.name],
        [
            ["tasks", f"{len(workflow):,}"],
            ["inputs", _listed(f"{port.name} ({port.type})" for port in workflow.inputs)],
            ["outputs", _listed(f"{port.name} ({port.type})" for port in workflow.outputs)],
        ],
    )


def drawing_html(drawing: Drawing) -> str:
    """A picture; of a large one its title and how many boxes it has."""
    if len(drawing.nodes) <= MANY:
        return to_svg(drawing)
    return table_html([drawing.title], [[f"{len(drawing.nodes):,} boxes"]])


def table_html(head: Sequence[Any], rows: Sequence[Sequence[Any]], note: str = "") -> str:
    """A table: what stands in it is text, never markup.

    Args:
        note: a line below it.
    """
    cells = "".join(f"<th style='text-align:left'>{escape(str(cell))}</th>" for cell in head)
    lines = [f"<tr>{cells}</tr>"]
    for row in rows:
        cells = "".join(f"<td style='text-align:left'>{escape(str(cell))}</td>" for cell in row)
        lines.append(f"<tr>{cells}</tr>")
    below = f"<div>{escape(note)}</div>" if note else ""
    return f"<table>{''.join(lines)}</table>{below}"


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"
