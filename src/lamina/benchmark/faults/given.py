"""Tasks of the workflows that are disturbed; this file is copied beside their documents.

Every task notes in a file when it begins and ends, works for a moment, and gives values that
depend on nothing but its inputs. What a task is told to do wrong, it does first.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.workflow.telling import Attempt, current

Floats = NDArray[np.float64]

EFFECTS = "LAMINA_CAMPAIGN_EFFECTS"
"""Environment variable with the file that tasks note in when they begin and end."""

MISCHIEF = "LAMINA_CAMPAIGN_MISCHIEF"
"""Environment variable with what a task does wrong, as JSON: unit, kind, attempts, bytes."""

PAUSE = "LAMINA_CAMPAIGN_PAUSE"
"""Environment variable with the seconds that each task waits."""


class Step(NamedTuple):
    """Values of an iteration, and whether it was the last."""

    values: Floats
    done: bool


def source(seed: int, size: int) -> Floats:
    """Numbers to begin with."""
    with _working():
        return np.random.default_rng(seed).normal(size=size)


def change(values: Floats, by: float) -> Floats:
    """Other numbers."""
    with _working():
        return np.tanh(values * by) + by


def mix(values: list[Floats]) -> Floats:
    """One array of many."""
    with _working():
        mean: Floats = np.sum(values, axis=0) / len(values)
        return mean


def total(values: Floats) -> float:
    """One number of many."""
    with _working():
        return float(values.sum())


def numbered(values: Floats, parts: int) -> list[Floats]:
    """An array in parts."""
    with _working():
        return np.array_split(values, parts)


def sums(values: list[float]) -> float:
    """The sum of a list, each number counted once."""
    with _working():
        return float(sum(values))


def nearer(values: Floats, goal: float) -> Step:
    """A step towards a goal; it takes six."""
    with _working():
        moved = values + (goal - values) * 0.7
        return Step(moved, bool(np.abs(moved - goal).max() < 0.005))


def many(values: Floats) -> bool:
    """A decision."""
    with _working():
        return bool(values.size > 10)


def rows(values: Floats, count: int) -> Iterator[Floats]:
    """A stream of arrays."""
    with _working():
        for number in range(count):
            time.sleep(0.01)
            yield values * number


def gathered(stream: Iterator[Floats]) -> Floats:
    """The sum of a stream, while it is made."""
    with _working():
        found: Floats | None = None
        for item in stream:
            found = item if found is None else found + item
        return np.zeros(1) if found is None else found


@contextmanager
def _working() -> Iterator[None]:
    attempt = current()
    if attempt is not None:
        _note(attempt, "begin")
        _wrong(attempt)
    time.sleep(float(os.environ.get(PAUSE, "0.05")))
    yield
    if attempt is not None:
        _note(attempt, "end")


def _note(attempt: Attempt, word: str) -> None:
    path = os.environ.get(EFFECTS)
    if path:
        line = f"{attempt.run} {attempt.task} {attempt.number} {word} {os.getpid()}\n"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)


def _wrong(attempt: Attempt) -> None:
    told = json.loads(os.environ.get(MISCHIEF) or "{}")
    if told.get("unit") != attempt.task or attempt.number > told.get("attempts", 1):
        return
    _MISCHIEF[told["kind"]](told)


def _fork(told: dict[str, int]) -> None:
    """Leaves children behind, one of them in a session of its own, and never ends."""
    for number in range(3):
        if os.fork() == 0:
            if number == 2 and told.get("sessions"):
                os.setsid()
            time.sleep(600)
            os._exit(0)
    time.sleep(600)


def _deaf(told: dict[str, int]) -> None:
    """Hears no request to end."""
    del told
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)


def _flood(told: dict[str, int]) -> None:
    """Says more than anybody wants to keep."""
    piece = b"a line that nobody will ever read, over and over again\n" * 20_000
    for _ in range(told["bytes"] // len(piece)):
        os.write(1, piece)


_MISCHIEF = {"fork": _fork, "deaf": _deaf, "flood": _flood}
