"""What every way to find strange runs does, whatever it learns with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from lamina.diagnosis.detectors.base import Arrays, Fitting, Parts
from lamina.diagnosis.runs import Floats, Run
from lamina.errors import DataError

FEWEST = 5
"""Runs known to be normal from which on something can be learnt."""

FALSE_ALARMS = 0.05
"""Share of normal runs above the threshold, where nothing else is asked for."""

_FOLDS = 10
_ALONE = 30
"""Runs up to which each is left out by itself when the threshold is found."""


@dataclass(frozen=True)
class Reason:
    """Jobs of a type whose phase makes a run strange.

    Args:
        kind: type of the jobs.
        phase: of `lamina.workflow.log.PHASES`; "cpu" for seconds of CPU, "programs" for how many
            of a job's programs left a record.
        jobs: those furthest from usual, most first.
        seconds: mean over the jobs of the type; of programs their number.
        usual: the same in normal runs.
        share: of what makes the run strange, 0 to 1.
    """

    kind: str
    phase: str
    jobs: tuple[str, ...]
    seconds: float
    usual: float
    share: float


class Novel(Protocol):
    """What was learnt from normal runs."""

    @property
    def threshold(self) -> float:
        """The score above which a run is called strange."""
        ...

    @property
    def false_alarms(self) -> float:
        """Share of normal runs that are expected above the threshold."""
        ...

    def scores(self, runs: Sequence[Run]) -> Floats:
        """How strange each run is, (n,); more is stranger."""
        ...

    def reasons(self, run: Run, most: int = 5) -> tuple[Reason, ...]:
        """What makes a run strange, the weightiest first; empty where nothing does."""
        ...

    def to_parts(self) -> Parts:
        """What `Novelty.restore` makes the same again from."""
        ...


class Novelty(Protocol):
    """A way to find strange runs; made without arguments. `title` says in one line what it is."""

    title: ClassVar[str]

    def fit(self, normal: Sequence[Run], how: Fitting) -> Novel:
        """Learns from runs in which nothing went wrong.

        Args:
            normal: at least `FEWEST`, of one workflow.
            how: seed, device, options; every way takes `false_alarms`.

        Raises:
            DataError: too few runs; an unknown option, or a value that it cannot have.
        """
        ...

    def restore(self, document: Mapping[str, Any], arrays: Arrays) -> Novel:
        """What was learnt, from its parts.

        Raises:
            BundleError: parts that do not belong together.
        """
        ...


def options_of(told: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Options with the defaults of those that are not told.

    Raises:
        DataError: an option that is not known; a rate of false alarms that is none.
    """
    defaults = {"false_alarms": FALSE_ALARMS, **known}
    odd = sorted(set(told) - set(defaults))
    if odd:
        raise DataError(
            f"options {', '.join(odd)} are not known here",
            f"known: {', '.join(sorted(defaults))}",
        )
    found = {**defaults, **told}
    for name, value in found.items():
        kind = type(defaults[name])
        if isinstance(value, bool) or not isinstance(value, (kind, int)):
            raise DataError(f"option {name} cannot be {value!r}", f"give a {kind.__name__}")
    if not 0 < found["false_alarms"] < 0.5:
        raise DataError(
            f"false_alarms cannot be {found['false_alarms']}",
            "give the share of normal runs that may be called strange: above 0, below 0.5",
        )
    return found


def enough(normal: Sequence[Run]) -> None:
    """Raises DataError where there are too few runs, or runs without a job."""
    told = [run for run in normal if len(run.table)]
    if len(told) < FEWEST:
        raise DataError(
            f"{len(told)} runs are too few to know what is normal",
            f"give at least {FEWEST} runs in which nothing went wrong; 20 are good",
        )


def left_out(
    normal: Sequence[Run],
    score: Callable[[Sequence[Run], Sequence[Run]], Floats],
    folds: int | None = None,
) -> Floats:
    """What normal runs score where they were not learnt from, (n, ...).

    Args:
        normal: runs, in any order.
        score: takes runs to learn from and runs to score.
        folds: how many parts are left out in turn; None for each run by itself up to 30 runs,
            ten parts of more.
    """
    count = len(normal)
    parts = min(folds or (count if count <= _ALONE else _FOLDS), count)
    found: dict[int, Floats] = {}
    for part in range(parts):
        out = [place for place in range(count) if place % parts == part]
        rest = [run for place, run in enumerate(normal) if place % parts != part]
        told = score(rest, [normal[place] for place in out])
        found.update(zip(out, told, strict=True))
    return np.array([found[place] for place in range(count)])


def threshold_of(scores: Floats, false_alarms: float) -> float:
    """The score above which a new normal run lies with the probability `false_alarms`.

    Scores are taken as normally distributed with an unknown mean and deviation, so that few of
    them give a wide bound: the upper end of a prediction interval of Student's t.

    Args:
        scores: of normal runs that were not learnt from.
        false_alarms: above 0, below 0.5.
    """
    from lamina.diagnosis.novelty.tails import student_bound

    count = len(scores)
    spread = float(np.std(scores, ddof=1) * np.sqrt(1 + 1 / count))
    return float(np.mean(scores)) + student_bound(false_alarms, count - 1) * spread
