"""What tasks can run on, and what lies between: resources with speed and price, and the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite

from lamina.errors import PlanError

HOUR = 3600.0
"""Seconds of a billing interval, where nobody says."""


@dataclass(frozen=True)
class Resource:
    """A kind of machine, of which there may be several.

    Args:
        name: unique among the resources of a problem.
        speed: how much faster it is than the machine that run times are told for.
        times: task -> seconds that it takes here, where that is not its time over the speed.
        price: of one billing interval of one machine.
        interval: seconds of a billing interval; one that has begun is paid in full.
        delay: seconds from asking for a machine until it is ready; they are paid as well.
        labels: what it offers or stands for: "gpu", "edge".
        count: how many there are; None for as many as are asked for.
        shared: whether its machines share a disk, so that nothing is transferred between them.

    Raises:
        PlanError: all mistakes at once.
    """

    name: str
    speed: float = 1.0
    times: Mapping[str, float] = field(default_factory=dict)
    price: float = 0.0
    interval: float = HOUR
    delay: float = 0.0
    labels: frozenset[str] = frozenset()
    count: int | None = 1
    shared: bool = False

    def __post_init__(self) -> None:
        mistakes = [*_above("speed", self.speed), *_above("interval", self.interval)]
        mistakes += [*_least("price", self.price), *_least("delay", self.delay)]
        for task, seconds in self.times.items():
            mistakes += _least(f"time of task {task!r}", seconds)
        if self.count is not None and self.count < 1:
            mistakes.append(f"count is {self.count}; it is at least 1, or any number")
        if not self.name:
            mistakes.append("it has no name")
        if mistakes:
            raise PlanError(f"resource {self.name!r}", mistakes)


@dataclass(frozen=True)
class Link:
    """A way that data takes.

    Args:
        bandwidth: bytes per second.
        latency: seconds that a transfer takes whatever its size.

    Raises:
        PlanError: all mistakes at once.
    """

    bandwidth: float = inf
    latency: float = 0.0

    def __post_init__(self) -> None:
        mistakes = [] if self.bandwidth == inf else list(_above("bandwidth", self.bandwidth))
        mistakes += _least("latency", self.latency)
        if mistakes:
            raise PlanError("a link of the network", mistakes)

    def seconds(self, size: float) -> float:
        """How long so many bytes take."""
        return self.latency + size / self.bandwidth


@dataclass(frozen=True)
class Network:
    """What lies between machines.

    Args:
        link: between any two.
        links: (resource, resource) -> link between their machines, both ways; the same name twice
            stands for two machines of one kind.
    """

    link: Link = field(default_factory=Link)
    links: Mapping[tuple[str, str], Link] = field(default_factory=dict)

    def between(self, one: str, other: str) -> Link:
        """The link between machines of two resources."""
        return self.links.get((one, other)) or self.links.get((other, one)) or self.link


def _above(what: str, value: float) -> Iterator[str]:
    if not (isfinite(value) and value > 0):
        yield f"{what} is {value:g}; it is a number above 0"


def _least(what: str, value: float) -> Iterator[str]:
    if not (isfinite(value) and value >= 0):
        yield f"{what} is {value:g}; it is a number of at least 0"
