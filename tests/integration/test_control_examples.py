"""Loops, conditions, tasks decided at run time, streams and needs: the examples, in processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina import run
from lamina.data.sources import load
from lamina.nets.bundle import Bundle
from lamina.workflow import log
from lamina.workflow.document import read_workflow

EXAMPLES = Path(__file__).parents[2] / "examples"


def ran(name: str, folder: Path, **inputs: Any) -> tuple[dict[str, Any], list[log.Event]]:
    """Outputs and events of an example, run in processes in a project of its own."""
    events: list[log.Event] = []
    found = run(
        read_workflow(EXAMPLES / f"{name}.yaml"), inputs, folder=folder, on_event=events.extend
    )
    return dict(found.outputs), events


def ended(events: list[log.Event]) -> list[str]:
    return [event.task for event in events if isinstance(event, log.AttemptEnded)]


def example(name: str) -> Any:
    spec = spec_from_file_location(f"plain_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_k_means_ends_where_plain_python_ends(tmp_path: Path) -> None:
    found, events = ran("k-means", tmp_path, k=4, parts=3)
    plain = example("k_means")
    points = plain.points(load("iris"), "species")
    centres, done, count = plain.start(points, 4), False, 0
    while not done:
        parts = [plain.sums(part, centres) for part in plain.cut(points, 3)]
        centres, done = plain.move(parts, centres)
        count += 1
    assert np.array_equal(found["centres"], centres)
    assert count > 2
    names = ended(events)
    moves = [name for name in names if name.endswith("/move")]
    assert moves == [f"cluster#{number}/move" for number in range(count)]
    assert len(names) == len(set(names)) == 4 + 4 * count
    assert sum(found["summary"]["sizes"]) == 150


def test_a_loop_that_does_not_end_fails_with_a_way_out(tmp_path: Path) -> None:
    from lamina.errors import TaskFailedError
    from lamina.workflow.document import workflow_from_text

    text = (EXAMPLES / "k-means.yaml").read_text().replace("most: 100", "most: 2")
    with pytest.raises(TaskFailedError, match="not done after 2 iterations"):
        run(workflow_from_text(text, EXAMPLES), folder=tmp_path)


@pytest.mark.parametrize(("wanted", "second"), [(0.5, False), (1.0, True)])
def test_a_condition_runs_one_branch_only(tmp_path: Path, wanted: float, second: bool) -> None:
    found, events = ran("second-opinion", tmp_path, wanted=wanted)
    names = set(ended(events))
    assert ("better/train" in names) == second
    assert names >= {"small", "weak", "judge"}
    assert found["metrics"]["accuracy"] > 0.9


def test_a_task_decides_which_tasks_follow(tmp_path: Path) -> None:
    rough, events = ran("adaptive-integral", tmp_path)
    fine, more = ran("adaptive-integral", tmp_path, tolerance=1e-6)
    wanted = np.sqrt(np.pi / 40)
    assert abs(rough["area"] - wanted) < 1e-3
    assert abs(fine["area"] - wanted) < 1e-5 < abs(rough["area"] - wanted)
    assert "integral/left/right" in ended(events)
    assert len(ended(more)) > len(ended(events))
    again, none = ran("adaptive-integral", tmp_path, tolerance=1e-6)
    assert again == fine
    reused = [event.task for event in none if isinstance(event, log.TaskReused)]
    assert len(reused) >= len(ended(more)) // 2


def test_two_tasks_follow_a_training_while_it_trains(tmp_path: Path) -> None:
    found, events = ran("live-training", tmp_path, data=load("digits").take(range(300)))
    assert found["course"]["epochs"] == 12 and found["course"]["fell"]
    assert [look["epoch"] for look in found["maps"]] == [3, 6, 9, 12]
    spans = {
        event.task: event.phases["run"] for event in events if isinstance(event, log.AttemptEnded)
    }
    for reader in ("course", "maps"):
        assert spans[reader][0] < spans["train"][1], "it began only when the training was over"
    told = [
        event.values
        for event in events
        if isinstance(event, log.AttemptProgressed) and event.task == "train"
    ]
    epochs = [one for values in told for one in listed(values.get("epoch"))]
    assert epochs == list(range(1, 13))
    losses = [one for values in told for one in listed(values.get("loss"))]
    assert len(losses) == 12 and losses[-1] < losses[0]


def listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def test_word_count_and_the_vote_run_in_processes(tmp_path: Path) -> None:
    words, events = ran("word-count", tmp_path, parts=4)
    assert next(iter(words["words"].items())) == ("a", 8)
    workers = {event.pid for event in events if isinstance(event, log.AttemptEnded)}
    assert os.getpid() not in workers and workers
    ballots = {"epochs": 40, "seed": 1}
    found, _ = ran("train-and-predict", tmp_path, settings=ballots)
    assert len(found["models"]) == 3
    assert found["accuracy"]["vote"] > 0.85


def test_needs_scripts_and_retries_are_kept(tmp_path: Path) -> None:
    found, events = ran("careful-pipeline", tmp_path, copies=3000)
    assert found["longest"][0] == "workflow"
    attempts = [event for event in events if isinstance(event, log.AttemptEnded)]
    words = next(event for event in attempts if event.task == "words")
    assert {"pre_script", "run", "post_script"} <= set(words.phases)
    statuses = [event.status for event in attempts if event.task == "longest"]
    assert statuses[0] == "memory" and statuses[-1] == "succeeded"
    given = [
        event.needs["memory"]
        for event in events
        if isinstance(event, log.AttemptStarted) and event.task == "longest"
    ]
    assert given == [150_000_000 * 2**number for number in range(len(given))]


TRAINING = """\
lamina: workflow/1
name: killed
inputs: {data: {type: table, default: digits}}
tasks:
  train:
    do: train-tapped
    in: {table: data}
    with:
      network: digits-cnn
      target: digit
      taps: [{layer: r1, every: 2, limit: 8}]
      settings: {epochs: 12, batches: 10, learning_rate: 0.02, seed: 5}
      options: {every_seconds: 0.2}
  look:
    do: python
    function: look.py:look
    in: {tapped: train.tapped, metrics: train.metrics}
