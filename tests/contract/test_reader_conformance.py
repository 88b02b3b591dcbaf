"""Every reader of traces holds the contract of readers, with whole samples and damaged ones."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from lamina.testing.readers import Edit, check_damaged, check_edited, check_reader, edits
from lamina.traces.readers import READERS
from lamina.traces.trace import Trace
from lamina.workspace.timelines import to_json

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
TRACES = GOLDEN / "traces"
SAMPLES = {
    "chrome.json": "chrome",
    "chrome-lamina.json": "chrome",
    "labelled/toy/normal/toy-20260102T030405Z-run0001.csv": "csv",
    "labelled/toy/cpu_2/toy-20260103T030405Z-run0001.csv": "csv",
    "labelled/toy/cpu_2/toy-20260103T030405Z-run0002.csv": "csv",
    "kickstart.out": "kickstart",
    "kickstart-two.out": "kickstart",
    "kickstart-cut.out": "kickstart",
    "kickstart-cut.yml": "kickstart",
    "kickstart-cluster.out": "kickstart",
    "kickstart.yml": "kickstart",
    "../records-1.sqlite": "lamina",
    "nextflow.txt": "nextflow",
    "parsl.db": "parsl",
    "pegasus": "pegasus",
    "toy-0.bp": "bp",
    "toy-0.dag.dagman.out": "dagman",
    "pegasus-database": "pegasus",
    "pegasus-database/toy-0.stampede.db": "stampede",
    "wfformat-1.4.json": "wfformat",
    "wfformat-1.5.json": "wfformat",
    "wfformat-lamina.json": "wfformat",
}
"""Sample -> the reader that it is for."""

SEEDS = int(os.environ.get("LAMINA_FUZZ", "40"))


def sample(name: str, folder: Path) -> Path:
    """A copy, so that what reads it may not change the sample."""
    path = (TRACES / name).resolve()
    copy = folder / "sample" / path.name
    copy.parent.mkdir()
    if path.is_dir():
        shutil.copytree(path, copy)
    else:
        shutil.copy(path, copy)
    return copy


@pytest.mark.parametrize("name", SAMPLES)
def test_readers_keep_their_contract(name: str, tmp_path: Path) -> None:
    assert check_reader(READERS.get(SAMPLES[name])(), sample(name, tmp_path), tmp_path)


@pytest.mark.parametrize("name", SAMPLES)
def test_no_other_reader_takes_a_sample_for_its_own(name: str, tmp_path: Path) -> None:
    from lamina.testing.readers import _source

    source = _source(sample(name, tmp_path))
    readers = {one: READERS.get(one)() for one in READERS}
    takes = [
        one
        for one, reader in readers.items()
        if reader.folders == source.is_folder and reader.detects(source)
    ]
    assert takes == [SAMPLES[name]]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_read_as_it_was(name: str, tmp_path: Path) -> None:
    """The snapshot; LAMINA_SNAPSHOTS=1 writes it anew."""
    from lamina.testing.readers import _source

    found = READERS.get(SAMPLES[name])().read(_source(sample(name, tmp_path)))
    told = [_told(trace) for trace in found]
    file = TRACES / "snapshots" / f"{name.strip('./').replace('/', '--')}.json"
    if os.environ.get("LAMINA_SNAPSHOTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    assert told == json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_samples_are_read_or_refused_with_the_place(name: str, tmp_path: Path) -> None:
    original = sample(name, tmp_path)
    for seed in range(SEEDS):
        check_damaged(READERS.get(SAMPLES[name])(), original, seed, tmp_path)


@pytest.mark.parametrize("name", [name for name in SAMPLES if (TRACES / name).is_file()])
def test_what_hypothesis_does_to_a_sample_is_read_or_refused_with_the_place(name: str) -> None:
    reader, data = READERS.get(SAMPLES[name])(), (TRACES / name).read_bytes()

    @settings(max_examples=SEEDS, deadline=None, derandomize=True, database=None)
    @given(edits())
    def holds(told: list[Edit]) -> None:
        check_edited(reader, Path(name).name, data, told)

    holds()


def _told(trace: Trace) -> dict[str, Any]:
    """What is worth to be kept of a trace; short lists in one line each."""
    found: dict[str, Any] = json.loads(json.dumps(to_json(trace)))
    found["about"] = {key: value for key, value in trace.about.items() if key != "source"}
    found["parents"] = {unit: list(trace.parents.get(unit, ())) for unit in trace.last}
    kept = (
        "task", "number", "status", "kind", "ready", "begin", "end", "phases", "worker", "host",
        "usage", "exit", "error", "labels",
    )  # fmt: skip
    found["attempts"] = [{key: one[key] for key in kept} for one in found["attempts"]]
    return found
