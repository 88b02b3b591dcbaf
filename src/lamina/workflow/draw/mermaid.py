"""A drawing as Mermaid text, for Markdown pages that render it."""

from __future__ import annotations

import json

from lamina.workflow.draw.boxes import Drawing

_SHAPES = {
    "input": ('(["', '"])'),
    "data": ('[("', '")]'),
    "output": ('(["', '"])'),
    "workflow": ('[["', '"]]'),
    "network": ('[["', '"]]'),
    "model": ('{{"', '"}}'),
    "command": ('[/"', '"/]'),
}
_PLAIN = ('["', '"]')
_ENTITIES = str.maketrans(
    {
        "#": "#35;",
        '"': "#quot;",
        "<": "#lt;",
        ">": "#gt;",
        "&": "#amp;",
        "`": "#96;",
        "\\": "#92;",
        "\n": " ",
        "\r": " ",
        "\t": " ",
    }
)


def to_mermaid(drawing: Drawing) -> str:
    """The drawing as a Mermaid flowchart from top to bottom; every text is escaped."""
    ids = {box.id: f"n{number}" for number, box in enumerate(drawing.nodes)}
    lines = []
    if drawing.title:
        lines += ["---", f"title: {json.dumps(drawing.title)}", "---"]
    lines.append("flowchart TD")
    for box in drawing.nodes:
        opening, closing = _SHAPES.get(box.kind, _PLAIN)
        text = _escaped(box.title)
        if box.detail:
            text += f"<br/><small>{_escaped(box.detail)}</small>"
        lines.append(f"  {ids[box.id]}{opening}{text}{closing}")
    for line in drawing.edges:
        label = f'|"{_escaped(line.label)}"|' if line.label else ""
        lines.append(f"  {ids[line.source]} -->{label} {ids[line.target]}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.translate(_ENTITIES)
