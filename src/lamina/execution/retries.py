"""Whether a failed attempt is repeated, with what, and after how long."""

from __future__ import annotations

import math
from dataclasses import dataclass
from zlib import crc32

from lamina.workflow.needs import Care, Needs, raised

REASON_OF = {"failed": "error", "timeout": "time", "memory": "memory", "lost": "lost"}
"""Status of an attempt -> the reason that a task's `retry` names."""

LONGEST = 300.0
"""Seconds that no pause is longer than."""


@dataclass(frozen=True, slots=True)
class Again:
    """The next attempt. delay: seconds until it may begin; reason: for the record."""

    needs: Needs
    delay: float
    reason: str


def again(
    care: Care, needs: Needs, status: str, tries: int, policy: tuple[int, float, str]
) -> Again | None:
    """The next attempt of a task whose attempt ended badly; None when there is none.

    Args:
        care: how the task is treated.
        needs: what the attempt had.
        status: how it ended.
        tries: attempts that have failed, this one included.
        policy: retries for tasks that do not say, seconds of the first pause, and a text that
            the jitter follows from: the same text gives the same pauses.
    """
    retries, base, seed = policy
    reason = REASON_OF.get(status, "")
    most = retries if care.retries is None else care.retries
    if reason not in care.retry or tries > most:
        return None
    return Again(raised(needs, reason), pause(base, tries, seed), f"retry: {reason}")


def pause(base: float, tries: int, seed: str) -> float:
    """Seconds before the next attempt: base, 2 base, 4 base, ..., each times 0.5 to 1.5.

    Jitter keeps tasks that failed together from coming back together.
    """
    share = crc32(f"{seed}:{tries}".encode()) / 2**32
    return min(LONGEST, base * math.ldexp(1.0, min(tries - 1, 60)) * (0.5 + share))
