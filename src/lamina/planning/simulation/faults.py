"""What goes wrong in a world: deployments that fail or hang, work that breaks, outages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import inf

import numpy as np

from lamina.errors import UnknownNameError, UsageError

REFUSAL = 0.5
"""Seconds until a runtime that cannot be had says so."""


@dataclass(frozen=True)
class Outage:
    """A runtime cannot be had for a while.

    Args:
        runtime: its name.
        begins: seconds of the clock.
        ends: seconds of the clock.
        hangs: deployments wait until it is over; else they are refused at once.
    """

    runtime: str
    begins: float
    ends: float
    hangs: bool = False


@dataclass(frozen=True)
class Faults:
    """What goes wrong, besides bad luck.

    Args:
        failures: part of the deployments that end with an error, after half of their time.
        hangs: part of them that never end.
        breaks: part of the attempts that break down at work.
        away: part of the time in which a runtime that is deployed cannot be had; it hangs then.
        spell: mean seconds of such a spell.
        outages: further ones, at times that are given.

    Raises:
        UsageError: a part is none, or an outage ends before it begins.
    """

    failures: float = 0.0
    hangs: float = 0.0
    breaks: float = 0.0
    away: float = 0.0
    spell: float = 3600.0
    outages: tuple[Outage, ...] = ()

    def __post_init__(self) -> None:
        for name in ("failures", "hangs", "breaks", "away"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UsageError(
                    f"faults: {name} is {getattr(self, name)}", "give a part of at least 0, below 1"
                )
        if self.failures + self.hangs >= 1.0 or not self.spell > 0.0:
            raise UsageError(
                f"faults: failures {self.failures}, hangs {self.hangs}, spell {self.spell}",
                "failures and hangs together are below 1, a spell has more than 0 seconds",
            )
        for one in self.outages:
            if not one.begins < one.ends:
                raise UsageError(
                    f"an outage of {one.runtime!r} from {one.begins} to {one.ends} s",
                    "it ends after it begins",
                )

    def checked(self, runtimes: Collection[str]) -> None:
        """Raises an `UnknownNameError` for an outage of a runtime that is not there."""
        for one in self.outages:
            if one.runtime not in runtimes:
                raise UnknownNameError("runtime", one.runtime, runtimes)


class Calendar:
    """When one runtime cannot be had.

    Args:
        outages: those of the runtime.
    """

    def __init__(self, outages: Iterable[Outage]) -> None:
        self._outages = sorted(outages, key=lambda one: one.begins)
        self._begins = [one.begins for one in self._outages]
        # One that covers later ones must still be found behind them.
        self._longest = 0.0
        for one in self._outages:
            self._longest = max(self._longest, one.ends - one.begins)

    def at(self, now: float) -> Outage | None:
        """The outage that holds now; of several the one that ends last."""
        found: Outage | None = None
        for place in range(bisect_right(self._begins, now) - 1, -1, -1):
            one = self._outages[place]
            if one.begins < now - self._longest:
                break
            if now < one.ends and (found is None or one.ends > found.ends):
                found = one
        return found

    def __bool__(self) -> bool:
        return bool(self._outages)


def spells(source: np.random.Generator, runtime: str, end: float, faults: Faults) -> list[Outage]:
    """Spells in which a runtime is away, by chance, until a time."""
    found: list[Outage] = []
    if not faults.away:
        return found
    between = faults.spell * (1.0 - faults.away) / faults.away
    # It may be away as the clock begins, as at any other time.
    now = 0.0 if source.random() < faults.away else float(source.exponential(between))
    while now < end:
        over = now + float(source.exponential(faults.spell))
        found.append(Outage(runtime, now, over, hangs=True))
        now = over + float(source.exponential(between))
    return found


def calendars(
    sources: Mapping[str, np.random.Generator], end: float, faults: Faults
) -> dict[str, Calendar]:
    """Runtime -> when it cannot be had; sources are those of runtimes that are deployed."""
    found = {name: spells(source, name, end, faults) for name, source in sources.items()}
    for one in faults.outages:
        if one.runtime in found:
            found[one.runtime].append(one)
    return {name: Calendar(outages) for name, outages in found.items()}


def deployed(
    calendar: Calendar, faults: Faults, luck: float, at: float, seconds: float
) -> tuple[float, float]:
    """What becomes of a deployment that would take so many seconds.

    Args:
        calendar: of its runtime.
        faults: what goes wrong.
        luck: between 0 and 1.
        at: when it begins.
        seconds: that it would take.

    Returns:
        Seconds until it is up, and until it is refused; what does not happen takes infinitely long.
    """
    outage = calendar.at(at) if calendar else None
    if outage is not None and not outage.hangs:
        return inf, REFUSAL
    if luck < faults.failures:
        return inf, 0.5 * seconds
    if luck < faults.failures + faults.hangs:
        return inf, inf
    return seconds + (outage.ends - at if outage is not None else 0.0), inf
