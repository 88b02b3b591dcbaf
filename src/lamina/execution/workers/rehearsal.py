"""A task that does nothing, done some times before the first worker is forked.

What Python makes when code runs for the first time (faster forms of it, what classes remember,
names that are looked up once) each worker would make again, and each time in memory of its own:
pages that are written after a fork are copied, and that is most of what a process costs.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from typing import Any

from lamina.execution.runtimes.base import MAIN
from lamina.execution.workers.messages import Inbox, packed
from lamina.execution.workers.worker import Worker

_TIMES = 12
"""Python takes code for often used after 8 times, and the faster forms come a few times later."""


def same(number: int) -> int:
    """The task."""
    return number


def rehearse(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Does the task in this process, in the way of a worker, and gives the answers.

    Args:
        settings: as for `Worker`; nothing is written where they point.
    """
    ours, theirs = socket.socketpair()
    out, error = sys.stdout, sys.stderr
    worker = Worker(settings)
    try:
        with ours, theirs:
            for left in reversed(range(_TIMES)):
                ours.sendall(packed(_order(last=not left)))
            worker.serve(theirs, {"environment": {}})
            return Inbox().take(ours.recv(1 << 20))
    finally:
        worker.close()
        sys.stdout, sys.stderr = out, error


def _order(last: bool) -> dict[str, Any]:
    """What an engine would send."""
    action = {"do": "python", "function": f"{__name__}:{same.__name__}"}
    return {
        "task": 0,
        "recipe": {
            "in": [["number", "int", False]],
            "out": [["result", "int", False]],
            "action": action,
        },
        "run": "rehearsal",
        "name": "same",
        "attempt": 1,
        "part": MAIN,
        "inputs": {"number": {"codec": "json", "digest": "", "size": 1, "inline": "1"}},
        "threads": 1,
        "folder": "rehearsal/same~1",
        "scratch": "rehearsal/scratch",
        "last": last,
    }
