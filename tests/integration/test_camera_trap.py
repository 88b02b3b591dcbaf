"""The application of the STOIC paper: five classes are learnt, stored, and told by two devices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

from lamina.workflow.document import read_workflow
from lamina.workflow.lint import lint
from lamina.workflow.schema import workflow_schema

FOLDER = Path(__file__).parents[2] / "examples/camera-trap"
DOCUMENT = FOLDER / "camera-trap.yaml"
TWO = ("cpu:0", "cpu:1")


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Finds a module of the example by its name, as its neighbours do."""
    monkeypatch.syspath_prepend(str(FOLDER))
    names = {"camera_trap", "classify", "devices", "scenes"}
    yield import_module
    for name in names & sys.modules.keys():
        del sys.modules[name]


def lamina(*words: str, folder: Path) -> str:
    """What the command prints."""
    command = [sys.executable, "-m", "lamina", *words]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a model that has learnt next to nothing."""
    folder = tmp_path_factory.mktemp("stored")
    given = ["-p", "count=60", "-p", "epochs=1", "-p", f"place=file://{folder}/bucket"]
    told = json.loads(lamina("run", str(DOCUMENT), *given, "--json", folder=folder))
    found: str = told["outputs"]["stored"]
    assert (folder / "bucket/camera-trap.lamina.json").is_file()
    return found


def test_the_document_is_right_and_the_same_in_python(example: Any) -> None:
    assert lint(DOCUMENT) == ()
    jsonschema.Draft202012Validator(workflow_schema()).validate(
        yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    )
    read, built = read_workflow(DOCUMENT), example("camera_trap").camera_trap()
    assert (built.name, built.inputs, built.edges) == (read.name, read.inputs, read.edges)
    assert [dict(task.parameters) for task in built.tasks] == [
        dict(task.parameters) for task in read.tasks
    ]
    assert [task.care for task in built.tasks] == [task.care for task in read.tasks]


def test_pictures_follow_from_their_seed_and_each_class_comes(example: Any) -> None:
    scenes = example("scenes")
    images, classes = scenes.batch(80, 4)
    again, _ = scenes.batch(80, 4)
    other, _ = scenes.batch(80, 5)
    assert images.shape == (80, 64, 96, 3)
    assert np.array_equal(images, again) and not np.array_equal(images, other)
    counts = Counter(classes)
    assert set(counts) == set(scenes.CLASSES)
    assert counts["Empty"] > 3 * counts["Fox"]


def test_rare_classes_are_up_sampled_with_pictures_that_differ(example: Any) -> None:
    images, classes = example("scenes").batch(80, 4)
    more = example("camera_trap").upsample.call(images, classes, seed=1)
    counts = Counter(more.classes)
    assert set(counts.values()) == {max(Counter(classes).values())}
    assert np.array_equal(more.images[:80], images)
    foxes = more.images[np.array(more.classes) == "Fox"]
    assert len(np.unique(foxes.reshape(len(foxes), -1), axis=0)) == len(foxes)


def test_two_devices_share_one_queue_and_each_picture_is_classified_once(
    example: Any, stored: str, tmp_path: Path
) -> None:
    example("scenes").write(tmp_path, 24, seed=7)
    files = sorted(tmp_path.glob("*.png"))
    classify = example("classify")
    classify.warm(stored, TWO)
    try:
        shared = classify.classify(files, stored, TWO)
    finally:
        classify.at_work(stored, TWO).close()
    by = Counter(answer.pop("device") for answer in shared)
    assert set(by) == set(TWO) and sum(by.values()) == 24
    alone = classify.classify(files, stored)
    assert [answer["class"] for answer in shared] == [answer["class"] for answer in alone]


def test_a_device_that_is_lost_gives_its_picture_back(
    example: Any, stored: str, tmp_path: Path
) -> None:
    example("scenes").write(tmp_path, 8, seed=7)
    files = [str(file) for file in sorted(tmp_path.glob("*.png"))]
    devices = example("classify").at_work(stored, ("cpu:2", "cpu:3"))
    devices.ready()
    try:
        os.kill(devices._processes["cpu:2"].pid, signal.SIGKILL)
        answers = devices.map(files)
    finally:
        devices.close()
    assert [answer["device"] for answer in answers] == ["cpu:3"] * 8


def test_a_file_that_is_no_picture_is_named(example: Any, stored: str, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("no picture")
    devices = example("classify").at_work(stored, ("cpu:4",))
    try:
        with pytest.raises(RuntimeError, match=r"no\.png"):
            devices.map([str(tmp_path / "no.png")])
    finally:
        devices.close()


@pytest.mark.slow
def test_the_network_recognises_pictures_that_it_has_not_seen(tmp_path: Path) -> None:
    told = json.loads(lamina("run", str(DOCUMENT), "--json", folder=tmp_path))
    metrics = told["outputs"]["metrics"]
    assert metrics["accuracy"] >= 0.85
    assert min(metrics["recognised"].values()) >= 0.6
    assert told["seconds"] < 240


def test_a_folder_of_real_pictures_stands_in_for_made_up_ones(example: Any) -> None:
    if not os.environ.get("LAMINA_DATA"):
        pytest.skip("set LAMINA_DATA to the folder with images/: no real pictures")
    root = Path(os.environ["LAMINA_DATA"]) / "images/cameratrap_camtrapR/sample_images_species_dir"
    found = example("camera_trap").pictures.call(root / "StationB")
    assert found.images.shape[1:] == (64, 96, 3)
    assert len(set(found.classes)) > 1 and len(found.classes) == len(found.images)


def test_pictures_of_a_folder_are_placed_and_each_is_classified(
    example: Any, stored: str, tmp_path: Path
) -> None:
    for name in ("profile.yaml", "job.yaml", "classify.py", "devices.py", "scenes.py"):
        (tmp_path / name).write_text((FOLDER / name).read_text(encoding="utf-8"))
    job = yaml.safe_load((tmp_path / "job.yaml").read_text())
    job["arguments"]["model"] = stored
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    example("scenes").write(tmp_path / "unseen", 12, seed=7)
    files = sorted((tmp_path / "unseen").glob("*.png"))
    alone = {
        file.name: answer
        for file, answer in zip(files, example("classify").classify(files, stored), strict=True)
    }
    for policy in ("share", "fixed:gpu"):
        place = ("place", "run", "--profile", "profile.yaml", "--policy", policy, "job.yaml")
        lamina(*place, "-o", policy, "-q", folder=tmp_path)
        found: dict[str, Any] = {}
        for file in sorted((tmp_path / policy).glob("*.json")):
            found |= json.loads(file.read_text())["items"]
        assert {name: told["class"] for name, told in found.items()} == {
            name: told["class"] for name, told in alone.items()
        }
