"""Pods that are processes of this machine, started and ended by whoever drives them."""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.execution.placing.pods import Limits, Pod, PodError
from lamina.execution.workers.processes import descendants, send


@dataclass
class Child:
    """A pod of our own.

    Args:
        pod: to be asked.
        process: its server.
        log: what its function prints.
    """

    pod: Pod
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Process number of its server."""
        return self.process.pid

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def why(self) -> str:
        """How it ended; empty while it runs."""
        code = self.process.poll()
        if code is None:
            return ""
        return f"its process ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"

    def end(self) -> None:
        """Ends it at once, and all that came from it."""
        for pid in [*descendants(self.pid), self.pid] if self.runs() else []:
            send(pid, 9)
        with suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
            if self.process.stdout is not None:
                self.process.stdout.close()
        self.process.wait(10.0)
        self.pod.close()


@dataclass(frozen=True)
class Recipe:
    """How a pod of our own is started.

    Args:
        function: that it serves.
        folder: where it runs: what a relative file of the function is relative to.
        logs: folder for what it prints.
        environment: variables of its own; None takes one away.
        limits: of waiting.
    """

    function: str
    folder: Path
    logs: Path
    environment: Mapping[str, str | None]
    limits: Limits


def start(recipe: Recipe, over: threading.Event) -> Child:
    """Starts a pod and waits until its function is loaded.

    It ends with this process, however that ends: it reads a pipe of which this process holds the
    other end, and its lease runs out.

    Raises:
        PodError: it does not come up, its function cannot be loaded, or nobody wants it any more.
    """
    token = secrets.token_urlsafe(24)
    settings: dict[str, Any] = {
        "function": recipe.function, "token": token, "lease": recipe.limits.lease,
        "attached": True,
    }  # fmt: skip
    variables = {**os.environ, **recipe.environment, "LAMINA_POD": json.dumps(settings)}
    recipe.logs.mkdir(parents=True, exist_ok=True)
    log = recipe.logs / f"pod-{secrets.token_hex(4)}.log"
    with log.open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "lamina.execution.placing.serving"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=printed, cwd=recipe.folder,
            env={name: value for name, value in variables.items() if value is not None},
            start_new_session=True,
        )  # fmt: skip
    child = Child(Pod("http://127.0.0.1:1", token, recipe.limits), process, log)
    try:
        address = _address(child, over, recipe.limits.start)
        child.pod = Pod(address, token, recipe.limits, child.why)
        await_ready(child.pod, over, recipe.limits.start)
    except BaseException:
        child.end()
        raise
    return child


def await_ready(pod: Pod, over: threading.Event, limit: float) -> None:
    """Returns once a pod that answers has its function loaded.

    Raises:
        PodError: it does not answer, cannot load it, does not within the limit, or is not wanted.
    """
    until, pause = time.monotonic() + limit, 0.01
    while not over.is_set():
        state = pod.ready(min(max(until - time.monotonic(), 0.1), limit))
        if state == "ready":
            return
        if not state:
            raise PodError(f"pod {pod.address} does not answer{pod.fate()}")
        if time.monotonic() > until:
            raise PodError(f"pod {pod.address} was not ready within {limit:g} s")
        over.wait(pause)
        pause = min(pause * 1.5, 0.5)
    raise PodError("it is wanted no more")


def _address(child: Child, over: threading.Event, limit: float) -> str:
    until, told = time.monotonic() + limit, child.process.stdout
    assert told is not None
    while not over.is_set():
        if select.select([told], [], [], 0.05)[0]:
            line = told.readline()
            if not line:
                child.process.wait(5.0)
                last = child.log.read_text(errors="replace").strip().splitlines()[-1:]
                raise PodError(
                    f"a pod did not start: {child.why()}{f': {last[0]}' if last else ''}"
                )
            return str(json.loads(line)["address"])
        if time.monotonic() > until:
            raise PodError(f"a pod did not start within {limit:g} s")
    raise PodError("it is wanted no more")
