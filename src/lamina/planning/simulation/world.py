"""What a simulation plays with: jobs as they come, and what each runtime would do with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from lamina.planning.placement.words import Job, Runtime


@dataclass(frozen=True, slots=True)
class Draw:
    """What an attempt meets. All times in seconds.

    Args:
        upload: until its data is there; goes on while it is deployed.
        deploy: until it is up; inf where it never comes up, and somebody has to give up.
        refused: until its deployment fails with an error; inf where it does not.
        warm: from having both to being ready.
        start: of work that comes before the first item (a model is loaded).
        item: of each item.
        fetch: until the results of all items are back.
        breaks: seconds of work after which it breaks down; inf where it does not.
        silent: seconds of work after which nothing more comes from it; `breaks` is when this is
            noticed.
        follows: it is deployed only once its data is there, as the paper's clock adds them up.
    """

    upload: float = 0.0
    deploy: float = 0.0
    refused: float = inf
    warm: float = 0.0
    start: float = 0.0
    item: float = 1.0
    fetch: float = 0.0
    breaks: float = inf
    silent: float = inf
    follows: bool = False

    @property
    def up(self) -> float:
        """Seconds from being requested to being deployed."""
        return self.upload + self.deploy if self.follows else self.deploy

    def total(self, items: int) -> float:
        """From being requested to results back, all items done there."""
        ready = max(self.upload, self.up) + self.warm
        return ready + self.start + self.item * items + self.fetch


class World(ABC):
    """Equal for every policy that is tried in it: what an attempt meets depends on the job, the
    runtime, the number of the try and the time, and on nothing that a policy did before."""

    runtimes: Mapping[str, Runtime]
    jobs: Sequence[Job]
    """As they come, by time."""
    slowing: float = 0.0
    """Part of its speed that a standby runtime loses while it uploads for others."""

    @abstractmethod
    def draw(self, job: int, runtime: str, tries: int, at: float) -> Draw:
        """What the job of a place in `jobs` meets there, at its first try (1) or a later one."""

    @abstractmethod
    def probe(self, runtime: str, at: float) -> float | None:
        """Seconds that a deployment takes there now; None where it fails."""

    @abstractmethod
    def history(self, runtime: str) -> Sequence[tuple[str, int, float]]:
        """What is known when it begins: (stage, items, seconds), two runs of each runtime."""

    def truth(self, job: int) -> Mapping[str, float]:
        """Runtime -> seconds from ready to results back, with nothing else going on there."""
        one = self.jobs[job]
        return {
            name: self.draw(job, name, 1, one.ready).total(one.items)
            for name, runtime in self.runtimes.items()
            if one.needs <= runtime.labels
        }
