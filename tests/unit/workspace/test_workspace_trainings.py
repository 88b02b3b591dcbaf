"""A specification from a file and options laid over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lamina.errors import DocumentError, SettingsError, UsageError
from lamina.training.progress import Advanced, Diverged, Warned
from lamina.workspace.trainings import OWN_FOLDER, Quiet, remove_checkpoints, specification


def told(**options: Any) -> Any:
    return specification("papers-1", {"data": "breast-cancer", **options})


def test_options_become_settings_plan_resource_and_reading() -> None:
    made = told(epochs=7, seed=3, plan="kfold:4+restarts:2", engine="torch", normalise="standard")
    assert (made.settings.epochs, made.settings.seed) == (7, 3)
    assert str(made.plan) == "kfold:4+restarts:2"
    assert made.resource.engine == "torch"
    assert made.reading.normalise == "standard"
    assert made.target == "label"


def test_an_output_asks_for_a_model_of_all_rows() -> None:
    assert told(output="m.lamina").refit
    assert not told().refit


def test_a_sweep_is_a_grid_of_plain_values() -> None:
    made = told(sweep=("lr=0.1,0.01", "optimiser=sgd,adam"))
    assert len(made.plan.sets) == 4
    assert made.plan.sets[0] == (("learning_rate", 0.1), ("optimiser", "sgd"))


@pytest.mark.parametrize("option", [{"resume": True}, {"every_epochs": 5}, {"every_seconds": 2.0}])
def test_checkpoints_lie_beside_the_model_unless_a_folder_is_named(option: dict[str, Any]) -> None:
    beside = told(output="a/m.lamina", **option)
    assert beside.checkpoint.folder == f"a/m.lamina{OWN_FOLDER}"
    assert told(output="m.lamina", checkpoint="steps", **option).checkpoint.folder == "steps"
    with pytest.raises(UsageError, match="no place for checkpoints"):
        told(**option)


def test_without_a_wish_there_are_no_checkpoints() -> None:
    assert told(output="m.lamina").checkpoint.folder == ""


def test_only_checkpoints_are_removed(tmp_path: Path) -> None:
    for name in ("checkpoint-g0-e00000005.safetensors", "checkpoint-g0-e1.safetensors.part"):
        (tmp_path / name).touch()
    (tmp_path / "mine.txt").touch()
    remove_checkpoints(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    remove_checkpoints(tmp_path / "nothing")


def test_a_workflow_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("lamina: workflow/1\nname: w\n", encoding="utf-8")
    with pytest.raises(DocumentError, match="is a workflow") as caught:
        specification(str(path), {"data": "breast-cancer"})
    assert caught.value.way_out == f"lamina run {path}"


def test_class_weights_are_numbers_or_balanced() -> None:
    assert told(class_weights="1,3.5").settings.class_weights == (1.0, 3.5)
    assert told(class_weights="balanced").settings.class_weights == "balanced"
    with pytest.raises(UsageError, match="class-weights"):
        told(class_weights="heavy")


def test_a_sweep_over_an_unknown_setting_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        told(sweep=("magic=1,2",))
    assert "learning_rate" in caught.value.way_out


def test_quiet_progress_says_warnings_only() -> None:
    said: list[str] = []
    quiet = Quiet(said.append)
    quiet(Advanced(0, 1, 2, 0.5, None, 1, 10.0, 1.0))
    quiet(Warned(0, "odd"))
    quiet(Diverged(0, "fold 1", 3, "too fast"))
    quiet.close()
    assert said[0] == "warning: odd"
    assert "fold 1" in said[1]
    assert len(said) == 2
