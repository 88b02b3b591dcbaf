"""What a detector's answer rests on: phases put back to what is usual, the answer asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import log

import numpy as np

from lamina.diagnosis.explain.deviations import Deviations
from lamina.diagnosis.explain.explanation import Salient
from lamina.diagnosis.explain.replay import Schedule
from lamina.diagnosis.runs import Floats, Run
from lamina.diagnosis.verdict import Verdict
from lamina.workflow.log import PHASES

Ask = Callable[[Sequence[Run]], Floats]
"""Runs -> calibrated probabilities, (n, classes)."""

MOST, FEWEST, ROWS = 48, 6, 40_000
"""Pairs of a type of job and a phase that are put back, at most: those with the most excess; in
large runs as few as have so many rows together, but some."""

_LEAST = 1e-300
_SEEN = 0.01
"""Part of an answer that a phase has to carry to be told."""

_FEWEST_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class Judging:
    """A detector beside one run.

    Args:
        verdict: what it says of the run.
        ask: what it says of others; the classes are those of the verdict, in their order.
        asks: runs that it may be asked about at once; fewer where it takes long.
    """

    verdict: Verdict
    ask: Ask = field(repr=False)
    asks: int = 200

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.verdict.probabilities)

    def odds(self, found: Floats) -> Floats:
        """Logarithm of the odds of the verdict's first class, (n,)."""
        place = self.classes.index(self.verdict.first)
        # From the others' sum, which is told finely where the first is nearly sure.
        others = np.delete(found, place, axis=1).sum(axis=1)
        return np.asarray(np.log(found[:, place] + _LEAST) - np.log(others + _LEAST))


@dataclass(frozen=True, eq=False)
class Part:
    """A phase of all jobs of a type.

    Args:
        kind, phase: which.
        rows: of the table.
        cut: (n, phases) seconds above what is usual.
        weight: how much of the probability of the answer rests on it, see `occluded`.
        odds: the same of the logarithm of its odds.
    """

    kind: str
    phase: str
    rows: tuple[int, ...]
    cut: Floats = field(repr=False)
    weight: float = 0.0
    odds: float = 0.0


def above(deviations: Deviations) -> Floats:
    """(n, phases) seconds by which phases took longer than expected at all."""
    found = np.nan_to_num(deviations.cells[:, : len(PHASES)] - deviations.ranked)
    return np.asarray(np.maximum(found, 0.0))