outputs: {model: train.model, seen: look}
"""
LOOK = """\
from collections.abc import Iterator
from typing import Any
def look(tapped: Iterator[Any], metrics: list[dict[str, Any]]) -> dict[str, Any]:
    sums = [[one.epoch, float(one.values.sum(dtype="float64"))] for one in tapped]
    return {"sums": sums, "losses": [one["loss"] for one in metrics]}
"""


def commanded(folder: Path, *words: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "lamina", *words]
    return subprocess.Popen(
        argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def project_in(folder: Path) -> Path:
    folder.mkdir()
    (folder / "w.yaml").write_text(TRAINING)
    (folder / "look.py").write_text(LOOK)
    return folder


def given(folder: Path) -> dict[str, Any]:
    """All that the run gave but the digest of Lamina's own code, which a developer may change."""
    (file,) = (folder / "out").glob("model*")
    model = Bundle.load(file)
    weights = {name: array.tobytes() for name, array in model.weights.items()}
    told = (model.metrics, model.settings, model.versions, model.engine, model.device)
    seen = json.loads((folder / "out" / "seen.json").read_text())
    return {"weights": weights, "told": told, "seen": seen}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL needs POSIX")
def test_a_training_whose_engine_is_killed_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    whole, parts = project_in(tmp_path / "whole"), project_in(tmp_path / "parts")
    process = commanded(parts, "run", "w.yaml", "-o", "out")
    deadline = time.monotonic() + 60
    while not list(parts.glob(".lamina/runs/*/scratch/train/checkpoints/*.safetensors")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    resumed = commanded(parts, "resume", "-o", "out")
    said = resumed.communicate(timeout=120)[0]
    assert resumed.returncode == 0, said
    undisturbed = commanded(whole, "run", "w.yaml", "-o", "out")
    said = undisturbed.communicate(timeout=120)[0]
    assert undisturbed.returncode == 0, said
    assert given(parts) == given(whole)
    assert len(given(whole)["seen"]["losses"]) == 12
