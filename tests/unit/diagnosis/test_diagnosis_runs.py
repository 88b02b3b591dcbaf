"""Runs and collections of them."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import numpy as np
import pytest

from lamina.diagnosis.runs import Collection, class_of, classes_of, collection_of, level_of, run_of
from lamina.errors import DataError
from lamina.testing.detectors import made_run, made_runs
from lamina.testing.runs import RUNS
from lamina.traces.reading import trace_of
from lamina.traces.trace import Trace


def trace(**labels: str) -> Trace:
    made = RUNS["chain"]()
    return replace(trace_of(made.record, made.events), labels=labels)


def test_a_label_is_a_class_and_perhaps_a_level() -> None:
    classes = ("normal", "loss", "loss_burst")
    assert class_of("loss_0.5", classes) == "loss"
    assert class_of("loss_burst_2", classes) == "loss_burst"
    assert class_of("losses", classes) == ""
    assert level_of("loss_0.5", "loss") == 0.5
    assert isnan(level_of("normal", "normal"))


def test_classes_are_found_in_labels_with_normal_first() -> None:
    told = ["hdd_50", "cpu_2", "normal", "", "cpu_3", "loss_0.1", "slow_disk"]
    assert classes_of(told) == ("normal", "cpu", "hdd", "loss", "slow_disk")


def test_a_trace_becomes_a_run_with_its_label_and_batch() -> None:
    run = run_of(trace(label="cpu_2", batch="monday"))
    assert (run.label, run.batch, run.normal) == ("cpu_2", "monday", False)
    assert run.anomalies == ()


def test_anomalies_of_jobs_stand_in_the_order_of_the_table() -> None:
    whole = trace()
    marked = tuple(
        replace(one, labels={"anomaly": "None" if k else "cpu_2"})
        for k, one in enumerate(whole.attempts)
    )
    run = run_of(replace(whole, attempts=marked))
    assert run.anomalies[0] == "cpu_2"
    assert set(run.anomalies[1:]) == {"none"}


def test_a_collection_knows_targets_levels_and_batches() -> None:
    unknown = replace(made_run("cpu", "", 1), label="")
    runs = Collection(
        (made_run("normal", "a", 0), made_run("cpu_3", "b", 0), unknown), ("normal", "cpu")
    )
    assert runs.targets.tolist() == [0, 1, -1]
    np.testing.assert_equal(runs.levels, [np.nan, 3.0, np.nan])
    assert runs.batches == ("a", "b", "cpu--1")
    assert len(runs.labelled) == 2
    assert runs.taken([1]).labels == ("cpu_3",)
    assert repr(runs) == "<3 runs: 1 normal, 1 cpu>"


def test_a_label_of_no_class_is_named_with_the_way_out() -> None:
    with pytest.raises(DataError, match=r"labels hdd_50 belong to none of the classes normal, cpu"):
        Collection((made_run("hdd_50", "a", 0),), ("normal", "cpu"))
    with pytest.raises(DataError, match="one stands there twice"):
        Collection((), ("cpu", "cpu"))


def test_a_class_that_no_run_is_of_is_named_with_those_that_there_are() -> None:
    runs = Collection((made_run("normal", "a", 0), made_run("cpu_3", "b", 0)), ("normal", "cpu"))
    assert runs.with_classes(["normal", "cpu_3"]).classes == ("normal", "cpu_3")
    with pytest.raises(DataError, match=r"no run is of class los\n.*make normal, cpu"):
        runs.with_classes(["normal", "cpu", "los"])


def test_no_run_and_wrong_anomalies_are_refused() -> None:
    with pytest.raises(DataError, match="there is no run"):
        collection_of([])
    with pytest.raises(DataError, match="1 anomalies for 9 jobs"):
        replace(made_runs().runs[0], anomalies=("none",))
