"""Scenarios: what a simulation is to play, in the words of a command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lamina.errors import UnknownNameError, UsageError
from lamina.planning.placement.words import Job, Runtime
from lamina.planning.simulation.faults import Faults, Outage
from lamina.planning.simulation.generator import AFTER, Drawn, Plan
from lamina.planning.simulation.laws import (
    IMAGE_BYTES,
    REGIMES,
    RESULT_BYTES,
    SLOT,
    stream,
)
from lamina.planning.simulation.traces import (
    PlayedLink,
    played,
    read_deployments,
    read_workload,
)
from lamina.planning.simulation.workloads import batch_sizes
from lamina.planning.simulation.world import World

__all__ = ["CLOCKS", "DAY", "PAPER_RUNTIMES", "Faults", "Outage", "Scenario"]

DAY = 86_400.0
CLOCKS = ("ours", "paper")
PAPER_RUNTIMES: Mapping[str, Runtime] = {
    "edge": Runtime("edge", standby=True, capacity=1),
    "cpu": Runtime("cpu"),
    "gpu1": Runtime("gpu1", devices=1),
    "gpu2": Runtime("gpu2", devices=2),
}


@dataclass(frozen=True)
class Scenario:
    """What a simulation plays; a seed makes a world of it.

    Args:
        workload: "ecdf" for the law of the paper's batch sizes; else a CSV file with the column
            `images`, or sizes, in their order and from the beginning again when they are through.
        deployments: runtime -> CSV file with the columns `epoch,deploy_s`, drawn from in blocks;
            the others take the law of their kind.
        bandwidth: logs of a link; the law of the paper's unless given.
        regime: of what laws draw: "calm", "usual" or "busy"; several with ">" between them follow
            each other, each for an equal part of the time.
        batches: how many come.
        period: seconds between two of them.
        divisible: whether their items may be done apart.
        clock: "ours" from ready to results back; "paper" leaves out warm-up and the way back.
        faults: what goes wrong.
        runtimes: name -> runtime.

    Raises:
        UsageError: a value that does not fit.
        DataError: a file that cannot be used.
    """

    workload: str | Path | Sequence[int] = "ecdf"
    deployments: Mapping[str, Path] = field(default_factory=dict)
    bandwidth: tuple[Path, ...] = ()
    regime: str = "usual"
    batches: int = 162
    period: float = DAY / 162
    divisible: bool = True
    clock: str = "ours"
    faults: Faults = field(default_factory=Faults)
    runtimes: Mapping[str, Runtime] = field(default_factory=lambda: dict(PAPER_RUNTIMES))

    def __post_init__(self) -> None:
        if self.clock not in CLOCKS:
            raise UsageError(f"clock {self.clock!r}", f"choose from: {', '.join(CLOCKS)}")
        if self.batches < 1 or not self.period >= 0.0:
            raise UsageError(
                f"{self.batches} batches, one every {self.period} s",
                "at least one batch, and a period of at least 0",
            )
        for name in self.regime.split(">"):
            if name.strip() not in REGIMES:
                raise UnknownNameError("regime", name.strip(), REGIMES)
        self._check_files()
        self.faults.checked(self.runtimes)
        for one in self.faults.outages:
            if self.runtimes[one.runtime].standby:
                raise UsageError(
                    f"an outage of {one.runtime!r}, which stands ready",
                    "an outage is of a runtime that is deployed",
                )

    def _check_files(self) -> None:
        if not isinstance(self.workload, (str, Path)) and not self.workload:
            raise UsageError("a workload without a batch", 'give sizes, a file, or "ecdf"')
        for name in self.deployments:
            if name not in self.runtimes:
                raise UnknownNameError("runtime", name, self.runtimes)
            if self.runtimes[name].standby:
                raise UsageError(
                    f"deployment times of {name!r}, which stands ready",
                    "give those of a runtime that is deployed",
                )

    def world(self, seed: int) -> World:
        """What would happen, for all policies alike."""
        sizes = self._sizes(seed)
        jobs = [
            Job(
                f"batch-{place:04d}", size, place * self.period, size * IMAGE_BYTES,
                size * RESULT_BYTES, self.divisible,
            )
            for place, size in enumerate(sizes)
        ]  # fmt: skip
        minutes = int((jobs[-1].ready + AFTER) / SLOT) + 1
        series = {name: read_deployments(Path(file)) for name, file in self.deployments.items()}
        link = None
        if self.bandwidth:
            files = [Path(file) for file in self.bandwidth]
            link = PlayedLink(files, stream(seed, "link of files"))
        regimes = tuple(REGIMES[name.strip()] for name in self.regime.split(">"))
        plan = Plan(
            seed, self.clock, regimes, self.faults, link,
            played(series, minutes, stream(seed, "deployments of files")) if series else {},
        )  # fmt: skip
        return Drawn(self.runtimes, jobs, plan)

    def _sizes(self, seed: int) -> list[int]:
        if self.workload == "ecdf":
            sizes: list[int] = batch_sizes(stream(seed, "workload"), self.batches).tolist()
            return sizes
        if isinstance(self.workload, (str, Path)):
            given = read_workload(Path(self.workload))
        else:
            given = [int(one) for one in self.workload]
        return [given[place % len(given)] for place in range(self.batches)]
