"""`benchmark diagnosis`: protocols, and the document that is made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lamina.benchmark import report
from lamina.benchmark.diagnosis import measuring, sheets
from lamina.benchmark.diagnosis.measuring import Options, benchmark_diagnosis
from lamina.benchmark.diagnosis.protocols import (
    KNOWN_GOOD,
    over_seeds,
    reference_protocol,
    references,
    small_apart,
    split_protocol,
)
from lamina.diagnosis.runs import Collection
from lamina.errors import UsageError
from lamina.testing.detectors import CLASSES, made_run

DAYS = {"normal": ("0501", "0801"), "cpu": ("0503", "0920"), "loss_5": ("0506", "0805")}


RUNS = Collection(
    tuple(
        replace(made_run(label, f"{label}-{day}", seed), batch=f"{label}-2020{day}T000000Z")
        for label, days in DAYS.items()
        for day in days
        for seed in range(10)
    ),
    CLASSES,
)


def test_known_good_runs_are_those_of_the_nearest_normal_batch_of_a_week() -> None:
    known = references(RUNS)
    of = {batch: {RUNS.batches[row] for row in rows} for batch, rows in known.items()}
    assert of["cpu-20200503T000000Z"] == {"normal-20200501T000000Z"}
    assert of["loss_5-20200805T000000Z"] == {"normal-20200801T000000Z"}
    assert of["normal-20200801T000000Z"] == {"normal-20200801T000000Z"}
    assert "cpu-20200920T000000Z" not in of


def test_runs_that_are_shown_as_good_are_not_judged() -> None:
    found = reference_protocol(RUNS, "nearest")(0)
    judged = [batch for batch in references(RUNS)]
    assert len(judged) == 5
    assert found["n"] == 5 * 10 - 2 * KNOWN_GOOD


def test_a_device_that_there_is_not_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UsageError, match="no device 'tpu'"):
        Options(device="tpu")


def test_figures_of_seeds_are_brought_together() -> None:
    found = over_seeds(split_protocol(RUNS, "nearest", "random"), range(3))
    assert len(found["values"]) == 3
    assert found["accuracy"] == pytest.approx(sum(found["values"]) / 3)
    assert found["deviation"] is not None
    assert found["n"] == 6


def test_small_loss_is_given_apart() -> None:
    labels = {
        "normal": {"n": 30, "accuracy": 1.0}, "loss_5": {"n": 10, "accuracy": 0.6},
        "loss_0.1": {"n": 20, "accuracy": 0.1},
    }  # fmt: skip
    told = small_apart({"by_label": labels})
    assert told["without_small_loss"] == pytest.approx(0.9)
    assert told["small_loss"] == pytest.approx(0.1)
    none = small_apart({"by_label": {"normal": labels["normal"]}})
    assert none["small_loss"] is None


def test_the_document_holds_figures_tables_and_bars(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(measuring, "_labelled", lambda *_: RUNS)
    monkeypatch.setattr(measuring, "one_diagnosis", lambda _: 1.25)
    monkeypatch.setattr(measuring, "TABLES", ("nearest",))
    (tmp_path / "exogeni_2020").mkdir()
    (tmp_path / "exogeni_2020" / "1000genome.tar.xz").touch()
    said: list[str] = []
    found = benchmark_diagnosis(Options(quick=True, data=str(tmp_path)), "lamina", said.append)
    assert found["benchmark"] == sheets.KIND
    assert 0.0 <= found["detectors"]["nearest"]["batch"]["accuracy"] <= 1.0
    assert [bar["value"] for bar in found["bars"] if "one run" in bar["name"]] == [1.25]
    page = report.markdown(found)
    for title in ("held back at random", "whole batch held out", "known-good runs", "Bars"):
        assert title in page
    assert any(line.startswith("nearest, against") for line in said)


def test_data_that_are_not_there_and_unknown_protocols_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    with pytest.raises(UsageError, match="set LAMINA_DATA"):
        Options().file("exogeni_2020")
    with pytest.raises(UsageError, match="there is no"):
        Options(data=str(tmp_path)).file("exogeni_2020")
    with pytest.raises(UsageError, match="protocol 'nested'"):
        Options(protocol="nested")
