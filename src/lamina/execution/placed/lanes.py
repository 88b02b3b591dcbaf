"""Where tasks of workflows can be placed: lanes of worker processes, with the delays of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lamina.estimates import PREDICTORS
from lamina.estimates.kinds import KindEstimates
from lamina.execution.placed.amounts import SERVES, labels_of, serves
from lamina.execution.runtimes.base import Assignment
from lamina.planning.placement.policy import OURS
from lamina.planning.placement.words import Runtime
from lamina.planning.simulation.world import Draw
from lamina.workflow.graph import Task

if TYPE_CHECKING:
    from lamina.execution.placed.services import Service
    from lamina.execution.placing.laws import Laws

AT_ONCE = Draw(item=0.0)
"""What attempts meet on a lane that stands ready and delays nothing."""


@dataclass(frozen=True)
class Lane:
    """A runtime of a profile, as far as tasks of workflows are concerned.

    Its tasks run in worker processes of this machine, as all tasks do; how many at once, with how
    many threads, with which devices and variables is its own. Those of a service run in its pods.

    Args:
        runtime: as placers know it.
        threads: of numeric libraries; those that the task asks for when None.
        gpus: ids of the devices that its tasks see.
        environment: variables that its tasks have besides those of all.
        laws: delays of an emulated runtime; None for one that is as it is.
        scale: seconds of these delays in a second of this machine.
        service: whose pods run them, of the one function that they serve; None for workers.
    """

    runtime: Runtime
    threads: int | None = None
    gpus: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    laws: Laws | None = None
    scale: float = 1.0
    service: Service | None = None

    def assigned(self, given: Assignment) -> Assignment:
        """An assignment as workers of this lane get it."""
        needs = given.needs
        if self.threads is not None:
            needs = replace(needs, cpus=float(self.threads))
        told = replace(
            given, needs=needs, gpus=self.gpus, environment=tuple(sorted(self.environment.items()))
        )
        return told if self.service is None else self.service.assigned(told)

    def draw(self, job: str, items: int, tries: int) -> Draw:
        """What an attempt meets there."""
        if self.laws is None:
            return AT_ONCE
        drawn = self.laws.draw(f"{self.runtime.name} {job}", items, 0.0, tries)
        return replace(
            drawn,
            **{
                name: getattr(drawn, name) / self.scale
                for name in ("deploy", "refused", "warm", "start", "item", "fetch", "breaks")
            },
        )

    def estimates(self) -> KindEstimates:
        """Estimates that know nothing."""
        stages: tuple[str, ...] = ("processing",)
        if self.laws is not None:
            stages = ("deployment", "warm", "processing")
        elif self.service is not None and not self.runtime.standby:
            stages = ("deployment", "processing")
        usual = PREDICTORS.get(OURS["processing"])
        return KindEstimates({one: PREDICTORS.get(OURS[one])() for one in stages}, usual)


def serving(lanes: Mapping[str, Lane], tasks: Iterable[Task]) -> dict[str, Lane]:
    """Lanes that say by labels which of these tasks they run: a service those of its function.

    Where no lane is a service's, nothing is said: each runs all.
    """
    if not any(lane.service for lane in lanes.values()):
        return dict(lanes)
    all_of_them = {serves(task) for task in tasks}
    found = {}
    for name, lane in lanes.items():
        own = {f"{SERVES}{lane.service.function}"} if lane.service else all_of_them
        labels = lane.runtime.labels | own
        found[name] = replace(lane, runtime=replace(lane.runtime, labels=labels))
    return found


def needs_of(lanes: Mapping[str, Lane], task: Task) -> frozenset[str]:
    """Labels that a lane must have to run a task: its own, and that of its function."""
    served = {serves(task)} if any(lane.service for lane in lanes.values()) else set()
    return labels_of(task) | served
