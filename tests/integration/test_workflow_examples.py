"""Every example is right as it stands, draws itself, and is the same as YAML and as Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

from lamina.data.sources import load
from lamina.execution import run
from lamina.nets.bundle import Bundle
from lamina.training.tasks import layer_output
from lamina.workflow import Workflow
from lamina.workflow.document import read_workflow, workflow_from_text, workflow_to_text
from lamina.workflow.lint import lint
from lamina.workflow.schema import workflow_schema
from lamina.workspace import runs
from lamina.workspace.drawings import graph

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCUMENTS = sorted(EXAMPLES.glob("*.yaml"))


@cache
def module(name: str) -> ModuleType:
    """An example's Python file."""
    spec = spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def from_python(path: Path) -> Workflow:
    """The workflow that the Python file beside a document builds."""
    name = path.stem.replace("-", "_")
    build: Callable[[], Workflow] = getattr(module(name), name)
    return build()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_an_example_is_right_as_it_stands(path: Path) -> None:
    assert lint(path) == ()
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(workflow_schema()).validate(document)
    read = read_workflow(path)
    for form in ("yaml", "json"):
        again = workflow_from_text(workflow_to_text(read, form), folder=path.parent)
        assert again == read
        assert workflow_to_text(again, form) == workflow_to_text(read, form)
    for picture in ("text", "mermaid", "svg"):
        drawn = graph(str(path), picture)
        assert all(task.name in drawn for task in read.tasks)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_python_form_has_the_same_ports_and_wires(path: Path) -> None:
    read, built = read_workflow(path), from_python(path)
    assert (built.name, built.inputs) == (read.name, read.inputs)
    assert {port.name for port in built.outputs} == {port.name for port in read.outputs}
    assert sorted(map(what_it_does, built.tasks)) == sorted(map(what_it_does, read.tasks))


def what_it_does(task: Any) -> str:
    """A task's action, parameters and scatter; a function by its name alone."""
    told = [task.action.kind, task.action.summary(), sorted(task.scatter)]
    return json.dumps([*told, dict(task.parameters)], sort_keys=True)


@pytest.mark.parametrize("name", ["word-count", "scatter-mean", "command-pipeline"])
def test_the_python_form_gives_the_same_numbers(name: str) -> None:
    path = EXAMPLES / f"{name}.yaml"
    outcomes = [run(flow).outputs for flow in (read_workflow(path), from_python(path))]
    read, built = ({n: as_told(v) for n, v in found.items()} for found in outcomes)
    assert read == built != {}


def as_told(value: Any) -> Any:
    """A file as what stands in it."""
    return value.read_text() if isinstance(value, Path) else value


def test_networks_are_trained_vote_and_are_judged_in_one_workflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = EXAMPLES / "train-and-predict.yaml"
    given = {"settings": {"epochs": 60, "seed": 1}}
    ran = runs.run(path, given, tmp_path / "out")
    accuracy = ran.outputs["accuracy"]
    assert len(accuracy["alone"]) == 3
    assert min(*accuracy["alone"], accuracy["vote"]) > 0.8
    models = [Bundle.load(tmp_path / "out" / "models" / f"{n}.lamina") for n in range(3)]
    assert [m.network.name for m in models] == ["papers-1", "5-4-1", "5-8-4-1"]
    built = run(from_python(path), given)
    assert built["accuracy"] == accuracy
    assert np.array_equal(built["predictions"]["p_1"], ran.outputs["predictions"]["p_1"])


def test_feature_maps_feed_tasks_in_training_and_in_prediction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = EXAMPLES / "feature-maps.yaml"
    given = {"data": load("digits").take(range(300))}
    ran = runs.run(path, given, tmp_path / "out")
    found = ran.outputs
    assert [(look["layer"], look["epoch"]) for look in found["course"]] == [("r1", 5), ("r1", 10)]
    assert found["course"][0]["strength"] != found["course"][1]["strength"]
    maps = np.load(tmp_path / "out" / "maps.npy")
    assert maps.shape == (60, 16, 8, 8)
    assert set(found["strongest"]) == {str(digit) for digit in range(10)}
    model = Bundle.load(tmp_path / "out" / "model.lamina")
    assert layer_output(model, given["data"], "c1").clip(0).max() >= maps.max()
    built = run(from_python(path), given)
    assert built["strongest"] == found["strongest"]
    assert np.array_equal(built["maps"], maps)
