"""The engine's side of a worker: its socket, its outputs, and the assignment that it does."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lamina.execution.runtimes.base import AFTER, BEFORE, MAIN, Assignment
from lamina.execution.workers.capture import Capture
from lamina.execution.workers.messages import Inbox, packed
from lamina.execution.workers.zygotes import ZygoteProcess

_PIECE = 1 << 20
_PATIENCE = 30.0
_LEAN = 64 * 2**20
"""Bytes that a worker without a task holds, most of them shared with all others."""

PREFIX = {MAIN: "", BEFORE: "pre_script.", AFTER: "post_script."}
"""What the names of a part's files begin with."""


@dataclass(eq=False)
class Running:
    """An assignment that a worker has.

    Args:
        began: when the worker took it; 0 before.
        reason: why it was ended: "cancelled", "timeout"; empty while nobody has.
        give_up: when its report is made although its worker does not end.
    """

    assignment: Assignment
    secrets: Sequence[str]
    out: Capture
    error: Capture
    began: float = 0.0
    reason: str = ""
    give_up: float = float("inf")

    @classmethod
    def of(cls, assignment: Assignment, secrets: Sequence[str]) -> Running:
        """With the files that its words go to."""
        prefix = PREFIX[assignment.part]
        return cls(
            assignment,
            secrets,
            Capture(assignment.folder, f"{prefix}stdout.txt", secrets),
            Capture(assignment.folder, f"{prefix}stderr.txt", secrets),
        )

    @property
    def deadline(self) -> float:
        """When its time is over; infinity for none, or while it has not begun."""
        if self.reason:
            return self.give_up
        limit = self.assignment.needs.time
        if limit is None or not self.began:
            return float("inf")
        return self.began + limit


@dataclass(frozen=True)
class Key:
    """What workers that may stand in for each other have in common.

    Args:
        threads: of numeric libraries.
        gpus: ids of the devices that they see.
        programs: whether they only start programs, and never hold a user's code.
        home: folder that their tasks' files lie in and import their neighbours from; or empty.
        environment: variables and values of their own.
    """

    threads: int
    gpus: tuple[str, ...]
    programs: bool
    home: str = ""
    environment: tuple[tuple[str, str], ...] = ()


class Hand:
    """A worker, from the request for it to its end.

    Args:
        number: of the worker in its runtime.
        key: what it is for.
        zygote: its parent.
    """

    def __init__(self, number: int, key: Key, zygote: ZygoteProcess) -> None:
        self.number = number
        self.key = key
        self.zygote = zygote
        self.pid = 0
        self.job: Running | None = None
        self.leaving = False
        self.cpu = 0.0
        """Seconds of its attempts so far."""
        self.peak = 0
        """The most bytes that its last attempt held; it may still hold some."""
        self.known = dict(zygote.known)
        self._inbox = Inbox()
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(_PATIENCE)
        self.out, out = _pipe()
        self.error, error = _pipe()
        self._given = [theirs.detach(), out, error]

    @property
    def name(self) -> str:
        """What records call it."""
        return f"local-{self.number}"

    def ask(self, environment: dict[str, str | None]) -> bool:
        """Has it forked; false when its zygote is not there any more."""
        asked = self.zygote.fork(self.number, environment, self.key.home, self._given)
        for descriptor in self._given:
            os.close(descriptor)
        self._given = []
        return asked

    def send(self, message: dict[str, Any]) -> bool:
        """Gives it a job; false when it is not there any more."""
        try:
            self.socket.sendall(packed(message))
        except OSError:
            return False
        return True

    def read(self) -> list[dict[str, Any]] | None:
        """What it has told; None when it is not there any more, or cannot be understood."""
        try:
            # Not the socket's own `recv`, which would wait as long as its `sendall` may.
            data = os.read(self.socket.fileno(), _PIECE)
            return self._inbox.take(data) if data else None
        except (BlockingIOError, InterruptedError):
            return []
        except (OSError, ValueError):
            return None

    def hear(self, descriptor: int) -> bool:
        """Takes what lies in one of its outputs; false at its end."""
        try:
            data = os.read(descriptor, _PIECE)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if data and self.job is not None:
            (self.job.out if descriptor == self.out else self.job.error).take(data)
        return bool(data)

    def drain(self) -> None:
        """Takes everything that lies in its outputs, up to what a pipe can hold."""
        for descriptor in (self.out, self.error):
            for _ in range(4):
                try:
                    data = os.read(descriptor, _PIECE)
                except OSError:
                    break
                if not data:
                    break
                if self.job is not None:
                    (self.job.out if descriptor == self.out else self.job.error).take(data)

    def close(self) -> None:
        """Closes this side."""
        self.socket.close()
        for descriptor in (self.out, self.error, *self._given):
            with suppress(OSError):
                os.close(descriptor)
        self._given = []


def _pipe() -> tuple[int, int]:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    return ours, theirs


class Shelf:
    """Idle workers, the last used first: it is the one that the processor remembers."""

    def __init__(self) -> None:
        self._idle: dict[Key, dict[Hand, None]] = {}
        self.size = 0

    def put(self, hand: Hand) -> None:
        """It is idle now."""
        self._idle.setdefault(hand.key, {})[hand] = None
        self.size += 1

    def take(self, key: Key, limit: int | None = None) -> Hand | None:
        """One of a kind; None when there is none.

        Args:
            limit: bytes that its next attempt may hold: one that has kept much of what earlier
                ones held would not leave it that.
        """
        for hand in reversed(self._idle.get(key, ())):
            if limit is None or 2 * (hand.peak - _LEAN) < limit:
                self.drop(hand)
                return hand
        return None

    def drop(self, hand: Hand) -> None:
        """It is not idle any more, or not there."""
        found = self._idle.get(hand.key, {})
        if hand in found:
            del found[hand]
            self.size -= 1

    def count(self, key: Key) -> int:
        """How many there are of a kind."""
        return len(self._idle.get(key, ()))

    def oldest(self) -> Hand:
        """The one of the largest kind that was idle longest."""
        key = max(self._idle, key=self.count)
        return next(iter(self._idle[key]))
