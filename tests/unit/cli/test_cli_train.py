"""`lamina train`: options, results, models, checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commandline import done, run, write_rows

from lamina.nets.bundle import Bundle
from lamina.nets.convert.dataview import write_model

GOLDEN = Path(__file__).parents[2] / "golden" / "train-json-keys.txt"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small table; the working folder is its folder."""
    monkeypatch.chdir(tmp_path)
    return write_rows(tmp_path / "rows.csv")


def told(data: Path, *more: str | Path) -> tuple[str | Path, ...]:
    return ("train", "2-3-1", "--data", data, "--target", "label", "--epochs", "20", *more)


def keys(value: Any, prefix: str = "") -> list[str]:
    """Every path of keys in a document; a list stands for its first item."""
    if isinstance(value, dict):
        dotted = f"{prefix}." if prefix else ""
        return [path for key, inner in value.items() for path in keys(inner, f"{dotted}{key}")]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return keys(value[0], f"{prefix}[]")
    return [prefix]


def test_json_has_the_keys_that_are_promised(data: Path) -> None:
    found = done(*told(data, "--plan", "kfold:2", "--json")).json
    # More keys may come; none that was there may go.
    assert set(GOLDEN.read_text(encoding="utf-8").split()) <= set(keys(found))
    assert len(found["folds"]) == 2
    assert found["engine"] in ("fused", "torch")


def test_json_is_all_that_is_printed(data: Path) -> None:
    ran = done(*told(data, "--json", "-o", "m.lamina"))
    assert ran.err == ""
    assert json.loads(ran.out)["seed"] == 0


def test_every_setting_reaches_the_training(data: Path) -> None:
    given = {
        **{"epochs": 7, "batches": 3, "learning_rate": 0.03, "momentum": 0.5, "seed": 11},
        **{"weight_decay": 0.01, "schedule": "cosine", "warmup_epochs": 2, "loss": "bce"},
        **{"initialisation": "kaiming", "clip_norm": 2.0, "shuffle": "epoch", "patience": 4},
        **{"validation": 0.25, "optimiser": "sgd"},
    }
    names = {"learning_rate": "--lr"}
    options = [
        word
        for name, value in given.items()
        for word in (names.get(name, f"--{name.replace('_', '-')}"), str(value))
    ]
    found = done(*told(data, *options, "--json")).json["settings"]
    assert {name: found[name] for name in given} == given


def test_the_text_names_engine_plan_metrics_and_model(data: Path) -> None:
    ran = done(*told(data, "--plan", "kfold:2", "-o", "sub/m.lamina", "-q"))
    assert "plan kfold:2, 20 epochs, seed 0" in ran.out
    assert "mean ± std" in ran.out
    assert ran.out.endswith("model: sub/m.lamina\n")
    assert ran.err == ""
    assert Bundle.load("sub/m.lamina").seed == 0


def test_progress_goes_to_standard_error(data: Path) -> None:
    ran = done(*told(data))
    assert "1 training on" in ran.err
    assert "1 training on" not in ran.out


@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_an_engine_can_be_asked_for(engine: str, data: Path) -> None:
    found = done(*told(data, "--engine", engine, "--device", "cpu", "--json")).json
    assert (found["engine"], found["device"]) == (engine, "cpu")


def test_a_sweep_trains_every_combination(data: Path) -> None:
    grid = ("--sweep", "lr=0.1,0.01", "--sweep", "momentum=0.9,0.1")
    found = done(*told(data, *grid, "--json")).json
    assert [one["label"] for one in found["sets"]][:2] == [
        "learning_rate 0.1, momentum 0.9",
        "learning_rate 0.1, momentum 0.1",
    ]
    assert len(found["sets"]) == 4


def test_pictures_are_drawn_and_named(data: Path) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")
    ran = done(*told(data, "--pictures", "pictures"))
    assert "picture: pictures/loss-curve.png" in ran.err
    assert Path("pictures/confusion.png").stat().st_size > 1000


def test_resume_without_checkpoints_says_so_and_starts_anew(data: Path) -> None:
    ran = done(*told(data, "-o", "m.lamina", "--resume"))
    assert "no checkpoints in m.lamina.checkpoints: the training starts anew" in ran.err
    assert Path("m.lamina").exists()


def test_checkpoints_beside_the_model_go_when_the_training_is_done(data: Path) -> None:
    done(*told(data, "-o", "m.lamina", "--every-epochs", "5"))
    assert not Path("m.lamina.checkpoints").exists()


def test_what_else_lies_in_the_folder_of_checkpoints_stays(data: Path) -> None:
    Path("m.lamina.checkpoints").mkdir()
    Path("m.lamina.checkpoints/notes.txt").write_text("mine", encoding="utf-8")
    done(*told(data, "-o", "m.lamina", "--every-epochs", "5"))
    assert [path.name for path in Path("m.lamina.checkpoints").iterdir()] == ["notes.txt"]


def test_a_folder_of_checkpoints_that_was_named_is_kept(data: Path) -> None:
    more = ("-o", "m.lamina", "--checkpoint", "steps", "--every-epochs", "5")
    done(*told(data, *more))
    kept = sorted(path.name for path in Path("steps").iterdir())
    assert kept[-1] == "checkpoint-g0-e00000020.safetensors"
    again = run(*told(data, *more))
    assert again.code == 2
    assert "resume it" in again.err
    assert "resumed after epoch 20" in done(*told(data, *more, "--resume")).err


