"""Logs of placing runs that were simulated, written as a real run writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lamina.planning.placement.log import Begun, Entry, What, write
from lamina.planning.placement.words import Command, Event
from lamina.planning.policies import made
from lamina.planning.simulation.clock import Simulator
from lamina.planning.simulation.scenarios import Scenario
from lamina.planning.simulation.world import World


def write_log(
    path: Path, policy: str = "share", batches: int = 20, divisible: bool = True,
    world: World | None = None,
) -> Simulator:  # fmt: skip
    """Simulates a policy and writes the log of it."""
    world = world or Scenario(batches=batches, divisible=divisible).world(1)
    simulator = Simulator(world, made(policy))
    dispatcher, ledger = simulator.dispatcher, simulator.dispatcher.ledger
    known = {
        name: tuple((s, float(n), t) for s, n, t in world.history(name)) for name in world.runtimes
    }
    entries = [Entry(0.0, Begun(policy, tuple(world.runtimes.values()), known=known))]
    handle = dispatcher.handle

    def noted(event: Event, now: float) -> list[Command]:
        before = len(ledger.decisions), len(ledger.usages), len(ledger.outcomes)
        found = handle(event, now)
        told: Sequence[What] = [
            event,
            *ledger.decisions[before[0] :],
            *ledger.usages[before[1] :],
            *list(ledger.outcomes.values())[before[2] :],
        ]
        entries.extend(Entry(now, what) for what in told)
        return found

    vars(dispatcher)["handle"] = noted
    simulator.run()
    write(path, entries)
    return simulator
