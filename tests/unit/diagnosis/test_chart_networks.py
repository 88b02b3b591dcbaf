"""Networks that read charts: options, beginnings, charts, parts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from lamina.diagnosis.augment import Augmentation
from lamina.diagnosis.charts import Charts
from lamina.diagnosis.detectors import DETECTORS, networks
from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.detectors.network_options import NetworkOptions
from lamina.diagnosis.detectors.networks import IMAGENET, LEAST, ChartNetworkFitted, PaperCnn
from lamina.diagnosis.runs import Collection
from lamina.errors import BundleError, DataError, SettingsError, UsageError
from lamina.nets.initial import initial_weights
from lamina.nets.zoo_pictures import alexnet
from lamina.testing.detectors import CLASSES, made_runs
from lamina.training.program import Program

QUICK = {"size": 16, "epochs": 2, "width": 0.1, "threads": 1}
PRETRAINED = ("alexnet", "vgg-16", "resnet-18")
RUNS = made_runs(batches=1, each=6)


def learnt(name: str = "paper-cnn", runs: Collection = RUNS, **options: Any) -> ChartNetworkFitted:
    given = {**QUICK, "weights": "", **options}
    if name == "paper-cnn":
        del given["weights"]
    found = DETECTORS.get(name)().fit(runs, None, Fitting(options=given))
    assert isinstance(found, ChartNetworkFitted)
    return found


def programs(monkeypatch: pytest.MonkeyPatch) -> list[Program]:
    """What is handed to the engine, and not trained."""
    found: list[Program] = []

    def keep(program: Program, how: Fitting, threads: int) -> tuple[dict[str, Any], dict[str, Any]]:
        found.append(program)
        return program.start_weights(program.members[0]), {"device": "cpu"}

    monkeypatch.setattr(networks, "_trained", keep)
    return found


def test_by_default_the_papers_cnn_learns_as_the_paper_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = programs(monkeypatch)
    PaperCnn().fit(RUNS, RUNS.taken([0, 7, 13]), Fitting(seed=3))
    (program,) = found
    settings = program.members[0].settings
    assert (settings.optimiser, settings.learning_rate, settings.patience) == ("adam", 1e-4, 4)
    assert (settings.initialisation, settings.seed, settings.shuffle) == ("kaiming", 3, "epoch")
    assert settings.batches == 2, "18 runs in batches of at most 16"
    assert program.augment is None
    assert program.features.dtype == np.uint8
    kinds = [node.layer.kind for node in program.network.nodes]
    assert kinds.count("Conv2d") == kinds.count("BatchNorm2d") == kinds.count("LeakyReLU") == 5
    assert kinds.count("Linear") == 3
    portion = program.portions[0]
    assert sorted(portion.train) == list(range(18))
    assert portion.validation.tolist() == [18, 19, 20], "the runs held back, and no others"


def test_without_runs_held_back_a_tenth_of_each_class_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = programs(monkeypatch)
    PaperCnn().fit(made_runs(each=10, batches=1), None, Fitting(options=QUICK))
    portion = found[0].portions[0]
    assert sorted(portion.validation // 10) == [0, 1, 2]
    assert not set(portion.validation) & set(portion.train)


def test_augmentation_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = programs(monkeypatch)
    learnt(augment="flips,noise=0.3")
    assert found[0].augment == Augmentation(flips=0.5, noise=0.3)


def test_augmented_charts_are_learnt_from() -> None:
    plain, changed = learnt(), learnt(augment="flips,jitter")
    assert plain.about["cost"] != changed.about["cost"]
    assert len(changed.about["validation"]) == changed.about["epochs"]


def test_a_device_that_was_left_open_is_the_one_that_was_found() -> None:
    fitted = PaperCnn().fit(RUNS, None, Fitting(device="auto", options=QUICK))
    assert isinstance(fitted, ChartNetworkFitted)
    assert fitted.device in ("cpu", "cuda")
    assert np.isfinite(fitted.scores(RUNS.runs)).all()


def test_options_of_the_charts_reach_them() -> None:
    fitted = learnt(channels="phases", axis="absolute", order="start")
    form = fitted.form
    assert (form.shape, form.order) == ((7, 16, 16), "start")
    assert form.seconds == pytest.approx(2 * np.median([run.table.seconds for run in RUNS]))


@pytest.mark.parametrize("name", PRETRAINED)
def test_absent_weights_are_told_and_the_network_learns_from_scratch(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, told = programs(monkeypatch), list[str]()
    options = {**QUICK, "size": 64, "width": 0.05, "weights": str(tmp_path / "absent.pth")}
    fitted = DETECTORS.get(name)().fit(RUNS, None, Fitting(options=options, tell=told.append))
    assert isinstance(fitted, ChartNetworkFitted)
    assert "absent.pth: the training begins from scratch" in told[0]
    assert fitted.about["begun"] == told[0]
    settings = found[0].members[0].settings
    assert (settings.learning_rate, settings.rates, settings.frozen) == (1e-4, (), ())
    assert any(node.name.startswith("head.") for node in found[0].network.nodes)


@pytest.mark.parametrize("odd", [{"width": 0.05}, {"channels": "phases", "width": 1.0}])
def test_nothing_is_looked_for_where_nothing_is_published(
    odd: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(monkeypatch)
    monkeypatch.setattr(networks, "beginning", lambda *given: pytest.fail("looked for"))
    fitted = learnt("resnet-18", weights="published", **odd)
    assert "published for charts in colours" in fitted.about["begun"]


def weights_file(folder: Path) -> Path:
    """Weights for a narrow AlexNet in torchvision's layout, as if they had been published."""
    network = alexnet(shape=(3, 64, 64), width=0.05)
    weights = initial_weights(network, "kaiming", 5)
    save_file(weights, folder / "narrow.safetensors")
    return folder / "narrow.safetensors"