def parts_of(deviations: Deviations) -> list[Part]:
    """The phases of each type that took longer than expected at all, the most seconds first."""
    seconds = above(deviations)
    own = np.array(deviations.table.kinds, dtype=object)
    found = []
    for kind in dict.fromkeys(deviations.table.kinds):
        rows = np.flatnonzero(own == kind)
        for column, phase in enumerate(PHASES):
            cut = np.zeros_like(seconds)
            cut[rows, column] = seconds[rows, column]
            if cut.sum() >= _FEWEST_SECONDS:
                found.append(Part(kind, phase, tuple(rows.tolist()), cut))
    most = max(FEWEST, min(MOST, ROWS // max(len(own), 1)))
    return sorted(found, key=lambda part: -float(part.cut.sum()))[:most]


def occluded(parts: Sequence[Part], run: Run, schedule: Schedule, judging: Judging) -> list[Part]:
    """The parts with what the answer loses without each, those that it rests on first.

    A part counts by the mean of two figures: what the answer loses when the part alone is put back,
    and what it gains when all others are. Where several parts tell the same, the first is nothing;
    where it takes several together, the second is.
    """
    parts = parts[: max(judging.asks // 2 - 1, 1)]
    if not parts:
        return []
    everything = together(parts, np.zeros_like(parts[0].cut))
    cuts = [np.zeros_like(everything), everything, *(part.cut for part in parts)]
    cuts += [everything - part.cut for part in parts]
    found = judging.ask([replaced(run, schedule, cut) for cut in cuts])
    odds, own = judging.odds(found), found[:, judging.classes.index(judging.verdict.first)]
    told = []
    for n, part in enumerate(parts, 2):
        weight, log_odds = (
            float(one[0] - one[n] + one[n + len(parts)] - one[1]) / 2 for one in (own, odds)
        )
        told.append(replace(part, weight=weight, odds=log_odds))
    return sorted(told, key=lambda part: -part.odds)


def replaced(run: Run, schedule: Schedule, cut: Floats) -> Run:
    """The run as it would have been without some seconds."""
    return replace(run, table=schedule.without(cut).table)


def salient(parts: Sequence[Part], run: Run) -> tuple[Salient, ...]:
    """The parts for people, those that change nothing left out."""
    tasks = run.table.tasks
    total = sum(part.odds for part in parts if part.odds > 0) or 1.0
    return tuple(
        Salient(
            part.phase, part.kind, tuple(tasks[row] for row in part.rows), part.weight, part.odds,
            part.odds / total,
        )
        for part in parts
        if abs(part.odds) >= max(log(1.1), _SEEN * total)
    )  # fmt: skip


def turning(
    parts: Sequence[Part], run: Run, schedule: Schedule, judging: Judging, cut: Floats
) -> tuple[list[Part], Floats, Floats] | None:
    """Few parts, by their weight, without which, besides a cut, the answer is another; the seconds
    of both, and the probabilities then. None where there are none."""
    chosen = [part for part in parts if part.odds > 0][: max(judging.asks // 4, 1)]
    cuts, now = [], cut
    for part in chosen:
        now = np.maximum(now, part.cut)
        cuts.append(now)
    if not cuts:
        return None
    found = judging.ask([replaced(run, schedule, one) for one in cuts])
    first = judging.classes.index(judging.verdict.first)
    turned = np.flatnonzero(found.argmax(axis=1) != first)
    if not len(turned):
        return None
    at = int(turned[0])
    return _fewer(chosen[: at + 1], found[at], cut, lambda one: _asked(judging, run, schedule, one))


def needed(
    parts: Sequence[Part], run: Run, schedule: Schedule, judging: Judging, cut: Floats, all_: Floats
) -> list[Part]:
    """Few parts, by their weight, that a detector needs besides a cut for its answer: with all else
    as usual the answer is another without them. None where it is another even with them.

    Args:
        parts, run, schedule, judging: as for `turning`.
        cut: (n, phases) seconds that are named already.
        all_: (n, phases) all seconds above what is expected.
    """
    first = judging.classes.index(judging.verdict.first)

    def stays(kept: Sequence[Floats]) -> list[bool]:
        rests = [np.where(one > 0, 0.0, all_) for one in kept]
        found = judging.ask([replaced(run, schedule, one) for one in rests])
        return [int(one) == first for one in found.argmax(axis=1)]

    if stays([cut])[0]:
        return []
    more = [part for part in parts if part.odds > 0 and (part.cut > cut).any()]
    more = more[: max(judging.asks // 4, 1)]
    cuts = [together(more[:count], cut) for count in range(1, len(more) + 1)]
    enough = [count for count, one in enumerate(stays(cuts) if cuts else [], 1) if one]
    return more[: enough[0]] if enough else []


def _asked(judging: Judging, run: Run, schedule: Schedule, cut: Floats) -> Floats | None:
    """The probabilities without some seconds; None where the answer stays."""
    found = judging.ask([replaced(run, schedule, cut)])[0]
    stays = judging.classes[int(found.argmax())] == judging.verdict.first
    return None if stays else found


def _fewer(
    parts: list[Part], found: Floats, cut: Floats, asked: Callable[[Floats], Floats | None]
) -> tuple[list[Part], Floats, Floats]:
    """Leaves out parts, the lightest first, without which the answer is another all the same."""
    kept = list(parts)
    for part in reversed(parts):
        rest = [one for one in kept if one is not part]
        again = asked(together(rest, cut)) if rest else None
        if again is not None:
            kept, found = rest, again
    return kept, together(kept, cut), found


def together(parts: Sequence[Part], cut: Floats) -> Floats:
    """(n, phases) the seconds of parts and of a cut, none of them twice."""
    return np.asarray(np.maximum.reduce([cut, *(part.cut for part in parts)]))
