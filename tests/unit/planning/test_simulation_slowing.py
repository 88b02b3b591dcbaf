"""Who stands ready works slower while it uploads; what is done stays done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import pytest

from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import View
from lamina.planning.placement.words import (
    Choice,
    Job,
    Notice,
    Ready,
    Request,
    Runtime,
    Start,
)
from lamina.planning.simulation.clock import Simulator
from lamina.planning.simulation.pool import Worker
from lamina.planning.simulation.world import Draw, World


class Both(Policy):
    """Asks for both and starts the standby alone: the other one's upload only disturbs."""

    name = "both"

    def decide(self, job: Job, view: View) -> Choice:
        return Choice((Request("near"), Request("far")))

    def on_event(self, event: Notice, view: View) -> Choice:
        ready = isinstance(event, Ready) and event.runtime == "near"
        return Choice((Start("near", shared=True),)) if ready else Choice()


class Slow(World):
    """A near and a far runtime; the far one is never up."""

    runtimes: Mapping[str, Runtime]

    def __init__(self, slowing: float, upload: float) -> None:
        self.runtimes = {"near": Runtime("near", standby=True, capacity=1), "far": Runtime("far")}
        self.jobs: Sequence[Job] = [Job("one", 10, divisible=True)]
        self.slowing, self.upload = slowing, upload

    def draw(self, job: int, runtime: str, tries: int, at: float) -> Draw:
        return Draw(item=2.0) if runtime == "near" else Draw(upload=self.upload, deploy=inf)

    def probe(self, runtime: str, at: float) -> float | None:
        return None

    def history(self, runtime: str) -> Sequence[tuple[str, int, float]]:
        stages = ("upload", "deployment", "warm", "processing", "fetch")
        return [(stage, size, 1.0) for stage in stages for size in (1, 2)]


@pytest.mark.parametrize(("slowing", "upload", "took"), [(0.0, 8.0, 20.0), (0.25, 8.0, 22.0)])
def test_an_upload_costs_the_standby_its_part_of_the_time(
    slowing: float, upload: float, took: float
) -> None:
    ledger = Simulator(Slow(slowing, upload), Both()).run()
    assert ledger.outcomes["one"].latency == pytest.approx(took)


def test_what_is_done_stays_done_when_a_worker_is_slowed() -> None:
    worker = Worker("near", begun=0.0, first=0.0, item=1.0, fetch=0.0, shared=True)
    assert worker.done(5.0, 10) == 5
    worker.slowed(2.5, 5.0, 10)
    assert [worker.done(at, 10) for at in (5.0, 7.0, 7.5, 8.5, 12.5)] == [5, 5, 5, 6, 10]
