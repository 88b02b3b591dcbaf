"""`lamina graph`: a workflow, a network or a model, drawn."""

from __future__ import annotations

from pathlib import Path

import click

from lamina.cli.streams import out


@click.command("graph")
@click.argument("file")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "svg", "neurons"]),
    default=None,
    help="text (default), mermaid, svg; neurons: small dense networks, weights as lines (SVG).",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the drawing here.")
def command(file: str, form: str | None, output: Path | None) -> None:
    """Draw FILE: a workflow document, a network (document or zoo name) or a saved model."""
    from lamina.workspace import drawings

    suffixes = {".svg": "svg", ".mmd": "mermaid"}
    chosen = form or (suffixes.get(output.suffix, "text") if output else "text")
    drawn = drawings.graph(file, chosen)
    if output is None:
        out(drawn.rstrip("\n"))
    else:
        drawings.write(output, drawn)
        out(output)
