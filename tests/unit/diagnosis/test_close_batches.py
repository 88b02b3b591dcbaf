"""Batches that are nearly alike are told apart by how evenly the network was shared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.detectors.default import Default, DefaultFitted
from lamina.diagnosis.detectors.default_batches import Batches, batches_of
from lamina.diagnosis.detectors.default_close import Close, close_of, shrunk_covariance
from lamina.diagnosis.network import COLUMNS, shares_of
from lamina.diagnosis.runs import Collection, Floats, Run
from lamina.testing.detectors import made_run
from lamina.workflow.log import PHASES

STAGE_IN = PHASES.index("stage_in")
JOBS, FETCHES = 36, 12


def staged(run: Run, seconds: Floats) -> Run:
    """The run with gigabytes staged in by the first jobs, all from the same moment on."""
    begin, end = run.table.phase_begin.copy(), run.table.phase_end.copy()
    begin[: len(seconds), STAGE_IN] = 0.0
    end[: len(seconds), STAGE_IN] = seconds
    moved = np.where(np.arange(len(run.table)) < len(seconds), 1e9, 1e3)
    table = replace(
        run.table,
        phase_begin=begin,
        phase_end=end,
        used={**run.table.used, "stage_in_bytes": moved},
    )
    return replace(run, table=table)


def shared(label: str, seed: int) -> Run:
    """A run whose transfers take 100 s; with loss two of them, whichever, take 20 s more."""
    generator = np.random.default_rng([seed, len(label)])
    seconds = 100.0 + generator.standard_normal(FETCHES)
    if label == "loss":
        seconds[generator.permutation(FETCHES)[:2]] += 20.0
    return staged(made_run(label, label, seed, JOBS), seconds)


def several(seeds: range) -> Collection:
    return Collection(
        tuple(shared(label, seed) for seed in seeds for label in ("normal", "loss")),
        ("normal", "loss"),
    )


def clouds(runs: Collection, apart: float = 0.0) -> Batches:
    """Clouds over a column that says nothing, or that tells the classes apart."""
    rows = np.random.default_rng(0).standard_normal((len(runs), 1))
    return batches_of(runs, rows + apart * runs.targets[:, None])


def learnt(runs: Collection) -> Close:
    found = close_of(runs, clouds(runs))
    assert found is not None
    return found


def column(run: Run, name: str) -> float:
    return float(shares_of([run])[0, COLUMNS.index(name)])


def test_batches_that_are_nearly_alike_are_told_apart_by_uneven_shares() -> None:
    close, unseen = learnt(several(range(20))), several(range(50, 70))
    scores = close.scores(unseen.runs, np.ones(len(unseen)))
    assert (scores.argmax(axis=1) == unseen.targets).mean() >= 0.95


def test_nothing_is_said_of_a_run_of_other_batches() -> None:
    close, unseen = learnt(several(range(20))), several(range(50, 52))
    assert not close.scores(unseen.runs, np.zeros(len(unseen))).any()


def test_batches_that_lie_far_apart_need_no_more() -> None:
    runs = several(range(20))
    assert close_of(runs, clouds(runs, apart=50.0)) is None


def test_a_run_that_tells_no_transfers_gets_no_say() -> None:
    bare = replace(made_run("loss", "loss", 1), label="loss")
    assert np.isnan(shares_of([bare])).all()
    assert not learnt(several(range(20))).scores([bare], np.ones(1)).any()


def test_runs_that_tell_no_transfers_teach_nothing() -> None:
    bare = [made_run(label, label, seed) for seed in range(12) for label in ("normal", "loss")]
    runs = Collection(tuple(bare), ("normal", "loss"))
    assert close_of(runs, clouds(runs)) is None


def test_the_default_detector_keeps_it_when_saved() -> None:
    runs, unseen = several(range(12)), several(range(50, 54))
    bare = Default().fit(runs, None, Fitting())
    assert isinstance(bare, DefaultFitted)
    fitted = replace(bare, close=learnt(runs))
    again = Default().restore(*fitted.to_parts())
    assert isinstance(again, DefaultFitted)
    assert again.close is not None
    np.testing.assert_array_equal(again.scores(unseen.runs), fitted.scores(unseen.runs))


def test_a_transfer_alone_does_not_fill_the_network() -> None:
    """The last of them has it for itself for 20 s, and counts as one of three for so long."""
    run = staged(made_run("normal", "b", 1, JOBS), np.array([120.0] * 11 + [140.0]))
    assert column(run, "most") == pytest.approx(np.log(1000.0 / (120.0 / 12)))
    assert column(run, "least") == pytest.approx(np.log(1000.0 / (120.0 / 12 + 20.0 / 3)))
    assert column(run, "one") == pytest.approx(np.log1p(20.0))


def test_hosts_that_get_the_same_do_not_differ() -> None:
    run = staged(made_run("normal", "b", 1, JOBS), np.full(FETCHES, 100.0))
    assert column(run, "between") == pytest.approx(0.0, abs=1e-9)
    assert column(run, "deviation") == pytest.approx(0.0, abs=1e-9)


def test_a_host_that_gets_less_is_seen() -> None:
    run = made_run("normal", "b", 1, JOBS)
    slow = np.array(run.table.hosts[:FETCHES]) == "worker-0"
    uneven = staged(run, np.where(slow, 150.0, 100.0))
    assert column(uneven, "between") > 0.1
    assert column(uneven, "within") == pytest.approx(0.0, abs=1e-9)


def test_a_covariance_of_few_rows_can_be_solved_with() -> None:
    rows = np.random.default_rng(0).standard_normal((5, 12))
    assert np.linalg.cond(shrunk_covariance(rows)) < 1e3


def test_a_covariance_of_many_rows_is_kept() -> None:
    rows = np.random.default_rng(0).standard_normal((20000, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    np.testing.assert_allclose(shrunk_covariance(rows), np.cov(rows.T), atol=0.02)
