"""Drawing a directed graph in layers: the one place to import boxes, lines and formats from."""

from __future__ import annotations

from lamina.workflow.draw.boxes import Box, Drawing, Line
from lamina.workflow.draw.mermaid import to_mermaid
from lamina.workflow.draw.svg import to_svg
from lamina.workflow.draw.text import to_text

__all__ = ["Box", "Drawing", "Line", "to_mermaid", "to_svg", "to_text"]
