"""What a policy may not ask for: it is told so at once, as its author has to know."""

from __future__ import annotations

from collections.abc import Collection

from lamina.errors import UsageError
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.sight import Placed
from lamina.planning.placement.view import Attempt
from lamina.planning.placement.words import Job


def check_known(policy: Policy, job: Job, runtime: str, known: Collection[str]) -> None:
    """A runtime that is requested is one of those that the job may run on.

    Raises:
        UsageError: it is none.
    """
    if runtime not in known:
        raise UsageError(
            f"policy {policy.name!r} asks for runtime {runtime!r} for job {job.name!r}",
            f"it may run on: {', '.join(known)}",
        )


def startable(policy: Policy, placed: Placed, runtime: str, shared: bool) -> Attempt:
    """The attempt that a policy starts.

    Raises:
        UsageError: it is not ready, or shares items that cannot be divided.
    """
    attempt = placed.attempts.get(runtime)
    if attempt is None or attempt.state != "ready":
        state = "nothing" if attempt is None else attempt.state
        raise UsageError(
            f"policy {policy.name!r} starts job {placed.job.name!r} on {runtime!r}, "
            f"where it has {state}",
            "start what is ready",
        )
    if shared and not placed.job.divisible:
        raise UsageError(
            f"policy {policy.name!r} shares job {placed.job.name!r}, whose items cannot be divided",
            "start it whole",
        )
    return attempt
