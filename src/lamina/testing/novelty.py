"""What every way to find strange runs has to do: the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.novelty.base import FEWEST, Novel, Novelty
from lamina.diagnosis.novelty.measuring import roc_auc
from lamina.diagnosis.runs import Run
from lamina.errors import DataError
from lamina.testing.detectors import made_run, odd_runs

Options = Mapping[str, Any]


def normal_runs(count: int = 20, seed: int = 0) -> list[Run]:
    """Runs in which nothing went wrong, of one batch."""
    return [made_run("normal", "usual", seed + number) for number in range(count)]


def finds_what_is_disturbed(way: Novelty, options: Options) -> None:
    """Runs with disturbed phases are stranger than normal ones, and those above the threshold."""
    novel = _learnt(way, options)
    usual = novel.scores(normal_runs(40, seed=500))
    for label in ("cpu", "loss"):
        strange = novel.scores([made_run(label, "usual", 600 + number) for number in range(20)])
        assert roc_auc(usual, strange) >= 0.9, label
        assert (strange > novel.threshold).mean() >= 0.75, label


def keeps_to_its_rate_of_false_alarms(way: Novelty, options: Options) -> None:
    """Of normal runs that it has not seen, about as many are above the threshold as it says."""
    usual = normal_runs(100, seed=500)
    strict = _learnt(way, {**options, "false_alarms": 0.01})
    loose = _learnt(way, {**options, "false_alarms": 0.3})
    assert (strict.false_alarms, loose.false_alarms) == (0.01, 0.3)
    assert strict.threshold > loose.threshold
    assert (strict.scores(usual) > strict.threshold).mean() <= 0.1
    assert 0.05 <= (loose.scores(usual) > loose.threshold).mean() <= 0.6


def gives_a_score_for_each_run(way: Novelty, options: Options) -> None:
    """One finite number for each run, whatever runs are scored with it, with or without labels."""
    novel = _learnt(way, options)
    runs = [made_run("cpu", "b", 3), made_run("normal", "b", 4), made_run("loss", "c", 5)]
    together = novel.scores(runs)
    assert together.shape == (3,)
    assert np.isfinite(together).all()
    bare = [replace(run, label="", batch="", anomalies=()) for run in runs]
    alone = np.concatenate([novel.scores([run]) for run in bare])
    np.testing.assert_allclose(alone, together, atol=1e-4)
    assert novel.scores([]).shape == (0,)


def takes_runs_that_are_odd(way: Novelty, options: Options) -> None:
    """Other jobs than usual, one job, no job, no usage: an answer, never an error."""
    novel = _learnt(way, options)
    odd = odd_runs()
    assert np.isfinite(novel.scores(odd)).all()
    for run in odd:
        assert all(np.isfinite([one.seconds, one.usual]).all() for one in novel.reasons(run))


def names_what_is_disturbed(way: Novelty, options: Options) -> None:
    """The first reason is a phase that is disturbed, with its seconds and what is usual."""
    novel = _learnt(way, options)
    for label, phases in (("cpu", {"run"}), ("loss", {"stage_in", "stage_out"})):
        run = made_run(label, "usual", 700)
        reasons = novel.reasons(run, most=3)
        first = reasons[0]
        assert first.phase in phases, (label, reasons)
        assert first.seconds > 1.3 * first.usual > 0, reasons
        assert set(first.jobs) <= set(run.table.tasks), reasons
        shares = [one.share for one in reasons]
        assert len(reasons) <= 3, reasons
        assert shares == sorted(shares, reverse=True), reasons
        assert 0 < sum(shares) <= 1 + 1e-9, reasons


def is_the_same_after_saving(way: Novelty, options: Options) -> None:
    """What is restored from its parts says the same; the document is plain."""
    import json

    novel = _learnt(way, options)
    document, arrays = novel.to_parts()
    again = type(way)().restore(json.loads(json.dumps(document)), arrays)
    runs = [made_run("cpu", "b", 3), made_run("normal", "b", 4)]
    np.testing.assert_allclose(again.scores(runs), novel.scores(runs), atol=1e-5)
    assert again.threshold == novel.threshold
    assert again.false_alarms == novel.false_alarms
    assert [one.phase for one in again.reasons(runs[0])] == [
        one.phase for one in novel.reasons(runs[0])
    ]


def learns_the_same_from_the_same_seed(way: Novelty, options: Options) -> None:
    """Equal seeds give equal scores."""
    runs = [made_run("cpu", "b", 3), made_run("normal", "b", 4)]
    first, second = (_learnt(way, options) for _ in range(2))
    np.testing.assert_allclose(first.scores(runs), second.scores(runs), atol=1e-5)
    assert abs(first.threshold - second.threshold) < 1e-5


def refuses_what_it_cannot_learn_from(way: Novelty, options: Options) -> None:
    """Too few runs, and options that it does not have, are told."""
    for runs, told in (
        (normal_runs(FEWEST - 1), options),
        (normal_runs(), {**options, "no-such-option": 1}),
        (normal_runs(), {**options, "false_alarms": 0.9}),
    ):
        try:
            way.fit(runs, Fitting(options=told))
        except DataError as error:
            assert error.way_out, error.message
        else:
            raise AssertionError(f"{len(runs)} runs with {dict(told)} were learnt from")


CONFORMANCE: tuple[Callable[[Novelty, Options], None], ...] = (
    finds_what_is_disturbed,
    keeps_to_its_rate_of_false_alarms,
    gives_a_score_for_each_run,
    takes_runs_that_are_odd,
    names_what_is_disturbed,
    is_the_same_after_saving,
    learns_the_same_from_the_same_seed,
    refuses_what_it_cannot_learn_from,
)
"""Checks that take a way to find strange runs and its options (small ones, where it takes long)."""


def _learnt(way: Novelty, options: Options) -> Novel:
    return way.fit(normal_runs(), Fitting(options=options))
