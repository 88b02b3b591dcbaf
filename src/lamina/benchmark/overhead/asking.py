"""Asking engines how long they take: each in a process of its own, under its own interpreter."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import lamina
from lamina.benchmark.children import Clock, process, tail
from lamina.benchmark.overhead.peers import CARDS, Card
from lamina.benchmark.processes import MARK, left_over

VARIABLE = "LAMINA_PEER_PYTHON_"
"""LAMINA_PEER_PYTHON_RAY=/path/to/python names the interpreter of a peer."""


@dataclass(frozen=True)
class Measured:
    """What came of one engine.

    Args:
        engine: its name in the table of peers.
        version: of its library.
        first: seconds from the start of its process to the first result.
        alone: seconds of a run of one task, the engine being up.
        seconds: shape -> seconds, one per repeat.
        tasks: shape -> tasks.
        failure: why there is no more; empty for none.
    """

    engine: str
    version: str = ""
    first: float | None = None
    alone: float | None = None
    seconds: Mapping[str, list[float]] = field(default_factory=dict)
    tasks: Mapping[str, int] = field(default_factory=dict)
    failure: str = ""


def interpreter(name: str, told: Mapping[str, str]) -> str:
    """The Python that an engine runs under: as told, as the environment says, or this one."""
    return told.get(name) or os.environ.get(VARIABLE + name.upper()) or sys.executable


def absence(name: str, python: str) -> str:
    """Why an engine cannot be measured, and the way out; empty when it can be."""
    card = CARDS.get(name, Card(name))
    if not card.module or _has(python, card.module):
        return ""
    where = "" if python == sys.executable else f" for {python}"
    return (
        f"{card.package} is not installed{where}; pip install 'lamina[peers]', or in an "
        f"environment of its own: python -m venv DIR; DIR/bin/pip install {card.package}; "
        f"then --peer-python {name}=DIR/bin/python"
    )


def measure(name: str, python: str, asked: Mapping[str, Any], clock: Clock) -> Measured:
    """Runs an engine's measuring process to its end, or to the clock's.

    Args:
        name: of the engine.
        python: interpreter to run it under.
        asked: workers, repeats, tasks (shape -> count).
        clock: how long it may take.
    """
    found = Measured(name, _version(name, python), tasks=asked["tasks"])
    request = json.dumps({"engine": name, **asked})
    seconds: dict[str, list[float]] = {}
    values: dict[str, Any] = {"seconds": seconds}
    command = [python, "-m", "lamina.benchmark.overhead.child"]
    begin = time.monotonic()
    with (
        tempfile.TemporaryFile() as errors,
        importable() as variables,
        ended(variables),
        process(command, request, variables, errors) as lines,
    ):
        while True:
            waited = clock.left()
            try:
                line = lines.get(timeout=waited)
            except queue.Empty:
                values["failure"] = clock.reason(waited)
                break
            if not line:
                if not {"first", "failure"} & set(values):
                    values["failure"] = f"the process died: {tail(errors)}"
                break
            _take(values, json.loads(line), time.monotonic() - begin)
    return Measured(**{**found.__dict__, **values})


def _take(values: dict[str, Any], line: Mapping[str, Any], since: float) -> None:
    if "first" in line:
        values["first"] = since
    elif "alone" in line or "failure" in line:
        values.update(line)
    else:
        values["seconds"].setdefault(line["shape"], []).append(line["seconds"])


@contextmanager
def importable() -> Iterator[dict[str, str]]:
    """An environment in which any interpreter finds this package, and nothing beside it."""
    with tempfile.TemporaryDirectory(prefix="lamina-peer-") as folder:
        (Path(folder) / "lamina").symlink_to(Path(lamina.__file__).parent)
        yield {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def ended(variables: dict[str, str]) -> Iterator[None]:
    """Ends what the block's processes leave behind: servers in sessions of their own, say."""
    variables[MARK] = mark = uuid4().hex
    try:
        yield
    finally:
        left_over(mark, patience=0.5)


def _has(python: str, module: str) -> bool:
    if python == sys.executable:
        return find_spec(module) is not None
    code = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return _said(python, code) is not None


def _version(name: str, python: str) -> str:
    card = CARDS.get(name, Card(name))
    package = card.package
    if not package:
        return ""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return (_said(python, code) or "").strip()


@cache
def _said(python: str, code: str) -> str | None:
    """What a line of Python prints; None when it fails."""
    try:
        done = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
