"""What every detector has to do: runs made up to learn from, and the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lamina.diagnosis.calibration import softmax
from lamina.diagnosis.detectors.base import Detector, Fitted, Fitting
from lamina.diagnosis.runs import Collection, Run
from lamina.errors import DataError
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

CLASSES = ("normal", "cpu", "loss")
"""Of the runs made here."""
_KINDS = ("fetch", "align", "merge")
_USUAL: Mapping[str, float] = {
    "submit": 5.0, "queue": 2.0, "stage_in": 8.0, "run": 60.0, "stage_out": 3.0, "post_script": 5.0,
}  # fmt: skip
_DISTURBED: Mapping[str, Mapping[str, float]] = {
    "cpu": {"run": 1.8}, "loss": {"stage_in": 4.0, "stage_out": 3.0},
}  # fmt: skip


def made_run(label: str, batch: str, seed: int, jobs: int = 9, name: str = "") -> Run:
    """A run of a small workflow in which the phases that `label` disturbs take longer.

    Args:
        label: of `CLASSES`, with or without a level, which makes it stronger: "cpu_2".
        batch: those of one batch share a machine, as fast as the letters of its name make it.
        seed: equal seeds give equal runs.
        jobs: how many; of three types, a third each.
        name: of the run; label, batch and seed when empty.
    """
    generator = np.random.default_rng([seed, *batch.encode(), *label.encode()])
    speed = np.exp(0.05 * np.random.default_rng([*batch.encode()]).standard_normal())
    of, _, level = label.partition("_")
    force = float(level) / 2.0 if level else 1.0
    times = {k: 1.0 + (v - 1.0) * force for k, v in _DISTURBED.get(of, {}).items()}
    kinds = tuple(_KINDS[job * len(_KINDS) // jobs] for job in range(jobs))
    begins, ends = np.full((jobs, len(PHASES)), np.nan), np.full((jobs, len(PHASES)), np.nan)
    ready = np.zeros(jobs)
    for job in range(jobs):
        at = ready[job] = 100.0 * _KINDS.index(kinds[job])
        for name_, usual in _USUAL.items():
            factor = times.get(name_, 1.0) * speed * np.exp(0.05 * generator.standard_normal())
            place = PHASES.index(name_)
            begins[job, place], at = at, at + usual * factor
            ends[job, place] = at
    last = np.nanmax(ends, axis=1)
    table = PhaseTable(
        tasks=tuple(f"{kind}_{job}" for job, kind in enumerate(kinds)),
        kinds=kinds,
        hosts=tuple(f"worker-{job % 3}" for job in range(jobs)),
        ready=ready,
        begin=ready,
        end=last,
        phase_begin=begins,
        phase_end=ends,
        seconds=float(last.max()),
        used={"cpu": np.full(jobs, _USUAL["run"]) * speed},
    )
    disturbed = tuple("none" if of == "normal" else of for _ in range(jobs))
    return Run(name or f"{label}-{batch}-{seed}", "made", label, batch, table, disturbed)


def made_runs(
    labels: Sequence[str] = CLASSES, batches: int = 2, each: int = 8, seed: int = 0
) -> Collection:
    """Runs of each label in batches of their own, `each` of them in every batch."""
    runs = [
        made_run(label, f"{label}-b{batch}", seed + number)
        for label in labels
        for batch in range(batches)
        for number in range(each)
    ]
    classes = dict.fromkeys(label.partition("_")[0] for label in labels)
    return Collection(tuple(runs), tuple(classes))


def odd_runs() -> list[Run]:
    """Runs with one job, no job, jobs of a new type, no usage, no times, and far more jobs."""
    whole = replace(made_run("normal", "odd", 3), anomalies=())
    table = whole.table
    return [
        replace(whole, table=table.taken([0])),
        replace(whole, table=table.taken([])),
        replace(whole, table=replace(table, kinds=("new",) * len(table))),
        replace(whole, table=replace(table, used={})),
        replace(whole, table=replace(table, phase_begin=table.phase_begin * np.nan)),
        made_run("normal", "many", 3, jobs=60),
    ]


def tells_what_is_plain(detector: Detector, options: Mapping[str, Any]) -> None:
    """Runs like those that it learnt from are told apart, better than by guessing."""
    fitted = _learnt(detector, options)
    unseen = made_runs(batches=2, each=4, seed=100)
    said = fitted.scores(unseen.runs).argmax(axis=1)
    assert (said == unseen.targets).mean() >= 0.75


def gives_scores_for_each_run(detector: Detector, options: Mapping[str, Any]) -> None:
    """One finite row for each run, whatever runs are judged with it, with or without labels."""
    fitted = _learnt(detector, options)
    runs = [replace(run, label="", anomalies=()) for run in made_runs(each=2, seed=7)]
    together = fitted.scores(runs)
    assert fitted.classes == CLASSES
    assert together.shape == (len(runs), len(CLASSES))
    assert np.isfinite(together).all()
    alone = np.concatenate([fitted.scores([run]) for run in runs])
    np.testing.assert_allclose(softmax(alone), softmax(together), atol=1e-4)
    assert fitted.scores([]).shape == (0, len(CLASSES))


def takes_runs_that_are_odd(detector: Detector, options: Mapping[str, Any]) -> None:
    """Other jobs than usual, one job, no job, no usage: an answer, never an error."""
    fitted = _learnt(detector, options)
    assert np.isfinite(fitted.scores(odd_runs())).all()


def is_the_same_after_saving(detector: Detector, options: Mapping[str, Any]) -> None:
    """What is restored from its parts says the same; the document is plain."""
    import json

    fitted = _learnt(detector, options)
    document, arrays = fitted.to_parts()
    again = type(detector)().restore(json.loads(json.dumps(document)), arrays)
    runs = made_runs(each=2, seed=9).runs
    assert again.classes == fitted.classes
    np.testing.assert_allclose(again.scores(runs), fitted.scores(runs), atol=1e-5)


def learns_the_same_from_the_same_seed(detector: Detector, options: Mapping[str, Any]) -> None:
    """Equal seeds give equal detectors."""
    runs = made_runs(each=2, seed=11).runs
    first, second = (_learnt(detector, options).scores(runs) for _ in range(2))
    np.testing.assert_allclose(first, second, atol=1e-5)


def refuses_an_option_that_it_does_not_have(detector: Detector, options: Mapping[str, Any]) -> None:
    """A slip of the pen is not taken for the usual value."""
    runs = made_runs()
    try:
        detector.fit(runs, _some(runs), Fitting(options={**options, "no-such-option": 1}))
    except DataError as error:
        assert "no-such-option" in str(error)
    else:
        raise AssertionError("an unknown option was ignored")


def bears_a_class_without_runs(detector: Detector, options: Mapping[str, Any]) -> None:
    """A class that nothing is known of is never said."""
    runs = made_runs(("normal", "cpu"))
    more = Collection(runs.runs, CLASSES)
    fitted = detector.fit(more, _some(more), Fitting(options=options))
    scores = fitted.scores(more.runs)
    assert fitted.classes == CLASSES
    assert not (scores.argmax(axis=1) == CLASSES.index("loss")).any()
    assert np.isfinite(scores).all()


CONFORMANCE: tuple[Callable[[Detector, Mapping[str, Any]], None], ...] = (
    tells_what_is_plain,
    gives_scores_for_each_run,
    takes_runs_that_are_odd,
    is_the_same_after_saving,
    learns_the_same_from_the_same_seed,
    bears_a_class_without_runs,
    refuses_an_option_that_it_does_not_have,
)
"""Checks that take a detector and its options (small ones, for those that take long)."""


def _learnt(detector: Detector, options: Mapping[str, Any]) -> Fitted:
    runs = made_runs()
    return detector.fit(runs, _some(runs), Fitting(options=options))


def _some(runs: Collection) -> Collection:
    return runs.taken(range(0, len(runs), 4))
