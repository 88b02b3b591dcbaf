"""Worker processes of this machine: a warm pool, or a process of its own for each task."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lamina.data.artifacts.store import Artifacts
from lamina.errors import LaminaError
from lamina.execution.failures import told
from lamina.execution.runtimes.base import (
    NOBODY,
    Assignment,
    Began,
    Capacity,
    Ended,
    Report,
    Runtime,
    Seen,
    Ticket,
    Told,
)
from lamina.execution.workers import devices, endings
from lamina.execution.workers.hands import Hand, Key, Running, Shelf
from lamina.execution.workers.listening import Listener
from lamina.execution.workers.orders import Orders, is_program, key_of, threads
from lamina.execution.workers.parents import Zygotes
from lamina.execution.workers.recipes import is_plain
from lamina.execution.workers.zygotes import ZygoteProcess, remember
from lamina.workflow.machine import cores
from lamina.workflow.needs import Needs

_SPARES = 2
"""Workers that wait for their only job where tasks get processes of their own: while one task
runs, the process of the next is made."""

_TRIES = 4
"""How often a worker is asked for before an attempt is given up."""

_PATIENCE = 5.0
"""Seconds after which an ended attempt is reported although its worker does not end."""

_BIRTH = 120.0
"""Seconds after which a zygote that has not answered is ended; the first answer takes longest."""


class LocalRuntime(Runtime):
    """Runs assignments in worker processes that a zygote forks.

    Args:
        artifacts: where values are.
        cpus: cores to give; all when None.
        memory: bytes to give; the machine's when None.
        gpus: ids of devices to give; all when None.
        fresh: whether every task gets a process of its own.
    """

    def __init__(
        self,
        artifacts: Artifacts,
        cpus: float | None = None,
        memory: int | None = None,
        gpus: tuple[str, ...] | None = None,
        fresh: bool = False,
    ) -> None:
        self._capacity = Capacity(
            float(cores()) if cpus is None else cpus,
            devices.memory() if memory is None else memory,
            devices.gpus() if gpus is None else tuple(gpus),
        )
        self._fresh = fresh
        self._host = socket.gethostname()
        self._orders = Orders(artifacts)
        self._listener = Listener()
        self._zygotes = Zygotes(artifacts, self._born)
        self._hands: dict[int, Hand] = {}
        self._by_pid: dict[int, Hand] = {}
        self._doing: dict[Ticket, Hand] = {}
        self._timed: dict[Ticket, Running] = {}
        self._shelf = Shelf()
        self._spares = Shelf()
        self._met: set[int] = set()
        self._unborn: dict[Hand, float] = {}
        self._count = 0
        self._reports: list[Report] = []
        self._closed = False
        self._most_idle = max(32, 2 * int(self._capacity.cpus))

    def capacity(self) -> Capacity:
        """Cores, memory and devices of this machine, or what was told."""
        return self._capacity

    def expect(self, needs: Needs) -> None:
        """The zygote for such an assignment may come into being meanwhile."""
        with suppress(OSError):  # whoever starts the assignment meets it again, and says so
            self._zygotes.of(threads(needs))

    def start(self, assignment: Assignment) -> None:
        """Gives it to an idle worker, or to a new one."""
        now = time.monotonic()
        try:
            number, entry = self._orders.recipe(assignment.task)
        except LaminaError as error:
            self._reports.append(Ended(assignment.ticket, now, "failed", error=told(error)))
            return
        job = Running.of(assignment, self._orders.secrets(assignment))
        message = self._orders.message(job, number)
        message["last"] = (self._fresh or assignment.task.care.fresh) and not is_program(assignment)
        try:
            hand = self._given(key_of(assignment, entry), job, message, entry)
        except OSError as error:  # no processes or descriptors are left
            why = {**told(error), "way_out": "run fewer tasks at once"}
            self._reports.append(Ended(assignment.ticket, now, "lost", error=why))
            return
        hand.job = job
        self._doing[assignment.ticket] = hand
        if hand.pid:
            self._begin(hand, job)

    def _given(
        self, key: Key, job: Running, message: dict[str, Any], entry: dict[str, Any]
    ) -> Hand:
        """The worker that has got the message. Raises OSError when there can be none."""
        number, last, tries = message["task"], message["last"], 3
        limit = job.assignment.needs.memory
        for _ in range(_TRIES + self._shelf.size + self._spares.size):
            found = self._spares.take(key) if last else self._shelf.take(key, limit)
            hand = found or self._fork(key)
            if number not in hand.known:
                remember(hand.known, number)
                message["recipe"] = entry
            # A job waits in the socket until its worker is there to read it.
            if hand.send(message):
                break
            message.pop("recipe", None)
            if found is not None:
                self._miss(hand)
                self._forget(hand)
                continue
            # Nobody holds the other end: the zygote has ended, and nobody has read so yet.
            tries -= 1
            if not tries:
                raise OSError(f"no worker can be started: {hand.zygote.last_words()}")
            self._lose(hand.zygote)
        hand.leaving = last
        if last:
            self._prepare_next(hand.zygote, key, number, entry)
        return hand

    def _prepare_next(
        self, zygote: ZygoteProcess, key: Key, number: int, entry: dict[str, Any]
    ) -> None:
        """While a task runs in a process of its own, that of the next one is made."""
        if number in self._met and number not in zygote.known and is_plain(entry):
            zygote.teach(number, entry)
        self._met.add(number)
        if self._spares.count(key) < _SPARES:
            self._spares.put(self._fork(key))

    def poll(self, timeout: float) -> list[Report]:
        """What has happened; time-outs are looked after here too."""
        if self._closed:
            return []
        if self._reports:
            timeout = 0.0
        elif self._timed:
            timeout = min(timeout, self._nearest() - time.monotonic())
        self._listener.wait(max(0.0, timeout))
        if self._timed:
            self._look_at_clock()
        if self._unborn:
            self._look_at_unborn()
        found, self._reports = self._reports, []
        return found

    def _nearest(self) -> float:
        return min(job.deadline for job in self._timed.values())

    def cancel(self, ticket: Ticket) -> None:
        """Ends the worker of an assignment with everything that came from it."""
        self._end(ticket, "cancelled")

    def close(self) -> None:
        """Ends all workers, and whatever they have started. May be called twice."""
        if self._closed:
            return
        self._closed = True
        pids = [hand.pid for hand in self._hands.values() if hand.pid]
        self._zygotes.close(pids)
        for hand in self._hands.values():
            hand.drain()
            if hand.job is not None:
                hand.job.out.end()
                hand.job.error.end()
            hand.close()
        self._hands.clear()
        self._listener.close()

    def wake(self) -> None:
        """Makes a waiting `poll` return."""
        self._listener.wake()

    def zygotes(self) -> list[int]:
        """Numbers of the processes that fork its workers."""
        return self._zygotes.pids()

    def _fork(self, key: Key) -> Hand:
        """A new worker, at least asked for. Raises OSError when no zygote lives long enough."""
        for _ in range(_TRIES):
            zygote = self._zygotes.of(key.threads)
            self._count += 1
            hand = Hand(self._count, key, zygote)
            # Workers without devices see what the zygote does: none.
            own = devices.environment(key.threads, key.gpus) if key.gpus else {}
            if hand.ask({**own, **dict(key.environment)}):
                break
            hand.close()
            self._lose(zygote)
        else:
            raise OSError("the process that starts workers ends again and again")
        self._hands[hand.number] = hand
        self._unborn[hand] = time.monotonic()
        self._listener.add(hand.socket, lambda: self._hear(hand))
        for output in (hand.out, hand.error):
            self._listener.add(output, lambda o=output: self._hear_output(hand, o))
        return hand

    def _born(self, zygote: ZygoteProcess) -> None:
        self._listener.add(zygote.socket, lambda: self._hear_zygote(zygote))

    def _begin(self, hand: Hand, job: Running) -> None:
        job.began = time.monotonic()
        given = job.assignment
        if given.needs.memory is not None:
            hand.zygote.send({"do": "watch", "pid": hand.pid, "limit": given.needs.memory})
        if given.needs.time is not None:
            self._timed[given.ticket] = job
        self._reports.append(Began(given.ticket, job.began, hand.name, self._host, hand.pid))
        if job.reason:  # cancelled before it was there
            self._kill(hand, job)

    def _hear_zygote(self, zygote: ZygoteProcess) -> None:
        messages = zygote.read()
        if messages is None:
            self._lose(zygote)
            return
        for message in messages:
            if "forked" in message:
                self._forked(self._hands.get(message["forked"]), message["pid"])
            elif "refused" in message:
                hand = self._hands.get(message["refused"])
                if hand is not None:
                    self._gone(hand, {"status": 0, "reason": "refused", "why": message["why"]})
            elif "died" in message:
                hand = self._by_pid.get(message["died"])
                if hand is not None:
                    self._gone(hand, message)

    def _forked(self, hand: Hand | None, pid: int) -> None:
        if hand is None:
            return
        hand.pid = pid
        self._by_pid[pid] = hand
        self._unborn.pop(hand, None)
        if hand.job is not None:
            self._begin(hand, hand.job)

    def _hear(self, hand: Hand) -> None:
        messages = hand.read()
        if messages is None:
            # Its end is told by the zygote, which knows how it came; it is near, or is made so.
            self._listener.remove(hand.socket)
            self._shelf.drop(hand)
            self._spares.drop(hand)
            if hand.pid and not hand.leaving:
                why = "mute" if hand.job is not None else ""
                hand.zygote.send({"do": "end", "pid": hand.pid, "reason": why})
                self._miss(hand)
            return
        for message in messages:
            job = hand.job
            if job is None or job.reason:
                continue
            if "told" in message:
                ticket = job.assignment.ticket
                self._reports.append(Told(ticket, time.monotonic(), message["told"]))
            elif "status" in message:
                self._finish(hand, job, message)

    def _hear_output(self, hand: Hand, output: int) -> None:
        if not hand.hear(output):
            self._listener.remove(output)

    def _finish(self, hand: Hand, job: Running, message: Mapping[str, Any]) -> None:
        """A worker has sent its last message about a job."""
        hand.drain()
        if job.assignment.needs.memory is not None:
            hand.zygote.send({"do": "unwatch", "pid": hand.pid})
        self._drop(hand, job)
        self._reports.append(endings.finished(job, message, hand))
        hand.cpu += message["usage"]["cpu"]
        hand.peak = message["usage"]["memory_peak"]
        if "loaded" in message:
            hand.zygote.share(message["loaded"])
        if message.get("stained"):
            hand.leaving = True
        if not hand.leaving:
            self._shelf.put(hand)
            if self._shelf.size > self._most_idle:
                self._retire(self._shelf.oldest())

    def _retire(self, hand: Hand) -> None:
        """An idle worker may go: the end of its socket ends it."""
        self._shelf.drop(hand)
        hand.leaving = True
        self._listener.remove(hand.socket)
        hand.socket.close()

    def _drop(self, hand: Hand, job: Running) -> None:
        hand.job = None
        self._doing.pop(job.assignment.ticket, None)
        self._timed.pop(job.assignment.ticket, None)

    def _gone(self, hand: Hand, message: Mapping[str, Any]) -> None:
        """A worker is no more. What it had sent before counts, unless it was being ended."""
        if hand.job is not None and not hand.job.reason:
            self._hear(hand)
        hand.drain()
        job = hand.job
        if job is not None:
            self._drop(hand, job)
            self._reports.append(endings.ended(job, message, hand))
        elif not hand.leaving and os.WIFSIGNALED(int(message.get("status", 0))):
            self._miss(hand)
        self._forget(hand)

    def _miss(self, hand: Hand) -> None:
        """A worker that waited is there no more, and nobody here has sent it away."""
        if hand.job is None:
            text = f"a worker that waited (process {hand.pid}) was ended from outside"
            self._reports.append(Seen(NOBODY, time.monotonic(), "worker lost", text))
            hand.leaving = True

    def _forget(self, hand: Hand) -> None:
        self._shelf.drop(hand)
        self._spares.drop(hand)
        for source in (hand.socket, hand.out, hand.error):
            self._listener.remove(source)
        self._hands.pop(hand.number, None)
        self._unborn.pop(hand, None)
        self._by_pid.pop(hand.pid, None)
        hand.close()

    def _lose(self, zygote: ZygoteProcess) -> None:
        """A zygote has ended; its workers with it, and nothing of theirs may stay."""
        self._listener.remove(zygote.socket)
        hands = [hand for hand in self._hands.values() if hand.zygote is zygote]
        words = self._zygotes.lose(zygote, [hand.pid for hand in hands if hand.pid])
        if not any(hand.job for hand in hands):
            text = f"{words}; no task was lost with it"
            self._reports.append(Seen(NOBODY, time.monotonic(), "worker lost", text))
        for hand in hands:
            self._gone(hand, {"status": 0, "reason": "zygote", "why": words})

    def _end(self, ticket: Ticket, reason: str) -> None:
        hand = self._doing.get(ticket)
        if hand is None or hand.job is None or hand.job.reason:
            return
        hand.job.reason = reason
        hand.job.give_up = time.monotonic() + _PATIENCE
        self._timed[ticket] = hand.job
        if hand.pid:
            self._kill(hand, hand.job)

    def _kill(self, hand: Hand, job: Running) -> None:
        hand.zygote.send({"do": "end", "pid": hand.pid, "reason": job.reason})

    def _look_at_clock(self) -> None:
        now = time.monotonic()
        for ticket, job in list(self._timed.items()):
            if job.deadline > now:
                continue
            if not job.reason:
                self._end(ticket, "timeout")
                continue
            hand = self._doing[ticket]
            self._gone(hand, {"status": 9, "reason": job.reason})

    def _look_at_unborn(self) -> None:
        """Workers that a zygote owes for very long: then it hangs, and another is needed."""
        since = time.monotonic() - _BIRTH
        for zygote in {hand.zygote for hand, asked in self._unborn.items() if asked < since}:
            zygote.kill()