def test_given_weights_keep_to_the_papers_rates_and_a_new_head_learns(tmp_path: Path) -> None:
    path = weights_file(tmp_path)
    options: dict[str, Any] = {"size": 64, "width": 0.05, "head_rate": 0.01, "frozen": "features"}
    fitted = learnt("alexnet", weights=str(path), **options)
    given = initial_weights(alexnet(shape=(3, 64, 64), width=0.05), "kaiming", 5)
    np.testing.assert_array_equal(
        fitted.weights["features.0.weight"], given["features.0.weight"], "frozen"
    )
    away = np.abs(fitted.weights["classifier.4.weight"] - given["classifier.4.weight"])
    assert 0 < away.max() < 1e-6, "1e-8 in each step"
    assert "narrow.safetensors" in fitted.about["begun"]
    assert "head.0" in fitted.about["begun"]


def test_pictures_are_brought_to_the_colours_that_weights_were_published_for(
    tmp_path: Path,
) -> None:
    fitted = learnt("alexnet", weights=str(weights_file(tmp_path)), size=64, width=0.05)
    mean, deviation = (np.array(values)[:, None, None] for values in IMAGENET)
    bare = replace(
        fitted,
        network=alexnet(len(CLASSES), "two-layer", (3, 64, 64), 0.05),
        weights={k: v for k, v in fitted.weights.items() if not k.startswith("pictures.")},
    )
    charts = Charts(RUNS.runs[:3], fitted.form).drawn() / 255.0
    normed = ((charts - mean) / deviation).astype(np.float32)
    np.testing.assert_allclose(
        fitted.outputs(charts.astype(np.float32)), bare.outputs(normed), rtol=1e-3, atol=1e-5
    )


def test_channels_other_than_colours_are_not_normed(tmp_path: Path) -> None:
    narrow = alexnet(shape=(7, 64, 64), width=0.05)
    save_file(initial_weights(narrow, "kaiming", 5), tmp_path / "seven.safetensors")
    path = str(tmp_path / "seven.safetensors")
    fitted = learnt("alexnet", weights=path, size=64, width=0.05, channels="phases")
    assert not any(name.startswith("pictures") for name in fitted.weights)


def test_parts_that_do_not_belong_together_are_refused() -> None:
    document, arrays = learnt().to_parts()
    document = json.loads(json.dumps(document))
    made = PaperCnn()
    with pytest.raises(BundleError, match=r"no features\.conv1\.weight"):
        made.restore(document, {k: a for k, a in arrays.items() if k != "features.conv1.weight"})
    with pytest.raises(BundleError, match=r"head\.linear3\.bias do not fit"):
        made.restore(document, {**arrays, "head.linear3.bias": np.zeros(9, np.float32)})
    with pytest.raises(BundleError, match="classes and charts do not fit"):
        made.restore({**document, "form": {**document["form"], "width": 17}}, arrays)
    with pytest.raises(BundleError, match="network"):
        made.restore({**document, "network": {"lamina": "network/1"}}, arrays)


def test_a_class_that_was_never_seen_has_the_least_score() -> None:
    runs = made_runs(("normal", "cpu"), batches=1, each=6)
    fitted = learnt(runs=Collection(runs.runs, CLASSES))
    assert (fitted.scores(runs.runs)[:, CLASSES.index("loss")] == LEAST).all()


def test_epochs_are_told() -> None:
    told: list[str] = []
    PaperCnn().fit(RUNS, None, Fitting(options=QUICK, tell=told.append))
    assert [line.split(":")[0] for line in told] == ["epoch 1", "epoch 2"]
    assert "held back" in told[0]


def test_options_may_be_text_and_mistakes_are_said_together() -> None:
    read = NetworkOptions.of({"size": "64", "learning_rate": "1e-3", "frozen": "a, b"})
    assert (read.size, read.learning_rate, read.frozen) == (64, 1e-3, ("a", "b"))
    with pytest.raises(DataError, match=r"(?s)no option 'sise'; epochs is 'few'.*known: size"):
        NetworkOptions.of({"sise": 3, "epochs": "few"})
    with pytest.raises(DataError, match=r"size is 0; .*body_rate is -1"):
        NetworkOptions.of({"size": 0, "body_rate": -1})
    with pytest.raises(DataError, match="no option 'weights'"):
        PaperCnn().fit(RUNS, None, Fitting(options={"weights": "published"}))


@pytest.mark.parametrize(
    ("options", "error"),
    [({"axis": "sideways"}, UsageError), ({"augment": "twists"}, UsageError)],
)
def test_wrong_charts_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{next(iter(options.values()))}"):
        learnt(**options)


def test_a_device_that_is_not_there_is_refused() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device: CUDA_VISIBLE_DEVICES= hides it")
    with pytest.raises(SettingsError, match="no CUDA device"):
        PaperCnn().fit(RUNS, None, Fitting(device="cuda", options=QUICK))


@pytest.mark.gpu
def test_networks_learn_and_judge_on_cuda() -> None:
    options = {**QUICK, "size": 32, "augment": "flips,jitter,shifts,noise,rotation"}
    fitted = PaperCnn().fit(RUNS, None, Fitting(device="cuda", options=options))
    assert np.isfinite(fitted.scores(RUNS.runs)).all()
