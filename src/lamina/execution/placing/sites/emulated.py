"""Emulated: pods are real processes of this machine that take the time of other machines."""

from __future__ import annotations

import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import Any, ClassVar

from lamina.execution.placing.children import Child, Recipe, start
from lamina.execution.placing.laws import Laws, delays
from lamina.execution.placing.link import Link
from lamina.execution.placing.pods import PodError
from lamina.execution.placing.settings import Kind, flag, number, text
from lamina.execution.placing.site import Errand, Lease, Setting, Site
from lamina.execution.placing.sites.local import upload
from lamina.execution.workers.processes import descendants, send
from lamina.planning.simulation.world import Draw

FAULTS = ("kill", "hang", "cut")
"""What breaks a pod: its processes are killed, or stopped for ever, or its link goes silent."""


class Chances(ABC):
    """What attempts meet; a world of the simulator can stand behind it."""

    @abstractmethod
    def draw(self, errand: Errand, runtime: str) -> Draw:
        """What an attempt meets, in seconds of the run's clock."""

    @abstractmethod
    def probe(self, runtime: str, at: float) -> float | None:
        """Seconds that a deployment takes now; None where it fails."""

    def fault(self, errand: Errand, runtime: str) -> str:
        """How it breaks down, where it does: one of FAULTS."""
        del errand, runtime
        return "kill"


