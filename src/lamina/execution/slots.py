"""Places on a machine: cores, memory and devices, given to attempts and taken back."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from lamina.execution.runtimes.base import Capacity
from lamina.workflow.needs import Needs

_LITTLE = 1e-9
"""Slack for sums of fractions: three thirds of a device are one device."""


@dataclass(frozen=True, slots=True)
class Share:
    """What an attempt was given. part: how much of each device; 1 but for fractions."""

    cpus: float
    memory: int
    gpus: tuple[str, ...] = ()
    part: float = 1.0


class Slots:
    """What is free. Knows nothing of who has the rest.

    Args:
        capacity: all there is.
        most: attempts at once, whatever they need.
    """

    def __init__(self, capacity: Capacity, most: int = 0) -> None:
        self.capacity = capacity
        self._most = most or max(32, 4 * math.ceil(capacity.cpus))
        self._cpus = capacity.cpus
        self._memory = capacity.memory
        self._gpus = dict.fromkeys(capacity.gpus, 1.0)
        self._taken = 0

    @property
    def taken(self) -> int:
        """Attempts that have a place."""
        return self._taken

    def impossible(self, needs: Needs) -> str:
        """Why these needs can never be met; empty where they can."""
        if needs.gpus > len(self.capacity.gpus):
            there = len(self.capacity.gpus) or "no"
            return f"it needs {needs.gpus:g} GPU{'s' * (needs.gpus > 1)} and there {_are(there)}"
        return ""

    def lack(self, needs: Needs) -> str:
        """What a task with these needs will miss, and what comes of it; empty for nothing."""
        why = self.impossible(needs)
        if why:
            return f"{why}: it fails, unless an earlier result stands in for it"
        given, parts = self.fitted(needs), []
        if given.cpus < needs.cpus:
            parts.append(f"{given.cpus:g} of the {needs.cpus:g} cores")
        if (given.memory or 0) < (needs.memory or 0):
            parts.append(f"{_gigabytes(given.memory)} of the {_gigabytes(needs.memory)}")
        return f"it gets {' and '.join(parts)} that it asks for: all there are" if parts else ""

    def fitted(self, needs: Needs) -> Needs:
        """The needs, cut down to the whole machine: a task that wants more gets all of it."""
        cpus = min(needs.cpus, self.capacity.cpus)
        memory = needs.memory
        if memory is not None:
            memory = min(memory, self.capacity.memory)
        if cpus == needs.cpus and memory == needs.memory:
            return needs
        return replace(needs, cpus=cpus, memory=memory)

    def take(self, needs: Needs) -> Share | None:
        """A place for one attempt; None where there is none now."""
        memory = needs.memory or 0
        if self._taken >= self._most or needs.cpus > self._cpus + _LITTLE or memory > self._memory:
            return None
        gpus: tuple[str, ...] = ()
        part = 1.0
        if needs.gpus > 0:
            part = needs.gpus if needs.gpus < 1 else 1.0
            gpus = self._devices(needs.gpus)
            if not gpus:
                return None
        self._taken += 1
        self._cpus -= needs.cpus
        self._memory -= memory
        for gpu in gpus:
            self._gpus[gpu] -= part
        return Share(needs.cpus, memory, gpus, part)

    def give(self, share: Share) -> None:
        """Takes a place back."""
        self._taken -= 1
        self._cpus += share.cpus
        self._memory += share.memory
        for gpu in share.gpus:
            self._gpus[gpu] += share.part
        if not self._taken:  # sums of fractions leave dust
            self._cpus = self.capacity.cpus
            self._gpus = dict.fromkeys(self.capacity.gpus, 1.0)

    def _devices(self, wanted: float) -> tuple[str, ...]:
        """Whole devices, or the fullest one that still has room for a fraction."""
        if wanted < 1:
            room = [gpu for gpu, free in self._gpus.items() if free >= wanted - _LITTLE]
            return (min(room, key=lambda gpu: self._gpus[gpu]),) if room else ()
        count = math.ceil(wanted - _LITTLE)
        whole = [gpu for gpu, free in self._gpus.items() if free >= 1 - _LITTLE]
        return tuple(whole[:count]) if len(whole) >= count else ()


def _gigabytes(count: int | None) -> str:
    return f"{(count or 0) / 1e9:,.1f} GB"


def _are(there: int | str) -> str:
    return "is 1" if there == 1 else f"are {there}" if there != "no" else "is none"
