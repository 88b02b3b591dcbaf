"""Figures of detection without labels: which runs are known, which are counted, and how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lamina.benchmark.diagnosis import novelty as measured
from lamina.benchmark.diagnosis.novelty import (
    PICKS,
    Timed,
    group_of,
    known_normal,
    over_picks,
)
from lamina.errors import DataError
from lamina.testing.detectors import made_run

LABELS = ("cpu_2", "loss_5", "loss_0.1")


def _timed() -> Timed:
    """60 normal runs in batches of five, mixed in time, and ten of each other label."""
    normal = [made_run("normal", f"b{n // 5}", n) for n in range(60)]
    others = [made_run(label, "b0", 100 + n) for label in LABELS for n in range(10)]
    runs = (*normal, *others)
    began = np.random.default_rng(0).permutation(len(runs)).astype(np.float64)
    return Timed(runs, tuple(began.tolist()))


RUNS = _timed()


@pytest.mark.parametrize("pick", PICKS)
def test_known_runs_are_normal_and_differ_by_seed(pick: str) -> None:
    found = [known_normal(RUNS, pick, seed) for seed in (0, 1)]
    for rows in found:
        assert len(set(rows.tolist())) == 20
        assert all(RUNS.runs[row].normal for row in rows.tolist())
    assert set(found[0].tolist()) != set(found[1].tolist())


def test_a_period_is_one_run_after_the_other() -> None:
    began = sorted(RUNS.began[row] for row in known_normal(RUNS, "period", 3).tolist())
    between = [
        run
        for run, at in zip(RUNS.runs, RUNS.began, strict=True)
        if run.normal and began[0] <= at <= began[-1]
    ]
    assert len(between) == 20


def test_batches_are_taken_whole() -> None:
    rows = known_normal(RUNS, "batch", 0).tolist()
    assert len({RUNS.runs[row].batch for row in rows}) == 4
    assert len({RUNS.runs[row].batch for row in known_normal(RUNS, "random", 0).tolist()}) > 4


def test_too_few_normal_runs_are_told() -> None:
    few = Timed(RUNS.runs[:20], RUNS.began[:20])
    with pytest.raises(DataError, match="20 normal runs"):
        known_normal(few, "random", 0)


def test_labels_belong_to_groups() -> None:
    told = {"cpu_3": "cpu", "loss_3": "loss_3", "loss_1": "small_loss", "hdd_50": "hdd"}
    assert {label: group_of(label) for label in told} == told
    assert group_of("normal") == group_of("other") == ""


def test_known_runs_are_not_counted() -> None:
    found = over_picks(RUNS, "slow-down", "random", range(2))
    assert set(found) == {"cpu", "loss_3", "small_loss", "false_alarms", "seconds"}
    assert found["cpu"]["auc"] > 0.95 and found["loss_3"]["auc"] > 0.95
    assert found["loss_3"]["auc"] > found["small_loss"]["auc"]
    assert found["cpu"]["n"] == 10 and len(found["cpu"]["values"]) == 2
    assert found["false_alarms"]["told"] == 0.05
    assert found["false_alarms"]["mean"] * 40 % 0.5 == pytest.approx(0.0, abs=1e-9)


def test_what_few_labels_reach_is_compared_with_and_without_another_workflow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measured, "timed_runs", lambda archive: RUNS)
    monkeypatch.setattr(measured, "FEW", (5,))
    lines: list[str] = []
    path = Path("runs.tar.xz")
    found = measured.transfer_figures(path, {"other": path}, range(2), lines.append)
    assert found["from"] == "made" and found["few"] == [5]
    for name in ("alone", "transferred"):
        told = found["other"]["5"][name]
        assert told["balanced_accuracy"] == pytest.approx(np.mean(told["values"]))
        assert 0.5 < told["balanced_accuracy"] <= 1
    assert len(lines) == 1 and lines[0].startswith("other, 5 labels of each class: alone 0.")


def test_ways_that_need_what_is_not_there_are_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    from lamina.diagnosis.novelty import NOVELTY

    monkeypatch.setattr(measured, "timed_runs", lambda archive: RUNS)
    monkeypatch.setattr(measured, "PICKS", ("random",))
    with NOVELTY.having("pyod-none", "no_such_library.part:Way"):
        NOVELTY._extras["pyod-none"] = "pyod"
        path = Path("runs.tar.xz")
        found = measured.novelty_figures(
            {"w": path}, range(1), ("slow-down", "pyod-none"), lambda text: None
        )
        del NOVELTY._extras["pyod-none"]
    assert list(found["w"]) == ["slow-down"]
    assert "lamina[pyod]" in found["absent"]["pyod-none"]
