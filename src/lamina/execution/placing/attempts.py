"""One attempt as it goes: data and a pod, warm-up, chunks of items, and the way back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lamina.errors import LaminaError
from lamina.execution.placing.items import Basket
from lamina.execution.placing.pods import Limits, PodError
from lamina.execution.placing.site import Errand, Lease, Place
from lamina.planning.placement.words import Crashed, Deployed, Event, Uploaded, Warmed

CHUNK = 0.5
"""Seconds of work that are handed out at once, as far as can be told from what was done."""
PAUSE = 0.05
"""Seconds that a pod may collect results before it answers."""


@dataclass(frozen=True)
class Around:
    """What attempts of a run have in common.

    Args:
        tell: takes what happened; None for that all items of the job are done.
        run: a word that keys of this run begin with.
        arguments: of the function.
        scale: seconds of the run's clock in a second of this machine.
        limits: of waiting.
    """

    tell: Callable[[Live, Event | None], None]
    run: str
    arguments: Mapping[str, Any]
    scale: float
    limits: Limits


class Live:
    """An attempt under way, with a thread of its own.

    Args:
        number: as the dispatcher has it.
        errand: what for.
        place: where.
        basket: the items.
        around: the run.
    """

    def __init__(
        self, number: int, errand: Errand, place: Place, basket: Basket, around: Around
    ) -> None:
        self.number = number
        self.errand = errand
        self.place = place
        self.site = place.site
        self.basket = basket
        self.lease: Lease | None = None
        self._storage = place.storage
        self._standby = place.runtime.standby
        self._around = around
        self._go = threading.Event()
        self._key = f"{around.run}-{number}-{errand.tries}"
        self._problem: LaminaError | None = None
        self._given = 0
        self._thread = threading.Thread(target=self._live, name=f"lamina-{self._key}", daemon=True)

    def begin(self) -> None:
        """Starts it."""
        self._thread.start()

    def run(self, shared: bool) -> None:
        """Lets it work: what stands ready takes items from the head, others from the tail."""
        runtime = self.place.runtime
        self.basket.join(self.number, runtime.name, runtime.standby, shared)
        self._go.set()

    def end(self) -> None:
        """Ends it, whatever it does; returns at once."""
        self.errand.over.set()
        self.basket.leave(self.number)
        lease = self.lease
        if lease is not None:
            lease.pod.abort()

    @property
    def alive(self) -> bool:
        """Whether it has something to end still."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Waits for its end."""
        self._thread.join(seconds)

    # In its own thread.

    def _live(self) -> None:
        well = False
        try:
            self._get_ready()
            self._wait()
            self._work()
            well = True
        except (LaminaError, OSError) as error:
            self._failed(error)
        except Exception as error:
            self._failed(error)
            raise
        finally:
            self._give_back(well)

    def _failed(self, error: Exception) -> None:
        problem = self._problem or error
        if not self.errand.over.is_set() or self._problem is not None:
            told = getattr(problem, "message", "") or f"{type(problem).__name__}: {problem}"
            self._around.tell(self, Crashed(self.number, told))

    def _give_back(self, well: bool) -> None:
        lease = self.lease
        if lease is None:
            return
        answered = lease.pod.cancel(self._key)
        lease.pod.close()
        ended = self.errand.over.is_set() and self._problem is None
        self.site.release(lease, answered and (well or ended))

    def _get_ready(self) -> None:
        began = time.monotonic()
        uploading = None
        if not self._standby:
            uploading = threading.Thread(target=self._upload, daemon=True)
            uploading.start()
        self.lease = self.site.deploy(self.errand)
        if not self._standby:
            self._tell(Deployed(self.number, self._since(began)))
        if uploading is not None:
            uploading.join()  # has a limit of its own
        if self._problem is not None:
            raise self._problem
        self._look()
        began = time.monotonic()
        self.lease.pod.prepare(self._key, self._first())
        self._tell(Warmed(self.number, self._since(began)))

    def _arguments(self, own: Mapping[str, Any] | None) -> dict[str, Any]:
        """Of the function; an emulated pod that does its work hands them on."""
        if own is None:
            return dict(self._around.arguments)
        return {**own, "given": dict(self._around.arguments)} if "of" in own else dict(own)

    def _first(self) -> dict[str, Any]:
        assert self.lease is not None
        own = self.lease.arguments
        sent = [item.sent(self._storage) for item in self.errand.items]
        return {
            "arguments": self._arguments(own),
            "lease": self._around.limits.lease,
            "bring": [one for one in sent if "url" in one],
        }

    def _upload(self) -> None:
        try:
            seconds = self.site.upload(self.errand)
        except (LaminaError, OSError) as error:
            if not self.errand.over.is_set():
                told = error if isinstance(error, LaminaError) else PodError(f"upload: {error}")
                self._problem = told
                self.errand.over.set()
            return
        if seconds is not None:
            self._tell(Uploaded(self.number, seconds))

    def _wait(self) -> None:
        """Until it may work; meanwhile the pod is asked now and then whether it is still there."""
        assert self.lease is not None
        step = min(self._around.limits.answer, self._around.limits.lease) / 3
        while not self._go.wait(0.02):
            until = time.monotonic() + step
            while not self._go.is_set() and time.monotonic() < until:
                if self.errand.over.wait(0.0) or self._go.wait(0.02):
                    break
            self._look()
            if not self._go.is_set():
                self.lease.pod.results(self._key, 0, 0.0)

    def _work(self) -> None:
        assert self.lease is not None
        pod, limits = self.lease.pod, self._around.limits
        seen, rate = 0, 0.0
        moved = time.monotonic()
        wait = min(limits.answer / 5, 5.0)
        self.lease.began()
        while True:
            self._look()
            waiting = self._given - seen
            self._hand_out(waiting, rate)
            if self._given == seen:
                self._idle(wait)
                moved = time.monotonic()
                continue
            answer = pod.results(self._key, seen, wait, PAUSE)
            seen = answer.next
            if answer.results:
                moved = time.monotonic()
                rate = _rate(answer.results, rate)
                if self.basket.put(self.number, answer.results):
                    self._around.tell(self, None)
            elif time.monotonic() - moved > limits.progress:
                raise PodError(f"pod {pod.address}: no result for {limits.progress:g} s")

    def _hand_out(self, waiting: int, rate: float) -> None:
        """Two chunks are with a pod: one that it works on, one that it can go on with."""
        assert self.lease is not None
        size = max(1, int(CHUNK / 2 * rate)) if rate else 2
        sharing = max(self.basket.sharing(), 1)
        size = min(size, max(1, self.basket.left() // (2 * sharing)))
        if waiting > size:
            return
        items = self.basket.take(self.number, size)
        if items:
            self._given += len(items)
            sent = [item.sent(self._storage) for item in items]
            self.lease.pod.give(self._key, self._given, sent)

    def _idle(self, seconds: float) -> None:
        """Nothing is left to do, but somebody who has the rest may fail."""
        assert self.lease is not None
        with self.basket.changed:
            self.basket.changed.wait(min(seconds, 0.2))
        self.lease.pod.results(self._key, self._given, 0.0)

    def _look(self) -> None:
        if self.errand.over.is_set():
            raise self._problem or PodError("it is wanted no more")

    def _since(self, began: float) -> float:
        return (time.monotonic() - began) * self._around.scale

    def _tell(self, event: Event) -> None:
        if not self.errand.over.is_set():
            self._around.tell(self, event)


def _rate(results: list[dict[str, Any]], before: float) -> float:
    """Items per second, from the last results; the first one may have taken longer."""
    if len(results) < 2:
        return before
    took = float(results[-1]["at"]) - float(results[0]["at"])
    return (len(results) - 1) / took if took > 0 else before
