"""Placing runs of the tests: real pods on local and emulated sites, driven to their end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any

from placed_pods import FUNCTIONS, LIMITS

from lamina.execution.placing.driver import Driver, How
from lamina.execution.placing.items import Item
from lamina.execution.placing.pods import Limits
from lamina.execution.placing.site import Errand, Place, Setting, Site
from lamina.execution.placing.sites.emulated import Chances, Emulated
from lamina.execution.placing.sites.local import Local
from lamina.planning.placement.health import Rules
from lamina.planning.placement.log import Entry, LogWriter
from lamina.planning.placement.words import Job, Runtime
from lamina.planning.policies import made
from lamina.planning.simulation.world import Draw

EDGE = Runtime("edge", standby=True, capacity=1)
GPU = Runtime("gpu1", devices=1)
RULES = Rules(pause=0.05, look_again=0.5, timeout=60.0, tries=4)


@dataclass
class Told(Chances):
    """What a test says that attempts meet: runtime -> the draws of its tries, the last for all."""

    draws: Mapping[str, tuple[Draw, ...]]
    faults: Mapping[str, str] = field(default_factory=dict)

    def draw(self, errand: Errand, runtime: str) -> Draw:
        told = self.draws[runtime]
        return told[min(errand.tries, len(told)) - 1]

    def probe(self, runtime: str, at: float) -> float | None:
        first = self.draws[runtime][0]
        return None if first.refused < inf else first.deploy

    def fault(self, errand: Errand, runtime: str) -> str:
        return self.faults.get(runtime, "kill")


def local(
    folder: Path, runtime: Runtime, storage: str = "", function: str = "work",
    limits: Limits = LIMITS, **settings: Any,
) -> Place:  # fmt: skip
    """A local site that serves a function of the tests."""
    how = Setting(
        runtime, settings, f"{FUNCTIONS}:{function}", folder, folder / "pods", storage, 1.0, limits
    )
    return Place(runtime, Local(how), storage)


def emulated(
    folder: Path, runtime: Runtime, chances: Chances, scale: float = 1.0, limits: Limits = LIMITS
) -> Place:
    """An emulated site."""
    how = Setting(runtime, {}, "none:none", folder, folder / "pods", "", scale, limits)
    return Place(runtime, Emulated(how, chances))


def places(*given: Place) -> dict[str, Place]:
    """By their names."""
    return {one.runtime.name: one for one in given}


def numbered(count: int) -> tuple[Item, ...]:
    """Items that are plain numbers."""
    return tuple(Item(str(n), value=n) for n in range(count))


@dataclass
class Drive:
    """A driver with its log.

    Args:
        folder: for results and the log.
        where: places by their names.
        policy: who decides.
    """

    folder: Path
    where: dict[str, Place]
    policy: str
    how: How = field(default_factory=How)
    heard: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = self.how.known or {
            name: tuple(
                (stage, n, 0.05 * n if stage == "processing" else 0.2)
                for n in (10.0, 100.0)
                for stage in ("upload", "deployment", "warm", "processing", "fetch")
            )
            for name in self.where
        }
        how = replace(
            self.how, name="test", results=self.folder / "results", rules=RULES, known=known
        )
        self.log = LogWriter(self.folder / "log.jsonl")
        self.driver = Driver(self.where, made(self.policy), how, self.log, self.heard.append)

    def give(self, name: str, items: tuple[Item, ...], divisible: bool = True) -> None:
        """A job."""
        size = float(sum(item.size for item in items))
        self.driver.submit(Job(name, len(items), 0.0, size, 0.0, divisible), items)

    def run(self) -> None:
        """To the end of all jobs."""
        self.driver.finish()
        try:
            self.driver.run()
        finally:
            self.log.close()

    def kinds(self, kind: type[Any]) -> list[Any]:
        """What was heard of a kind."""
        return [entry.what for entry in self.heard if isinstance(entry.what, kind)]

    def sites(self) -> list[Site]:
        """All of them."""
        return [place.site for place in self.where.values()]
