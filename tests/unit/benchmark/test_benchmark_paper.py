"""The Gantt paper's tables: lines, reduced forms, figures."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.benchmark.diagnosis import measuring, paper, sheets
from lamina.benchmark.diagnosis.paper import (
    ENTRIES,
    MEASURES,
    PaperOptions,
    paper_tables,
    weighted,
)
from lamina.diagnosis.runs import collection_of
from lamina.errors import UsageError
from lamina.testing.detectors import made_runs
from lamina.workspace.traces import read_traces

QUICK = {"size": 16, "width": 0.1, "epochs": 2, "threads": 1}
RUNS = made_runs(batches=1, each=10)


def tables(*detectors: str, **changes: Any) -> dict[str, Any]:
    options = PaperOptions((0, 1), "cpu", detectors=detectors, options=QUICK, **changes)
    return paper_tables(RUNS, options, lambda text: None)


def test_each_line_of_the_tables_is_measured_with_and_without_augmentation() -> None:
    assert len(ENTRIES) == 8
    pairs = {(entry.detector, entry.augment) for entry in ENTRIES}
    assert len(pairs) == 8
    found = tables("paper-cnn", "resnet-18")
    told = [(line["name"], line["options"].get("augment")) for line in found["entries"]]
    assert told == [
        ("our CNN", None),
        ("our CNN + aug", "flips,jitter"),
        ("ResNet-18", None),
        ("ResNet-18 + aug", "flips,jitter"),
    ]
    for line in found["entries"]:
        assert len(line["accuracy"]["values"]) == 2
        assert np.sum(line["confusion"]) == 2 * 3, "a tenth of 30 runs, two seeds"
        assert line["accuracy"]["mean"] == pytest.approx(line["recall"]["mean"])
        assert line["paper"]["accuracy"] > 0.8
    json.dumps(found)


def test_the_reduced_form_says_so_and_the_whole_one_has_the_papers_size() -> None:
    small = tables("resnet-18", "paper-cnn")
    assert not small["whole"]
    assert "reduced form" in small["reduced"][0]
    assert "resnet-18: charts of 16 x 16" in " ".join(small["reduced"])
    given = paper._options(ENTRIES[3], PaperOptions(weights="published"), True, False)
    assert given == {"size": 512, "weights": "published"}
    assert paper._options(ENTRIES[0], PaperOptions(), False, False) == {"size": 128}


def test_networks_without_normalisation_get_more_patience_in_the_reduced_form_which_says_so() -> (
    None
):
    reduced = PaperOptions(weights="")
    patience = [
        paper._options(entry, reduced, False, False).get("patience") for entry in ENTRIES[:5]
    ]
    assert patience == [None, None, 12, 12, None]
    told = paper._reduced(reduced, False, {}, 840)
    assert any(line.startswith("vgg-16: ") and "patience 12 in place of 4" in line for line in told)
    assert "patience" not in next(line for line in told if line.startswith("resnet-18: "))
    assert all("patience" not in paper._options(one, reduced, True, False) for one in ENTRIES)


def test_weights_that_are_not_here_are_looked_for_once_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from lamina.errors import DataError

    asked: list[str] = []

    def absent(entry: Any) -> Path:
        asked.append(entry.file_name)
        raise DataError("no network here", "")

    monkeypatch.setattr(paper, "published_file", absent)
    found = tables("resnet-18", whole=True)
    assert len(asked) == 1
    assert "resnet-18 begins from scratch: no network here" in found["reduced"]
    assert found["entries"][0]["options"]["weights"] == ""
    assert found["entries"][0]["begun"] == "from scratch"


def test_measures_are_weighted_by_the_runs_of_each_class() -> None:
    confusion = np.array([[8, 2, 0], [0, 5, 0], [0, 3, 0]])
    found = weighted(confusion)
    assert found["accuracy"] == pytest.approx(13 / 18)
    assert found["recall"] == pytest.approx(13 / 18)
    assert found["precision"] == pytest.approx((10 * 1.0 + 5 * 0.5) / 18)
    f_scores = (2 * 0.8 / 1.8, 2 * 0.5 / 1.5, 0.0)
    assert found["f_score"] == pytest.approx((10 * f_scores[0] + 5 * f_scores[1]) / 18)
    assert set(found) == set(MEASURES)


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(UsageError, match=r"(?s)nearest: not in the paper.*paper-cnn"):
        PaperOptions(detectors=("nearest",))


@pytest.mark.slow
def test_the_papers_own_network_reaches_its_accuracy_on_the_papers_runs() -> None:
    data = os.environ.get("LAMINA_DATA", "")
    if not data:
        pytest.skip(
            "set LAMINA_DATA to the folder with exogeni_2020/: the Gantt paper's runs are there"
        )
    path = Path(data, "exogeni_2020", "1000genome.tar.xz")
    runs = collection_of(read_traces([path]), ("normal", "cpu", "hdd", "loss"))
    options = PaperOptions(range(5), "cpu", detectors=("paper-cnn",), options={"size": 64})
    plain = paper_tables(runs, options, print)["entries"][0]
    assert plain["accuracy"]["mean"] >= 0.90


def test_the_tables_stand_beside_the_papers_with_their_bars() -> None:
    document: dict[str, Any] = {
        "seeds": [0, 1],
        "protocol": "paper",
        "paper": tables("paper-cnn", "resnet-18"),
    }
    bars = list(sheets.bars(document))
    assert [bar.target for bar in bars] == [0.90, 1200.0]
    assert bars[0].value == document["paper"]["entries"][0]["accuracy"]["mean"]
    made = sheets.sheets({**document, "bars": [bar.to_json() for bar in bars]})
    text = "\n".join(one.text() for one in made)
    assert "Table 2 of the Gantt paper" in text
    assert "Table 3 of the Gantt paper" in text
    assert "our CNN + aug" in text
    assert "0.870" in text
    assert "reduced form" in text


def test_the_command_measures_the_runs_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[PaperOptions] = []

    def measured(runs: Any, options: PaperOptions, say: Any) -> dict[str, Any]:
        asked.append(options)
        return paper_tables(runs, replace(options, device="cpu", options=QUICK), say)

    monkeypatch.setattr(measuring, "_labelled", lambda *given: RUNS)
    monkeypatch.setattr(measuring, "paper_tables", measured)
    wish = measuring.Options("paper", quick=True, detectors=("paper-cnn",))
    found = measuring.benchmark_diagnosis(wish, "lamina benchmark diagnosis", lambda text: None)
    assert [line["name"] for line in found["paper"]["entries"]] == ["our CNN", "our CNN + aug"]
    assert asked[0].seeds == range(1)
    assert len(found["bars"]) == 2
