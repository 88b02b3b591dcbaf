"""What a task raised in its worker, shown to whoever began the run: lines of cells included."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lamina.errors import LaminaError, TaskFailedError

_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line (?P<line>\d+)(?P<rest>, in .*)?')


def explain(failure: TaskFailedError) -> None:
    """Adds the user's traceback to a failure, so that Python and notebooks print it.

    A worker has no text of a notebook's cells; here it is known, and so are their numbers.
    """
    lines = failure.details.splitlines()
    for found in filter(None, map(_FRAME.fullmatch, lines)):
        name = _cell(found["file"])
        if name:
            place = f"{Path(found['file']).name}:{found['line']}"
            failure.way_out = failure.way_out.replace(place, f"{name}, line {found['line']},")
    failure.details = "\n".join(_with_text(lines))
    if failure.details:
        holder = failure.__cause__ or failure
        holder.add_note(failure.details)


def rendered(error: LaminaError) -> list[str]:
    """An error as IPython is to show it: the user's own lines, what is wrong, the way out."""
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith(_not_the_users()):
            name = _cell(frame.filename)
            where = name or f'File "{frame.filename}"'
            lines.append(f"{where}, line {frame.lineno}, in {frame.name}\n    {frame.line}")
    lines.append(f"{_RED}{type(error).__name__}{_PLAIN}: {error.message}")
    details = str(getattr(error, "details", ""))
    lines += [f"  | {line}" for line in details.splitlines()]
    return [*lines, *([f"  way out: {error.way_out}"] if error.way_out else [])]


@cache
def _not_the_users() -> tuple[str, ...]:
    """Folders of files whose lines help nobody."""
    specs = filter(None, map(find_spec, ("lamina", "IPython", "ipykernel")))
    return tuple(str(Path(spec.origin).parent) for spec in specs if spec.origin)


def _with_text(lines: list[str]) -> Iterator[str]:
    for place, line in enumerate(lines):
        found = _FRAME.fullmatch(line)
        if found is None:
            yield line
            continue
        name = _cell(found["file"])
        yield f"  {name}, line {found['line']}{found['rest'] or ''}" if name else line
        following = lines[place + 1] if place + 1 < len(lines) else ""
        text = linecache.getline(found["file"], int(found["line"])).strip()
        if text and not following.startswith("    "):
            yield f"    {text}"


def _cell(file: str) -> str:
    """What the notebook calls a cell by: "Cell In[12]"; empty for a file."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    tell = getattr(getattr(shell, "compile", None), "format_code_name", None)
    told = tell(file) if tell is not None else None
    return " ".join(told) if told else ""
