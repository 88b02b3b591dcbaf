"""Line numbers of a document's parts, looked up only when there is a mistake to place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

Path = tuple[str | int, ...]


def lines_of(text: str) -> dict[Path, int]:
    """Path of keys and positions -> line, counted from 1; empty for text that is no YAML."""
    found: dict[Path, int] = {}
    open_parts: list[_Part] = []
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
                _take(event, open_parts, found)
            if isinstance(event, yaml.CollectionStartEvent):
                path = open_parts[-1].path if open_parts else ()
                mapping = isinstance(event, yaml.MappingStartEvent)
                open_parts.append(_Part(path, mapping))
            elif isinstance(event, yaml.CollectionEndEvent):
                open_parts.pop()
                if open_parts:
                    open_parts[-1].close()
    except yaml.YAMLError:
        return {}
    return found


class _Part:
    """An open mapping or list: where it is, and where its current item is."""

    def __init__(self, base: Path, mapping: bool) -> None:
        self.base = base
        self.mapping = mapping
        self.path = base if mapping else (*base, 0)
        self.key_next = mapping

    def close(self) -> None:
        """The current item is complete."""
        if self.mapping:
            self.key_next = True
        else:
            self.path = (*self.base, int(self.path[-1]) + 1)


def _take(event: Any, open_parts: Sequence[_Part], found: dict[Path, int]) -> None:
    if not open_parts:
        return
    part, line = open_parts[-1], event.start_mark.line + 1
    scalar = isinstance(event, yaml.ScalarEvent)
    if part.mapping and part.key_next:
        part.path = (*part.base, event.value if scalar else "?")
        part.key_next = False
        found[part.path] = line
        return
    found.setdefault(part.path, line)
    if scalar:
        part.close()


def line_at(lines: dict[Path, int], path: Path) -> int:
    """Line of a part, or of the nearest part around it; 0 when nothing is known."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)


_PLACES = (
    (re.compile(r"task '([^']*)'"), "tasks"),
    (re.compile(r"workflow output '([^']*)'"), "outputs"),
    (re.compile(r"workflow input '([^']*)'"), "inputs"),
)


def named_spot(mistake: str) -> Path:
    """Where a mistake belongs that begins with "task 'x'" or "workflow output 'x'"."""
    for pattern, part in _PLACES:
        found = pattern.match(mistake)
        if found:
            return (part, found[1])
    return ()


def where(path: Path) -> str:
    """A path in words: "task 'sort': argv.2"."""
    head, *rest = map(str, path) if path else [""]
    words = {"tasks": "task", "outputs": "workflow output", "inputs": "workflow input"}
    if head in words and rest:
        head, rest = f"{words[head]} {rest[0]!r}", rest[1:]
    return f"{head}: {'.'.join(rest)}" if rest else head
