"""The papers' comprehensive workflow: as YAML, as Python, on the command line, one table."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lamina.data.sources import load
from lamina.data.split import holdout
from lamina.data.tables import Table, read_table, write_table
from lamina.execution import run
from lamina.nets.bundle import Bundle
from lamina.nets.zoo import ZOO
from lamina.training.result import bundle
from lamina.training.settings import Settings
from lamina.training.trainer import train
from lamina.workflow.document import read_workflow

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("first", "second", "third")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of the breast-cancer set that no model has seen, and three trained models."""
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    made = tmp_path_factory.mktemp("ensemble")
    table = load("breast-cancer")
    kept, aside = holdout(table.rows, test=0.2, seed=0, labels=table["label"])
    write_table(table.take(aside), made / "test.csv")
    network: Any = ZOO.get("papers-1")
    for seed, name in enumerate(NAMES, start=1):
        settings = Settings(epochs=200, seed=seed)
        result = train(network(), table.take(kept), "label", settings, "all")
        bundle(result, name).save(made / f"{name}.lamina")
    return made


@pytest.fixture(scope="module")
def inputs(folder: Path) -> dict[str, Any]:
    models = {name: Bundle.load(folder / f"{name}.lamina") for name in NAMES}
    return {"data": read_table(folder / "test.csv"), **models}


@pytest.fixture(scope="module")
def from_yaml(inputs: dict[str, Any]) -> Mapping[str, Any]:
    return run(read_workflow(EXAMPLES / "ensemble.yaml"), inputs).outputs


def example() -> ModuleType:
    """examples/ensemble.py as a module."""
    spec = importlib.util.spec_from_file_location("ensemble", EXAMPLES / "ensemble.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ensemble"] = module
    spec.loader.exec_module(module)
    return module


def same(one: Table, other: Table) -> bool:
    return one.names == other.names and all(
        np.array_equal(one[name], other[name]) for name in one.names
    )


def test_python_gives_the_table_of_the_yaml(
    inputs: dict[str, Any], from_yaml: Mapping[str, Any]
) -> None:
    outputs = run(example().ensemble(), inputs).outputs
    assert same(outputs["predictions"], from_yaml["predictions"])
    assert outputs["score"] == from_yaml["score"]


def test_the_command_line_gives_the_table_of_the_yaml(
    folder: Path, tmp_path: Path, from_yaml: Mapping[str, Any]
) -> None:
    models = [word for name in NAMES for word in ("-p", f"{name}={folder / name}.lamina")]
    command = [sys.executable, "-m", "lamina", "run", str(EXAMPLES / "ensemble.yaml"), *models]
    command += ["-p", f"data={folder / 'test.csv'}", "-o", str(tmp_path), "-q"]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    found = read_table(tmp_path / "predictions.csv")
    wanted: Table = from_yaml["predictions"]
    for name in wanted.names:
        np.testing.assert_allclose(found[name], wanted[name].astype(np.float64), rtol=1e-12)


def test_both_forms_have_the_same_tasks_and_ports() -> None:
    one, other = read_workflow(EXAMPLES / "ensemble.yaml"), example().ensemble()
    assert sorted(t.action.summary() for t in one.tasks) == sorted(
        t.action.summary() for t in other.tasks
    )
    assert [port.name for port in one.inputs] == [port.name for port in other.inputs]
    assert [port.name for port in one.outputs] == [port.name for port in other.outputs]


def test_the_vote_of_each_row_is_what_most_models_say(
    folder: Path, inputs: dict[str, Any], from_yaml: Mapping[str, Any]
) -> None:
    from lamina.training.tasks import predict

    ballots = np.stack([predict(inputs[name], inputs["data"])["prediction"] for name in NAMES])
    wanted = (ballots.sum(axis=0) >= 2).astype(np.int64)
    np.testing.assert_array_equal(from_yaml["predictions"]["prediction"], wanted)
    truth = inputs["data"]["label"].astype(np.int64)
    assert from_yaml["score"]["right"] == int((wanted == truth).sum())
    assert from_yaml["score"]["accuracy"] > 0.85


def test_a_model_that_does_not_fit_ends_the_run_with_the_tasks_name(
    folder: Path, inputs: dict[str, Any]
) -> None:
    from lamina.errors import TaskFailedError

    odd = inputs["data"].select(["mean_radius", "label"])
    with pytest.raises(TaskFailedError, match=r"predict_(first|second|third).*needs columns"):
        run(read_workflow(EXAMPLES / "ensemble.yaml"), {**inputs, "data": odd})
