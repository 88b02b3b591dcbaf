"""Functions that pods of the tests serve."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def warm(**arguments: Any) -> None:
    """Takes no time."""
    if arguments.get("cold"):
        raise RuntimeError("it stays cold")


def work(
    items: list[Any], pause: float = 0.0, marks: str = "", cold: bool = False
) -> Iterator[Any]:
    """Some words are orders; each item that is done leaves a mark."""
    for item in items:
        if item == "bad":
            raise ValueError("a bad one")
        if item == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(3600 if item == "hang" else pause)
        if marks:
            with Path(marks).open("a") as file:
                file.write(f"{item}\n")
        yield {"item": str(item), "pid": os.getpid()}


def sizes(items: list[Path]) -> list[int]:
    """Bytes of files."""
    return [path.stat().st_size for path in items]


def short(items: list[Any]) -> list[Any]:
    """Forgets the last one, unless it is alone."""
    return items[:-1] if len(items) > 1 else items
