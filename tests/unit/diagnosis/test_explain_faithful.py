"""Explanations name what detectors go by: without it the answer is another."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.explain.explaining import explain
from lamina.diagnosis.explain.explanation import SLIGHT, SLOWER
from lamina.diagnosis.explain.faithfulness import Faithfulness, Shortest, elsewhere, faithfulness_of
from lamina.diagnosis.explain.occlusion import Judging
from lamina.diagnosis.runs import Collection, Floats, Run, class_of, classes_of, run_of
from lamina.diagnosis.trained import TrainedDetector
from lamina.diagnosis.usual import measured, usual_of
from lamina.diagnosis.verdict import Verdict
from lamina.testing.disturbed import Disturbance, made_run, made_runs, slower
from lamina.workflow.log import PHASES
from lamina.workspace.traces import read_traces


def trained(runs: Sequence[Run], name: str = "nearest") -> TrainedDetector:
    collection = Collection(tuple(runs), classes_of(run.label for run in runs))
    fitted = DETECTORS.get(name)().fit(collection, None, Fitting())
    return TrainedDetector(name, fitted, runs[0].workflow)


def made(count: int, first: int) -> list[Run]:
    found = made_runs(count, first=first)
    for label, disturbance in (
        ("cpu", slower(1.7, "run")), ("loss", slower(2.5, "stage_in")),
        ("hdd", slower(4.0, "submit")),
    ):  # fmt: skip
        found += made_runs(count, disturbance, label, first)
    return found


def test_without_what_is_named_the_answer_is_another_and_without_as_much_else_it_is_not() -> None:
    learnt = made(8, 0)
    detector, usual = trained(learnt), usual_of(made_runs(12))
    found = faithfulness_of(made(6, 100), usual, detector.classes, detector.probabilities, learnt)
    assert found.runs >= 18
    assert found.findings == found.named == found.cured == 1.0
    assert found.rest == 0.0 and found.random == 0.0
    assert found.shorter <= 0.2


RUN, STAGE_IN = PHASES.index("run"), PHASES.index("stage_in")
QUICK = Disturbance(lambda kind, host, phase, at: 0.2)
"""Phases that take a fifth: what tells that runs may be as short."""


def usually(*columns: int) -> float:
    """Seconds of some phases of all jobs, in a usual run."""
    told = [measured(run.table)[:, columns].sum() for run in made_runs(12)]
    return float(np.mean(told))


def slow(kind: str, host: str, phase: str, at: float) -> float:
    """A long run, and a stage in that is within what is usual."""
    del kind, host, at
    return {"run": 1.6, "stage_in": 1.04}.get(phase, 1.0)


def faithful_to(is_slow: Callable[[Floats], bool]) -> Faithfulness:
    """How faithful explanations of slow runs are to a made-up detector, which goes by the seconds
    of each phase."""

    def ask(runs: Sequence[Run]) -> Floats:
        found = [is_slow(measured(run.table)[:, : len(PHASES)].sum(axis=0)) for run in runs]
        return np.array([[0.1, 0.9] if one else [0.9, 0.1] for one in found])

    runs = made_runs(4, Disturbance(slow), "slow", 100)
    known = [*made_runs(4), *made_runs(4, QUICK)]
    found = faithfulness_of(runs, usual_of(made_runs(12)), ("normal", "slow"), ask, known)
    assert found.runs == 4
    return found


def test_a_detector_that_goes_by_what_is_named_alone_is_explained_faithfully() -> None:
    least = 1.3 * usually(RUN)
    found = faithful_to(lambda spent: spent[RUN] > least)
    assert (found.named, found.cured, found.rest, found.random) == (1.0, 1.0, 0.0, 0.0)
    assert found.seconds == pytest.approx(1.0)


def test_a_detector_that_goes_by_all_seconds_gives_another_answer_without_any() -> None:
    least = usually(*range(len(PHASES))) + 0.4 * usually(RUN)
    found = faithful_to(lambda spent: spent.sum() > least)
    assert found.named == 1.0
    assert found.random == 1.0


def test_what_else_a_detector_needs_is_named_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    run, stage_in = 1.3 * usually(RUN), 1.01 * usually(STAGE_IN)

    def both(spent: Floats) -> bool:
        return bool(spent[RUN] > run and spent[STAGE_IN] > stage_in)

    assert faithful_to(both).rest == 0.0
    monkeypatch.setattr("lamina.diagnosis.explain.making.needed", lambda *given: [])
    found = faithful_to(both)
    assert found.named == 1.0
    assert found.rest == 1.0


def of_counts(run: Run) -> float:
    """Seconds that all jobs of type `count` run."""
    own = [row for row, kind in enumerate(run.table.kinds) if kind == "count"]
    return float(run.table.spent[own, RUN].sum())


def test_jobs_of_a_type_that_findings_leave_out_are_named_where_the_answer_needs_them() -> None:
    def slow_on_one(kind: str, host: str, phase: str, at: float) -> float:
        if (kind, phase) != ("count", "run"):
            return 1.0
        return 2.0 if host == "worker-3" else 1.04

    least = 1.01 * float(np.mean([of_counts(run) for run in made_runs(12)]))

    def ask(runs: Sequence[Run]) -> Floats:
        return np.array([[0.1, 0.9] if of_counts(one) > least else [0.9, 0.1] for one in runs])

    run = made_run(Disturbance(slow_on_one), 101, "slow")
    judging = Judging(Verdict(run.name, {"normal": 0.1, "slow": 0.9}), ask)
    found = explain(run, usual_of(made_runs(12)), judging=judging).findings
    (one,) = (each for each in found if each.kind == SLOWER and each.phase == "run")
    (other,) = (each for each in found if each.kind == SLIGHT)
    assert one.hosts == ("worker-3",) and len(one.jobs) == 4
    assert len(other.jobs) == 8 and not set(other.jobs) & set(one.jobs)
    assert "of count (8 other jobs)" in other.text


def test_what_is_taken_away_elsewhere_is_as_much_of_other_phases_and_leaves_the_least() -> None:
    run, known = made_run(), made_runs(6, None, "normal", 50)
    spent, least = measured(run.table)[:, : len(PHASES)], Shortest(known).of(run.table)
    cut = np.zeros_like(spent)
    cut[:, RUN] = 0.05 * spent[:, RUN]
    other = elsewhere(cut, spent - least, np.random.default_rng(0))
    assert other.sum() == pytest.approx(min(cut.sum(), (spent - least)[:, :RUN].sum()), rel=0.1)
    assert (other[cut > 0] == 0).all()
    assert (spent - other >= least - 1e-9).all()
    row = run.table.tasks.index("fetch_3")
    seen = [measured(one.table)[one.table.tasks.index("fetch_3"), : len(PHASES)] for one in known]
    assert least[row] == pytest.approx(np.minimum(np.min(seen, axis=0), spent[row]))


def test_jobs_that_no_known_run_has_keep_half_of_their_phases() -> None:
    run = made_run()
    least = Shortest([]).of(run.table)
    assert least == pytest.approx(0.5 * measured(run.table)[:, : len(PHASES)])


@pytest.mark.skipif(
    "LAMINA_DATA" not in os.environ, reason="set LAMINA_DATA to the folder with exogeni_2020/"
)
def test_explanations_of_the_paper_runs_name_what_the_answer_rests_on() -> None:
    learnt, tried = paper_runs()
    detector, usual = trained(learnt), usual_of([run for run in learnt if run.normal])
    right = [
        run for run, verdict in zip(tried, detector.judge(tried), strict=True)
        if verdict.first == class_of(run.label, detector.classes) != "normal"
    ]  # fmt: skip
    found = faithfulness_of(right[:40], usual, detector.classes, detector.probabilities, learnt)
    assert found.runs == 40
    assert found.named >= 0.9
    assert found.rest <= 0.1
    assert found.shorter <= 0.3
    assert found.named >= found.findings >= found.shorter + 0.2
    # Of classes whose means are near, little of anything is another answer.
    assert found.named >= found.random + 0.6


def paper_runs() -> tuple[list[Run], list[Run]]:
    """Runs to learn from and 90 to try."""
    archive = Path(os.environ["LAMINA_DATA"]) / "exogeni_2020" / "1000genome.tar.xz"
    runs = [run_of(trace) for trace in read_traces([archive])]
    order = np.random.default_rng(0).permutation(len(runs)).tolist()
    return [runs[row] for row in order[90:]], [runs[row] for row in order[:90]]


@pytest.mark.slow
@pytest.mark.skipif(
    "LAMINA_DATA" not in os.environ, reason="set LAMINA_DATA to the folder with exogeni_2020/"
)
def test_without_what_is_named_the_default_detector_gives_another_answer() -> None:
    learnt, tried = paper_runs()
    detector, usual = trained(learnt, "default"), usual_of([run for run in learnt if run.normal])
    clear = [run for run in tried if run.label in ("cpu_2", "cpu_3", "loss_3", "loss_5")]
    found = faithfulness_of(clear, usual, detector.classes, detector.probabilities, learnt)
    assert found.runs >= 20
    # The rest is of one batch, of whose time the detector knows no normal run.
    assert found.named >= 0.9
    assert found.cured >= 0.75
    assert found.random <= 0.1 and found.rest <= 0.1
    assert found.shorter <= 0.1


@pytest.mark.slow
@pytest.mark.skipif(
    "LAMINA_DATA" not in os.environ, reason="set LAMINA_DATA to the folder with exogeni_2020/"
)
def test_without_what_is_named_a_run_with_a_busy_disk_gets_another_answer() -> None:
    learnt, tried = paper_runs()
    detector = trained(learnt, "default")
    # Of a busy disk less is to be seen: with good runs of its own time it is enough.
    times = ("20200829", "20200830", "20200831", "20200901")
    good = [run for run in learnt if run.normal and "20200826" in run.batch][:10]
    disk = [run for run in tried if run.label.startswith("hdd") and run.batch[11:19] in times]
    found = faithfulness_of(
        disk, usual_of(good), detector.classes, lambda runs: detector.probabilities(runs, good),
        learnt,
    )  # fmt: skip
    assert found.runs >= 10
    assert found.named >= 0.9
    assert found.cured >= 0.75
    assert found.rest <= 0.1
    assert found.seconds >= 0.9
    assert found.random <= 0.2
    assert found.shorter <= 0.3
