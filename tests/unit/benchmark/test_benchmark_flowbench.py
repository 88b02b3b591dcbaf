"""FlowBench is measured by runs: at random, by days, and in workflows never learnt from."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lamina.benchmark.diagnosis import flowbench
from lamina.benchmark.diagnosis.flowbench import (
    MAIN,
    Figures,
    Flowbench,
    day_jobs,
    flowbench_figures,
    job_figures,
    jobs_over,
    unseen_jobs,
)
from lamina.diagnosis.detectors.base import Detector
from lamina.diagnosis.runs import Collection, Run
from lamina.errors import DataError, MissingExtraError, UsageError
from lamina.registry import Registry
from lamina.testing.detectors import made_run

COLUMNS = (
    "", "anomaly_type", "type", "ready", "submit", "execute_start", "execute_end",
    "post_script_start", "post_script_end", "stage_in_delay", "stage_out_delay",
    "kickstart_hostname", "kickstart_executables_cpu_time",
)  # fmt: skip


def _disturbed(label: str, seed: int, workflow: str) -> Run:
    """A run in which what ran on one host of three was slower: with "hdd" staging in, with "cpu"
    computing."""
    run = made_run("normal", f"{workflow}-{seed % 2}", seed, jobs=18)
    table = run.table
    hit = np.array(table.hosts) == f"worker-{seed % 3}"
    slow = {"normal": (1.0, 1.0), "cpu": (1.0, 2.5), "hdd": (5.0, 1.0)}[label.partition("_")[0]]
    begin, end = table.phase_begin.copy(), table.phase_end.copy()
    for place, factor in zip((3, 4), slow, strict=True):
        more = np.where(hit, (factor - 1.0) * (end - begin)[:, place], 0.0)
        end[:, place:] += more[:, None]
        begin[:, place + 1 :] += more[:, None]
    anomalies = tuple(label if one and label != "normal" else "none" for one in hit)
    table = replace(table, phase_begin=begin, phase_end=end)
    name = f"{workflow}-run{seed:04d}"
    return replace(run, name=name, workflow=workflow, label=label, table=table, anomalies=anomalies)


def _collection(workflow: str = MAIN, each: int = 12) -> Collection:
    runs = [
        replace(_disturbed(label, 3 * seed + number, workflow), batch=f"day-{seed % 4}")
        for seed in range(each)
        for number, label in enumerate(("normal", "cpu_2", "hdd_5"))
    ]
    return Collection(tuple(runs), flowbench.CLASSES)


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"rounds": 10, "depth": 3, "least": 5, "alone": 1}
    monkeypatch.setattr("lamina.diagnosis.jobs.detector.OPTIONS", options)


def test_disturbed_jobs_of_held_out_runs_are_found() -> None:
    figures = flowbench.random_jobs(_collection(), 0)
    assert figures["roc_auc"] > 0.95
    assert figures["named"] > 0.9
    assert set(figures["by_anomaly"]) == {"cpu", "hdd"}
    assert 0.5 < figures["slower_than_usual"] <= 1.0


def test_days_are_held_out_whole_and_every_run_is_judged() -> None:
    runs = _collection()
    parts = flowbench._parts_of_days(runs, 0)
    for target in range(3):
        days = {
            (day, part)
            for day, part, own in zip(runs.batches, parts.tolist(), runs.targets, strict=True)
            if own == target
        }
        assert len(days) == len({day for day, _ in days})
    figures = day_jobs(runs, 0)
    assert figures["n"] == sum(len(run.table) for run in runs)
    assert figures["roc_auc"] > 0.95


def test_a_workflow_is_judged_by_what_was_learnt_from_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flowbench, "KNOWN_GOOD", 6)
    runs = {name: _collection(name) for name in (MAIN, "montage")}
    figures = unseen_jobs(runs, "montage", 0)
    assert figures["roc_auc"] > 0.9
    assert figures["n"] == sum(len(run.table) for run in runs["montage"]) - 6 * 18
    assert 0.5 < figures["alone"] <= 1.0


def test_figures_of_jobs_are_those_of_the_probabilities() -> None:
    runs = _collection(each=1)
    classes = ("none", "cpu", "hdd")
    sure = [
        np.array([np.eye(3)[classes.index(one.partition("_")[0])] for one in run.anomalies])
        for run in runs
    ]
    right = job_figures(runs, sure, classes)
    assert (right["roc_auc"], right["compute"], right["named"]) == (1.0, 1.0, 1.0)
    assert right["ece"] == pytest.approx(0.0)
    assert (right["n"], right["disturbed"]) == (54, 12)
    wrong = job_figures(runs, [1.0 - 0.5 * one - 0.5 * one[:, ::-1] for one in sure], classes)
    assert wrong["roc_auc"] < 0.5


def test_figures_of_seeds_are_brought_together_where_there_are_some() -> None:
    one = {"roc_auc": 0.5, "by_anomaly": {"cpu": 0.7}, "n": 3, "disturbed": 1}
    none: Figures = {"roc_auc": None, "by_anomaly": {}, "n": 3, "disturbed": 0}
    other = {"roc_auc": 0.7, "by_anomaly": {"cpu": 0.9}, "n": 3, "disturbed": 1}
    found = jobs_over([one, none, other])
    assert found["roc_auc"]["mean"] == pytest.approx(0.6)
    assert found["roc_auc"]["values"] == [0.5, 0.7]
    assert found["by_anomaly"]["cpu"]["mean"] == pytest.approx(0.8)
    assert jobs_over([none])["roc_auc"] is None


def _written(folder: Path, workflow: str) -> None:
    """A folder laid out as FlowBench, for the workflow as a folder in place of its archive."""
    rows = []
    for run in _collection(workflow, each=8):
        table = run.table
        path = folder / f"{workflow}.tar.xz" / workflow / run.label / f"{run.name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(COLUMNS)
            spent = table.spent
            for row, task in enumerate(table.tasks):
                submit, queue, into, ran, outof, post = (
                    float(spent[row, place]) for place in range(1, 7)
                )
                ready = 1e9 + float(table.ready[row])
                begin = ready + submit + queue
                end = begin + into + ran + outof
                anomaly = run.anomalies[row].replace("none", "None")
                out.writerow(
                    (
                        task, anomaly, "compute", ready, ready + submit, begin, end, end,
                        end + post, into, outof, table.hosts[row], table.used["cpu"][row],
                    )
                )  # fmt: skip
        day = int(run.batch[-1])
        rows.append((f"{run.name}.csv", run.label, 1e9 + 86_400 * day))
    with (folder / "runs_index.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("file", "experiment_type", "start_epoch"))
        out.writerows(rows)


def test_all_is_measured_from_a_folder(tmp_path: Path) -> None:
    _written(tmp_path, MAIN)
    said: list[str] = []
    wish = Flowbench(tmp_path, range(1), (MAIN,), ("nearest",))
    found = flowbench_figures(wish, said.append)
    assert found["runs"][MAIN]["days"] == 4
    assert found["runs"][MAIN]["n"] == 24
    assert set(found["labels"]["nearest"]) == {"random", "days"}
    assert found["labels"]["nearest"]["random"]["classes"] == list(flowbench.CLASSES)
    assert set(found["jobs"][MAIN]) == {"random", "days"}
    assert len(found["jobs"][MAIN]["random"]["roc_auc"]["values"]) == 1
    assert found["jobs"][MAIN]["days"]["roc_auc"]["mean"] > 0.9
    assert any("ROC-AUC" in line for line in said)


def test_runs_whose_day_is_not_told_are_named(tmp_path: Path) -> None:
    _written(tmp_path, MAIN)
    index = tmp_path / "runs_index.csv"
    head, _, *rest = index.read_text(encoding="utf-8").splitlines()
    index.write_text("\n".join([head, *rest]), encoding="utf-8")
    with pytest.raises(DataError, match=r"when .* began"):
        flowbench_figures(Flowbench(tmp_path, range(1), (MAIN,), ()), lambda line: None)


def test_a_detector_whose_library_is_not_there_is_left_out(tmp_path: Path) -> None:
    _written(tmp_path, MAIN)
    said: list[str] = []

    class Absent(Registry[type[Detector]]):
        def get(self, name: str) -> type[Detector]:
            raise MissingExtraError("pyod", "pyod", f"detector {name}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flowbench, "DETECTORS", Absent("detectors", "detector", {}))
        wish = Flowbench(tmp_path, range(1), (MAIN,), ("pyod",), days=False)
        found = flowbench_figures(wish, said.append)
    assert found["labels"] == {}
    assert any("pyod" in line for line in said)


def test_an_unknown_workflow_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="casa"):
        Flowbench(tmp_path, range(1), ("casa",))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_disturbed_jobs_of_1000genome_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # all rounds
    data = os.environ.get("LAMINA_DATA")
    if not data:
        pytest.skip("needs the FlowBench runs: set LAMINA_DATA to the folder with flowbench")
    runs = flowbench._with_days(Path(data, "flowbench"), MAIN)
    assert (len(runs), len(set(runs.batches))) == (350, 22)
    figures = flowbench.random_jobs(runs, 0)
    assert figures["roc_auc"] >= 0.95
    assert figures["compute"] >= 0.95
    assert figures["ece"] <= 0.05