def test_left_checkpoints_are_mentioned(data: Path) -> None:
    Path("m.lamina.checkpoints").mkdir()
    Path("m.lamina.checkpoints/checkpoint-g0-e00000005.safetensors").write_bytes(b"")
    ran = done(*told(data, "-o", "m.lamina"))
    assert "m.lamina.checkpoints holds checkpoints of an unfinished training" in ran.err


def test_resume_needs_a_place(data: Path) -> None:
    ran = run(*told(data, "--resume"))
    assert ran.code == 2
    assert "-o MODEL" in ran.err


SPECIFICATION = """\
lamina: training/1
name: small
network: 2-3-1
data: {source: rows.csv, target: label}
plan: kfold:2
settings: {epochs: 12, seed: 4}
output: from-spec.lamina
"""


def test_a_specification_finds_its_data_beside_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small.yaml").write_text(SPECIFICATION, encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    ran = done("train", "../small.yaml", "-q")
    assert "12 epochs, seed 4" in ran.out
    assert ran.out.endswith("model: from-spec.lamina\n")
    assert [path.name for path in elsewhere.iterdir()] == ["from-spec.lamina"]


def test_options_win_over_a_specification(data: Path) -> None:
    Path("small.yaml").write_text(SPECIFICATION, encoding="utf-8")
    found = done("train", "small.yaml", "--seed", "9", "--plan", "holdout", "--json").json
    assert (found["seed"], found["plan"], found["settings"]["epochs"]) == (9, "holdout:0.2", 12)


def test_the_papers_trainer_files_are_read_and_their_last_column_is_the_label(data: Path) -> None:
    line = {"wIpt": "rows.csv", "wOpt": "out.lamina", "numOfBatches": "5", "numOfEpochs": "15"}
    layers = {"0": "0,2,3", "1": "1", "2": "0,3,1", "3": "2"}
    Path("trainer").write_text(json.dumps({**line, "LayerArc": layers}), encoding="utf-8")
    ran = done("train", "trainer", "-q")
    assert "15 epochs" in ran.out
    assert Bundle.load("out.lamina").preparation["target"] == "label"


def test_a_trained_model_gives_its_network_to_another_training(data: Path) -> None:
    done(*told(data, "-o", "m.lamina"))
    papers = write_model(Bundle.load("m.lamina"), ".")
    for source in ("m.lamina", str(papers)):
        ran = done("train", source, "--data", data, "--target", "label", "--epochs", "5", "--json")
        assert ran.json["network"]["parameters"] == 13


def test_a_loss_that_is_no_number_ends_with_code_1_and_the_cause(data: Path) -> None:
    ran = run(*told(data, "--lr", "1e38", "--normalise", "none", "--loss", "mse"))
    assert ran.code == 1
    assert "not a number" in ran.err
    assert "learning rate 1e+38 is probably too large: try 0.1" in ran.err


def test_a_training_begins_with_a_model_freezes_parts_and_gives_rates(data: Path) -> None:
    done(*told(data, "-o", "m.lamina"))
    before = Bundle.load("m.lamina").weights
    parts = ("--freeze", "l1", "--rate", "l2=0.5", "--engine", "torch", "-o", "n.lamina")
    ran = done(*told(data, "--weights", "m.lamina", *parts))
    assert "weights: begun with m.lamina (sha256:" in ran.out
    after = Bundle.load("n.lamina")
    assert {n for n in before if (before[n] == after.weights[n]).all()} == {"l1.weight", "l1.bias"}
    assert (after.settings["frozen"], after.settings["rates"]) == (["l1"], {"l2": 0.5})
    assert "begun with m.lamina" in after.settings["model"]


def test_weights_that_are_not_there_are_said_and_the_training_goes_on(data: Path) -> None:
    ran = done(*told(data, "--weights", "none.pth", "-q"))
    assert (
        ran.err == "warning: there are no weights at none.pth: the training begins from scratch\n"
    )
    assert "weights: there are no weights at none.pth" in ran.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--rate", "l2"), "--rate 'l2' cannot be read"),
        (("--rate", "l2=fast"), "--rate 'l2=fast' cannot be read"),
        (("--freeze", "l3"), "there is no part 'l3'; there are: l1, l2"),
        (("--freeze", "l1", "--engine", "fused"), "fused trains all layers at one rate"),
        (("--weights", "rows.csv"), "neither safetensors nor a torch file"),
    ],
)
def test_parts_and_weights_that_do_not_hold_are_refused(
    options: tuple[str, ...], said: str, data: Path
) -> None:
    ran = run(*told(data, *options))
    assert ran.code == 2
    assert said in ran.err


def test_a_network_of_the_zoo_takes_arguments(tmp_path: Path) -> None:
    rows = ["a,b,c,d,e,f,g,h,i,label"] + [
        f"{k % 7},1,2,3,{k % 5},5,6,7,8,{k % 2}" for k in range(16)
    ]
    table = tmp_path / "pictures.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    name = "resnet-18:classes=2,shape=1x3x3,width=0.03,head=two-layer"
    options = ("--target", "label", "--epochs", "2", "--batches", "2", "--json")
    found = done("train", name, "--data", table, *options).json
    assert found["engine"] == "torch"
    ran = run("train", "resnet-18:classes=2", "--data", table, "--target", "label")
    assert ran.code == 2
    assert "a network for pictures takes their size: resnet-18:shape=1x3x3" in ran.err
