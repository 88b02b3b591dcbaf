"""The detector that is installed with Lamina."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lamina.diagnosis.learning import digest_of, figures_of, marks_of
from lamina.testing.detectors import made_run
from lamina.workspace.diagnosing import detector_named, labelled

DATA = os.environ.get("LAMINA_DATA")
LIMIT = 3_000_000
"""Bytes that it may have."""


def test_it_is_small_and_tells_where_it_comes_from() -> None:
    made = detector_named()
    assert len(made.to_bytes()) < LIMIT
    assert made.detector == "default"
    assert made.workflow == "1000genome"
    assert made.classes == ("normal", "cpu", "hdd", "loss")
    assert made.about["runs"] == 840
    assert made.about["split"] == "batch"
    assert made.about["test"]["accuracy"] > 0.87
    assert made.usual is not None


def test_it_does_not_judge_runs_of_other_workflows() -> None:
    made = detector_named()
    strange = made_run("loss", "a", 0, jobs=57)
    assert not made.knows(strange)
    kinds = [
        kind for kind, told in made.about["kinds"].items() for _ in range(int(told["jobs"][0]))
    ]
    assert len(kinds) == 57
    known = replace(strange, table=replace(strange.table, kinds=tuple(kinds)), anomalies=())
    assert made.knows(known)
    half = replace(known, table=known.table.taken(range(29)))
    assert made.knows(half)
    assert not made.knows(replace(known, table=known.table.taken(range(28))))
    table = replace(strange.table, kinds=("individuals",) * 57)
    found = made.probabilities([replace(strange, table=table)])
    assert np.isfinite(found).all()


@pytest.mark.skipif(DATA is None, reason="set LAMINA_DATA to the folder with exogeni_2020/")
def test_it_learnt_from_the_runs_of_the_paper_and_knows_them_again() -> None:
    made = detector_named()
    archive = Path(str(DATA)) / "exogeni_2020" / "1000genome.tar.xz"
    runs = labelled([str(archive)], made.classes)
    assert made.about["data"] == digest_of(runs)
    assert sorted(made.about["seen"]) == sorted(marks_of(runs))
    some = runs.taken(range(0, len(runs), 4))
    figures = figures_of(some, made.probabilities(some.runs))
    assert figures["n"] == 210
    assert figures["accuracy"] > 0.97
    verdicts = made.judge([run for run in some if run.label == "cpu_3"])
    assert verdicts
    assert {one.first for one in verdicts} == {"cpu"}
    levels = [one.severity.level for one in verdicts if one.severity is not None]
    assert len(levels) == len(verdicts)
    assert 2.0 <= float(np.median(levels)) <= 3.5