class Emulated(Site):
    """Replays delays at any scale.

    Args:
        how: see `Setting`; pods sleep, and return the items; with `work: true` they call the
            function, and sleep until its time is over.
        chances: what attempts meet; from the settings when None.
    """

    settings: ClassVar[Mapping[str, Kind]] = {
        "deployment": delays, "warm": number(), "start": number(), "item": number(1e-6),
        "spread": number(), "bandwidth": number(1e-6), "fetch": number(),
        "failures": number(0.0, 1.0), "breaks": number(0.0, 1.0), "fault": text,
        "seed": number(), "work": flag,
    }  # fmt: skip

    def __init__(self, how: Setting, chances: Chances | None = None) -> None:
        super().__init__(how)
        self._name = how.runtime.name
        self._chances = chances or _FromLaws(Laws.of(how.settings), how.settings)
        self._recipe = Recipe(
            "lamina.execution.placing.emulation:work", how.folder, how.logs, {},
            how.limits,
        )  # fmt: skip
        self._lock = threading.Lock()
        self._parked: list[Child] = []
        self._out: dict[int, tuple[Child, Link | None, threading.Event]] = {}
        self._count = 0
        self._closed = threading.Event()
        threading.Thread(target=self._renew, name="lamina-leases", daemon=True).start()

    def upload(self, errand: Errand) -> float | None:
        """Sends what there is to be sent, and lets the time pass that the link would take."""
        began = time.monotonic()
        seconds = self._draw(errand).upload
        upload(self._how, errand)
        self._pass(errand, seconds - (time.monotonic() - began) * self._how.scale)
        return seconds or None

    def deploy(self, errand: Errand) -> Lease:
        """A process, once the deployment would be over; one that ran before where it is idle."""
        began = time.monotonic()
        draw = self._draw(errand)
        if draw.refused < draw.deploy:
            self._pass(errand, draw.refused)
            raise PodError("the deployment failed")
        self._await_return(errand)
        child = self._idle() or start(self._recipe, errand.over)
        broken, link = threading.Event(), None
        fault = self._chances.fault(errand, self._name) if draw.breaks < inf else ""
        if fault == "cut":
            link = Link(child.pod.address)
        with self._lock:
            self._out[child.pid] = (child, link, broken)
        lease = self._leased(errand, draw, child, link)
        # What goes silent is noticed only once an answer did not come for long.
        lease.began = lambda: self._break(child, link, fault, min(draw.breaks, draw.silent), broken)
        try:
            self._pass(errand, draw.deploy - (time.monotonic() - began) * self._how.scale)
        except PodError:
            self.release(lease, True)
            raise
        return lease

    def release(self, lease: Lease, well: bool) -> None:
        """Kept for the next attempt where it is well: it is the delays that are emulated."""
        child: Child = lease.token
        with self._lock:
            _, link, broken = self._out.pop(child.pid, (None, None, threading.Event()))
            broken.set()
            well = well and link is None and child.runs() and not self._closed.is_set()
            if well:
                self._parked.append(child)
        if link is not None:
            link.close()
        if not well:
            child.end()
            if not self._closed.is_set():
                threading.Thread(target=self.stock, args=(1,), daemon=True).start()

    def stock(self, count: int) -> None:
        """Starts processes ahead of time, so that emulated delays hide how long that takes."""
        for _ in range(count):
            with suppress(PodError):
                child = start(self._recipe, self._closed)
                with self._lock:
                    closed = self._closed.is_set()
                    if not closed:
                        self._parked.append(child)
                if closed:
                    child.end()

    def describe(self) -> Mapping[str, Any]:
        """Kind and settings."""
        return {"kind": "emulated", "scale": self._how.scale, **_plain(self._how.settings)}

    def close(self) -> None:
        """Ends all processes."""
        with self._lock:
            self._closed.set()
            parked, out = list(self._parked), list(self._out.values())
            self._parked.clear()
            self._out.clear()
        for child in parked:
            child.end()
        for child, link, broken in out:
            broken.set()
            if link is not None:
                link.close()
            child.end()

    def _leased(self, errand: Errand, draw: Draw, child: Child, link: Link | None) -> Lease:
        pod = child.pod.anew(link.address if link else "")
        with self._lock:
            self._count += 1
            mark = f"{self._name} {self._count}"
        arguments: dict[str, Any] = {
            "mark": mark, "start": draw.start, "item": draw.item, "warmth": draw.warm,
            "scale": self._how.scale,
        }  # fmt: skip
        if self._how.settings.get("work"):
            arguments["of"] = self._how.function
        each = draw.fetch / max(errand.job.items, 1)
        return Lease(pod, arguments, lag=lambda items: each * items, token=child)

    def _draw(self, errand: Errand) -> Draw:
        if errand.job.name == PROBE:
            seconds = self._chances.probe(self._name, errand.at)
            return Draw(deploy=inf if seconds is None else seconds)
        return self._chances.draw(errand, self._name)

    def _pass(self, errand: Errand, seconds: float) -> None:
        """Lets seconds of the run's clock pass."""
        over = errand.over.wait(None if seconds == inf else max(seconds, 0.0) / self._how.scale)
        if over:
            raise PodError("it is wanted no more")

    def _break(
        self, child: Child, link: Link | None, fault: str, after: float, over: threading.Event
    ) -> None:
        if not fault:
            return

        def act() -> None:
            if over.wait(max(after / self._how.scale, 0.0)):
                return
            if link is not None:
                link.cut()
            elif fault == "hang":
                for pid in [child.pid, *descendants(child.pid)]:
                    send(pid, signal.SIGSTOP)
            else:
                for pid in [*descendants(child.pid), child.pid]:
                    send(pid, signal.SIGKILL)

        threading.Thread(target=act, daemon=True).start()

    def _await_return(self, errand: Errand) -> None:
        """What stands ready is being given back at this moment."""
        until = time.monotonic() + 1.0
        standby = self._how.runtime.standby
        while standby and len(self._out) >= self._how.runtime.capacity:
            if time.monotonic() > until or errand.over.wait(0.002):
                return

    def _idle(self) -> Child | None:
        with self._lock:
            parked, self._parked = self._parked, []
        found = None
        for child in parked:
            if not child.runs():
                child.end()
            elif found is None and child.pod.idle():
                found = child
            else:
                with self._lock:
                    self._parked.append(child)
        return found

    def _renew(self) -> None:
        while not self._closed.wait(self._how.limits.lease / 4):
            with self._lock:
                children = [*self._parked, *(child for child, _, _ in self._out.values())]
            for child in children:
                child.pod.renew()


PROBE = "lamina probe"
"""Name of the job of a probe."""


class _FromLaws(Chances):
    """From the settings of a profile."""

    def __init__(self, laws: Laws, settings: Mapping[str, Any]) -> None:
        self._laws = laws
        self._fault = str(settings.get("fault", "kill"))

    def draw(self, errand: Errand, runtime: str) -> Draw:
        job = errand.job
        drawn = self._laws.draw(f"{runtime} {job.name}", job.items, job.upload, errand.tries)
        return drawn if runtime else replace(drawn)

    def probe(self, runtime: str, at: float) -> float | None:
        drawn = self._laws.draw(f"{runtime} probe {at:.3f}", 1, 0.0, 1)
        return None if drawn.refused < inf else drawn.deploy

    def fault(self, errand: Errand, runtime: str) -> str:
        return self._fault


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | float | int) else "trace"
        for name, value in settings.items()
    }
