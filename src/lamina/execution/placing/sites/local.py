"""Local: pods are processes of this machine; one that stands ready is kept between jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from lamina.execution.placing.children import Child, Recipe, start
from lamina.execution.placing.pods import PodError
from lamina.execution.placing.settings import Kind, flag, ids, number, texts
from lamina.execution.placing.site import Errand, Lease, Setting, Site
from lamina.execution.workers import devices

BACK = 5.0
"""Seconds that a pod may take to be given back, before another one is started."""


class Local(Site):
    """Processes of this machine.

    Args:
        how: see `Setting`.
    """

    settings: ClassVar[Mapping[str, Kind]] = {
        "gpus": ids, "threads": number(1), "keep": flag, "environment": texts,
    }  # fmt: skip

    def __init__(self, how: Setting) -> None:
        super().__init__(how)
        told = how.settings
        self._keep = bool(told.get("keep", how.runtime.standby))
        gpus = tuple(map(str, told.get("gpus", ())))
        variables = devices.environment(int(told.get("threads", 1)), gpus)
        self._recipe = Recipe(
            how.function, how.folder, how.logs,
            {**variables, **told.get("environment", {})}, how.limits,
        )  # fmt: skip
        self._lock = threading.Lock()
        self._parked: list[Child] = []
        self._all: set[int] = set()
        self._out: dict[int, Child] = {}
        self._closed = threading.Event()
        threading.Thread(target=self._renew, name="lamina-leases", daemon=True).start()

    def upload(self, errand: Errand) -> float | None:
        """Sends files to the storage of the runtime, where it has one."""
        return upload(self._how, errand)

    def deploy(self, errand: Errand) -> Lease:
        """A parked pod, or a new one."""
        self._await_return(errand)
        child = self._idle() or start(self._recipe, errand.over)
        with self._lock:
            if self._closed.is_set():
                child.end()
                raise PodError("the run is over")
            self._out[child.pid] = child
        # A pod that was given up in the midst of a question is not asked by the same hand again.
        return Lease(child.pod.anew(), token=child)

    def release(self, lease: Lease, well: bool) -> None:
        """Parks it where the runtime keeps its pods; else it ends."""
        child: Child = lease.token
        with self._lock:
            self._out.pop(child.pid, None)
            parked = well and self._keep and child.runs() and not self._closed.is_set()
            if parked:
                self._parked.append(child)
        if not parked:
            child.end()

    def describe(self) -> Mapping[str, Any]:
        """Kind and settings."""
        return {"kind": "local", "storage": self._how.storage, **self._how.settings}

    def close(self) -> None:
        """Ends all its pods."""
        with self._lock:
            self._closed.set()
            children = [*self._parked, *self._out.values()]
            self._parked.clear()
            self._out.clear()
        for child in children:
            child.end()

    def _await_return(self, errand: Errand) -> None:
        """One that is being given back is worth a moment: a new one takes longer to come up."""
        until = time.monotonic() + BACK
        while self._keep and len(self._out) >= self._how.runtime.capacity:
            if time.monotonic() > until or errand.over.wait(0.002):
                return

    def _idle(self) -> Child | None:
        while True:
            with self._lock:
                if not self._parked:
                    return None
                child = self._parked.pop()
            with suppress(PodError):
                if child.runs() and child.pod.ready(self._how.limits.answer):
                    return child
            child.end()

    def _renew(self) -> None:
        """Tells parked pods that their owner lives; those at work hear it by being asked."""
        while not self._closed.wait(self._how.limits.lease / 4):
            with self._lock:
                parked = list(self._parked)
            for child in parked:
                child.pod.renew()


def upload(how: Setting, errand: Errand) -> float | None:
    """Sends the files of a job to the storage of a runtime; see `Site.upload`."""
    files = [item for item in errand.items if item.path is not None]
    if not how.storage or not files:
        return None
    sent = how.uploads.bring(errand.job.name, files, how.storage, errand.over, how.limits.upload)
    return None if sent.whole is None else sent.whole * how.scale
