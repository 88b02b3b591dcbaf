"""The items of a job: handed out from both ends, and each result counted once."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lamina.planning.placement.words import Pace, Share


@dataclass(frozen=True)
class Item:
    """One thing to be done.

    Args:
        id: unlike that of any other item of the job.
        path: of the file that it is; None for a plain value.
        value: the plain value.
    """

    id: str
    path: Path | None = None
    value: Any = None

    @cached_property
    def size(self) -> int:
        """Bytes that travel."""
        return self.path.stat().st_size if self.path is not None else len(str(self.value))

    @cached_property
    def sha256(self) -> str:
        """Of the file's content; empty for a plain value."""
        if self.path is None:
            return ""
        with self.path.open("rb", buffering=0) as source:
            return hashlib.file_digest(source, "sha256").hexdigest()

    def sent(self, storage: str) -> dict[str, Any]:
        """As a pod is told of it: where it is in a storage, or here where there is none."""
        if self.path is None:
            return {"id": self.id, "value": self.value}
        if not storage:
            return {"id": self.id, "path": str(self.path.absolute())}
        return {"id": self.id, "url": self.url(storage), "sha256": self.sha256}

    def url(self, storage: str) -> str:
        """Where it is kept in a storage: by its content."""
        return f"{storage.rstrip('/')}/{self.sha256}"


@dataclass
class _Hand:
    """What an attempt has.

    Args:
        runtime: where it works.
        head: whether it takes from the head.
        shared: whether it takes what nobody took; else it does all for itself.
        given: places of items that it has and has not done, in its order.
        own: place -> result, of one that does all for itself.
        won: results of it that counted, of one that shares.
        first, until: seconds of its work at the first and the last result that counted.
        gone: whether it has left.
    """

    runtime: str
    head: bool
    shared: bool
    given: deque[int] = field(default_factory=deque)
    own: dict[int, Any] = field(default_factory=dict)
    won: int = 0
    first: float = 0.0
    until: float = 0.0
    gone: bool = False
    next: int = 0


class Basket:
    """Items of a job and what became of them; for many threads.

    Those who share take items that nobody has, from the head or the tail; when there are none left
    they take over, from its far end, what another one has in hand and has not done yet. A result
    that comes a second time counts nowhere.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = tuple(items)
        self.changed = threading.Condition()
        self.repeated = 0
        self._places = {item.id: place for place, item in enumerate(self.items)}
        self._free: deque[int] = deque(range(len(self.items)))
        self._results: dict[int, Any] = {}
        self._hands: dict[int, _Hand] = {}
        self._whole: int | None = None

    def join(self, attempt: int, runtime: str, head: bool, shared: bool) -> None:
        """An attempt begins to work."""
        with self.changed:
            self._hands[attempt] = _Hand(runtime, head, shared)

    def take(self, attempt: int, most: int) -> list[Item]:
        """Items to be done next, at most so many; none where there is nothing left to do."""
        with self.changed:
            hand = self._hands[attempt]
            if hand.gone or self.over:
                return []
            found = self._fresh(hand, most) if hand.shared else self._following(hand, most)
            if not found and hand.shared:
                found = self._others(attempt, most)
            hand.given.extend(found)
            return [self.items[place] for place in found]

    def put(self, attempt: int, rows: Iterable[Mapping[str, Any]]) -> bool:
        """Results of an attempt: {"id", "at", "value"} or "error"; whether all are done by now.

        `at` is in seconds from the beginning of its work.
        """
        with self.changed:
            before, hand = self.over, self._hands[attempt]
            for row in rows:
                place = self._places.get(str(row["id"]))
                if place is None or hand.gone or before:
                    self.repeated += place is not None
                    continue
                if place in hand.given:
                    hand.given.remove(place)
                self._one(attempt, hand, place, row)
            self.changed.notify_all()
            return self.over and not before

    def leave(self, attempt: int) -> None:
        """An attempt is over; what it had in hand is free again, what it did stays done."""
        with self.changed:
            hand = self._hands.get(attempt)
            if hand is None or hand.gone:
                return
            hand.gone = True
            if hand.shared:
                held = {place for one in self._active() for place in one.given}
                back = [p for p in hand.given if p not in self._results and p not in held]
                self._free.extendleft(sorted(back, reverse=True)) if hand.head else (
                    self._free.extend(sorted(back))
                )
            hand.given.clear()
            self.changed.notify_all()

    @property
    def over(self) -> bool:
        """Whether all items are done."""
        return self._whole is not None or len(self._results) == len(self.items)

    def left(self) -> int:
        """Items that nobody has taken."""
        return len(self._free)

    def sharing(self) -> int:
        """How many work on them together now."""
        with self.changed:
            return len(self._active())

    def shares(self) -> dict[int, Share]:
        """Attempt -> what it did that counts."""
        with self.changed:
            if self._whole is not None:
                hand = self._hands[self._whole]
                return {self._whole: Share(len(self.items), hand.until)}
            return {
                number: Share(hand.won, hand.until)
                for number, hand in self._hands.items()
                if hand.shared and hand.won
            }

    def progress(self) -> dict[str, float]:
        """Runtime -> items that it did and that count."""
        found: dict[str, float] = {}
        for number, share in self.shares().items():
            runtime = self._hands[number].runtime
            found[runtime] = found.get(runtime, 0.0) + share.items
        return found

    def paces(self) -> dict[str, Pace]:
        """Runtime -> how far it is that works there now, shared or alone; not where nothing is
        done yet."""
        with self.changed:
            here = [hand for hand in self._hands.values() if not hand.gone]
            counts = [hand.won if hand.shared else len(hand.own) for hand in here]
            return {
                hand.runtime: Pace(count, hand.first, hand.until)
                for hand, count in zip(here, counts, strict=True)
                if count
            }

    def results(self) -> dict[str, Any]:
        """Id of each item that is done -> its result, in the order of the items."""
        with self.changed:
            whole = self._whole
            held = self._results if whole is None else self._hands[whole].own
            return {self.items[place].id: held[place] for place in sorted(held)}

    def _one(self, attempt: int, hand: _Hand, place: int, row: Mapping[str, Any]) -> None:
        result = {name: row[name] for name in ("value", "error") if name in row}
        held = self._results if hand.shared else hand.own
        if place in held:
            self.repeated += 1
            return
        held[place] = result
        hand.until = float(row["at"])
        if not hand.won and len(hand.own) <= 1:
            hand.first = hand.until
        if hand.shared:
            hand.won += 1
        elif len(hand.own) == len(self.items) and self._whole is None:
            self._whole = attempt

    def _active(self) -> list[_Hand]:
        return [one for one in self._hands.values() if one.shared and not one.gone]

    def _fresh(self, hand: _Hand, most: int) -> list[int]:
        found: list[int] = []
        while self._free and len(found) < most:
            place = self._free.popleft() if hand.head else self._free.pop()
            if place not in self._results:
                found.append(place)
        return found

    def _following(self, hand: _Hand, most: int) -> list[int]:
        first = hand.next
        hand.next = min(first + most, len(self.items))
        return list(range(first, hand.next))

    def _others(self, attempt: int, most: int) -> list[int]:
        """From the far end of whoever has most in hand that this one has not."""
        hand = self._hands[attempt]
        options = [
            [p for p in one.given if p not in self._results and p not in hand.given]
            for one in self._active()
            if one is not hand
        ]
        longest = max(options, key=len, default=[])
        count = min(most, (len(longest) + 1) // 2)
        return longest[-count:][::-1] if count else []
