"""What a task needs of a machine, and how its attempts are treated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REASONS = ("memory", "time", "lost", "error")
"""Why an attempt ends badly: out of memory, out of time, worker lost, an error of its own."""


@dataclass(frozen=True)
class Needs:
    """What one attempt of a task takes.

    Args:
        cpus: cores; 0 for a task that hardly computes.
        memory: bytes that it may hold; None when nobody said.
        gpus: devices; a fraction below 1 shares one.
        time: seconds that it may run; None for no limit.
    """

    cpus: float = 1.0
    memory: int | None = None
    gpus: float = 0.0
    time: float | None = None


@dataclass(frozen=True)
class Placement:
    """That a placer chooses where a task runs, among the runtimes of a profile.

    Args:
        items: input port with the list whose items may be done apart; empty for a task that is
            done as one.
        labels: what a runtime must have.
    """

    items: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Care:
    """How the attempts of a task are treated.

    Args:
        needs: what an attempt takes.
        retries: attempts after the first one; None for what the run says.
        retry: reasons (see REASONS) that a task is repeated for.
        cache: whether results of earlier runs may stand in for it.
        fresh: whether it gets a process of its own rather than one of the warm pool.
        before: argument list of the pre script; runs before the task is submitted.
        after: argument list of the post script; runs after it, failed or not.
        secrets: names of environment variables and ports whose values no record may show.
        environment: names of environment variables that its result depends on.
        placement: how its place is chosen; None where it runs like all others.
    """

    needs: Needs = field(default_factory=Needs)
    retries: int | None = None
    retry: tuple[str, ...] = ("memory", "time", "lost")
    cache: bool = True
    fresh: bool = False
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    placement: Placement | None = None


PLAIN = Care()
"""How a task is treated that says nothing."""


def raised(needs: Needs, reason: str) -> Needs:
    """The needs of the next attempt: twice the memory or the time, where that was the reason."""
    changed: Mapping[str, float | int | None] = {}
    if reason == "memory" and needs.memory is not None:
        changed = {"memory": needs.memory * 2}
    if reason == "time" and needs.time is not None:
        changed = {"time": needs.time * 2}
    return Needs(**{**needs.__dict__, **changed})
