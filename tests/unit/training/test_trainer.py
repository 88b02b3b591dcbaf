"""Training as a whole: every plan gives one kind of result, mistakes come before work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.data.tables import Table
from lamina.errors import CheckpointError, DivergedError, SettingsError, UnknownNameError
from lamina.nets.network import Network
from lamina.nets.zoo import mlp
from lamina.training import progress
from lamina.training.forward import apply
from lamina.training.plans import Plan
from lamina.training.result import TrainingResult
from lamina.training.settings import Settings
from lamina.training.trainer import train

FAST = Settings(epochs=30)


@pytest.mark.parametrize(
    ("plan", "folds", "members"),
    [
        ("holdout", 1, 1),
        ("holdout:0.3x3", 3, 3),
        ("kfold:4", 4, 4),
        ("kfold:3x2", 6, 6),
        ("kfold:2+restarts:3", 2, 6),
        ("holdout+ensemble:3", 1, 3),
        ("kfold:2+restarts:2+ensemble:2", 2, 8),
        ("all", 1, 1),
    ],
)
def test_every_plan_gives_the_same_kind_of_result(
    table: Table, network: Network, reference: str, plan: str, folds: int, members: int
) -> None:
    result = train(network, table, "label", FAST, plan, engine=reference)
    assert isinstance(result, TrainingResult)
    assert len(result.chosen.folds) == folds
    assert len(result.members) == members
    said = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert len(said["folds"]) == folds
    assert said["accuracy"]["count"] == (0 if plan == "all" else folds)
    assert set(said["seconds"]) == {"prepare", "compile", "train", "evaluate", "total"}
    assert (result.model is None) is (folds > 1)


def test_equal_seeds_give_equal_results(table: Table, network: Network, reference: str) -> None:
    results = [
        train(network, table, "label", FAST.changed(seed=s), "kfold:3", engine=reference)
        for s in (4, 4, 5)
    ]
    losses = [[member.cost.tolist() for member in result.members] for result in results]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_a_member_does_not_depend_on_its_company(
    table: Table, network: Network, reference: str
) -> None:
    alone = train(network, table, "label", FAST, "holdout", engine=reference)
    plan = Plan.parse("holdout+restarts:2", {"learning_rate": [0.1, 0.3]})
    among = train(network, table, "label", FAST, plan, engine=reference)
    assert np.array_equal(alone.members[0].cost, among.members[0].cost)


def test_a_sweep_keeps_the_order_of_its_sets(
    table: Table, network: Network, reference: str
) -> None:
    plan = Plan.parse("kfold:2", {"epochs": [20, 10], "learning_rate": [0.1, 0.5]})
    result = train(network, table, "label", FAST, plan, engine=reference)
    assert [one.settings.epochs for one in result.sets] == [20, 20, 10, 10]
    assert [one.settings.learning_rate for one in result.sets] == [0.1, 0.5, 0.1, 0.5]
    assert [len(m.cost) for m in result.members] == [20] * 4 + [10] * 4
    losses = [one.loss for one in result.sets]
    assert losses[result.best] == min(losses)
    assert result.chosen_by == "training loss"


def test_restarts_are_chosen_by_loss_never_by_test_rows(
    table: Table, network: Network, reference: str
) -> None:
    result = train(network, table, "label", FAST, "kfold:3+restarts:4", engine=reference)
    for fold in result.chosen.folds:
        place = (fold.place.repeat, fold.place.fold)
        rivals = [m for m in result.members if (m.place.repeat, m.place.fold) == place]
        chosen = result.members[fold.members[0]]
        assert chosen.loss == min(rival.loss for rival in rivals)


def test_refitting_gives_a_model_of_all_rows_and_leaves_the_metrics(
    table: Table, network: Network, reference: str
) -> None:
    plain = train(network, table, "label", FAST, "kfold:3", engine=reference)
    refit = train(network, table, "label", FAST, "kfold:3", engine=reference, refit=True)
    assert refit.metric("accuracy") == plain.metric("accuracy")
    assert refit.model is not None
    assert refit.model.origin == "refitted on all 120 rows; metrics from kfold:3"
    assert "refit" in refit.seconds
    whole = train(network, table, "label", FAST, "all", engine=reference)
    assert whole.model is not None
    assert all(np.array_equal(refit.model.weights[k], a) for k, a in whole.model.weights.items())


def test_an_ensemble_is_one_network_that_gives_the_mean(
    table: Table, network: Network, reference: str
) -> None:
    result = train(network, table, "label", FAST, "holdout+ensemble:3", engine=reference)
    model, fold = result.model, result.chosen.folds[0]
    assert model is not None and model.shift is not None and model.scale is not None
    rows = (result.examples.features[fold.test_rows] - model.shift) * model.scale
    outputs = apply(model.network, model.weights, rows.astype(np.float32))
    np.testing.assert_allclose(outputs[:, 0], fold.outputs[:, 1], atol=1e-6)
    assert model.origin == "mean of 3, trained on 96 training rows"


def test_early_stopping_judges_the_best_weights(
    table: Table, network: Network, reference: str
) -> None:
    settings = Settings(epochs=300, patience=8, learning_rate=0.8, validation=0.3)
    result = train(network, table, "label", settings, engine=reference)
    (member,), (fold,) = result.members, result.chosen.folds
    assert result.model is not None and member.best_epoch is not None
    assert member.epochs - member.best_epoch == 8
    program_rows = result.examples.features[fold.test_rows]
    assert member.shift is not None and member.scale is not None
    seen = ((program_rows - member.shift) * member.scale).astype(np.float32)
    outputs = apply(network, result.model.weights, seen)
    np.testing.assert_allclose(fold.outputs[:, 1], outputs[:, 0], atol=1e-6)
    assert result.chosen_by == "validation loss"


def test_a_diverged_set_is_recorded_and_another_counts(table: Table, reference: str) -> None:
    network = mlp(2, [4], 1, last="")
    settings = Settings(epochs=30, loss="mse", learning_rate=0.01)
    plan = Plan.parse("kfold:2", {"learning_rate": [1e30, 0.01]})
    result = train(network, table, "label", settings, plan, engine=reference)
    assert result.best == 1
    assert result.sets[0].diverged == tuple(f"learning_rate 1e+30, fold {k}" for k in (1, 2))
    assert result.sets[0].metric("accuracy")["mean"] is None
    said = json.dumps(result.to_json(curves=True), allow_nan=False)
    assert "the training diverged" not in json.loads(said)["folds"][0]["notes"].values()
    assert "diverged: learning_rate 1e+30, fold 2" in str(result)


def test_when_everything_diverges_it_is_an_error(table: Table, reference: str) -> None:
    network = mlp(2, [4], 1, last="")
    settings = Settings(epochs=30, loss="mse")
    plan = Plan.parse("holdout", {"learning_rate": [1e30, 1e31]})
    with pytest.raises(DivergedError, match="not a number"):
        train(network, table, "label", settings, plan, engine=reference)


def test_a_diverged_restart_is_passed_over(
    table: Table, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lamina.training.program import Program

    whole = Program.start_weights

    def broken(self: Program, member: Any) -> Any:
        weights = whole(self, member)
        if "restart 1" in member.label:
            weights = {k: a * np.float32(np.nan) for k, a in weights.items()}
        return weights

    monkeypatch.setattr(Program, "start_weights", broken)
    result = train(mlp(2, [4]), table, "label", FAST, "kfold:2+restarts:2", engine=reference)
    assert [result.members[f.members[0]].label for f in result.chosen.folds] == [
        "fold 1, restart 2",
        "fold 2, restart 2",
    ]


def test_one_class_in_the_test_rows_has_no_area_and_a_reason(
    network: Network, reference: str
) -> None:
    features = np.random.default_rng(0).random((30, 2))
    targets = np.array([1] + [0] * 29)
    result = train(network, (features, targets), settings=FAST, engine=reference)
    said = result.to_json()
    assert said["auc"]["mean"] is None
    assert "no row of class number 1" in said["folds"][0]["notes"]["auc"]
    json.dumps(said, allow_nan=False)


def test_regressions_have_their_own_metrics(reference: str) -> None:
    generator = np.random.default_rng(0)
    features = generator.random((80, 3))
    targets = features @ [1.0, -2.0, 0.5] + 0.01 * generator.normal(size=80)
    result = train(
        mlp(3, [6], 1, last=""),
        (features, targets),
        settings=Settings(epochs=200, learning_rate=0.05),
        plan="kfold:4",
        engine=reference,
    )
    mean = result.metric("r2")["mean"]
    assert mean is not None and mean > 0.95
    assert result.chosen.confusion is None
    assert [len(row) for row in result.table()] == [4] * 6


def test_the_confusion_matrix_counts_every_row_once(
    table: Table, network: Network, reference: str
) -> None:
    result = train(network, table, "label", FAST, "kfold:3", engine=reference)
    matrix = result.chosen.confusion
    assert matrix is not None
    assert matrix.sum() == 120
    assert matrix.sum(axis=1).tolist() == np.bincount(table["label"]).tolist()


def test_costs_are_given_each_hundred_epochs(
    table: Table, network: Network, reference: str
) -> None:
    result = train(network, table, "label", Settings(epochs=250), engine=reference)
    said = result.to_json()
    assert list(said["folds"][0]["cost"]) == ["0", "100", "200", "249"]
    assert said["folds"][0]["cost"]["100"] == result.members[0].cost[100]
    assert "curve" not in said["members"][0]
    assert len(result.to_json(curves=True)["members"][0]["curve"]) == 250


def test_options_that_do_not_exist_are_named_with_the_known_ones(
    table: Table, network: Network
) -> None:
    with pytest.raises(SettingsError, match="unknown option 'epochs'") as caught:
        train(network, table, "label", epochs=5)  # type: ignore[call-arg]
    assert "settings such as epochs go into Settings" in caught.value.way_out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"engine": "warp"}, "engine = 'warp'"),
        ({"device": "tpu"}, "device = 'tpu'"),
        ({"threads": -1}, "threads = -1"),
        ({"resume": True}, "need a folder"),
        ({"normalise": "max"}, "normalise = 'max'"),
        ({"target_scale": "max"}, "target_scale = 'max'"),
        ({"target_scale": "standard"}, "the target holds classes"),
    ],
)
def test_options_that_do_not_hold_are_refused(
    table: Table, network: Network, options: Any, said: str
) -> None:
    with pytest.raises((SettingsError, UnknownNameError), match=said):
        train(network, table, "label", **options)


def test_an_engine_that_refuses_says_why(table: Table, reference: str) -> None:
    network = mlp(2, [3], activation="GELU")
    with pytest.raises(SettingsError, match=r"(?s)reference cannot train.*not GELU"):
        train(network, table, "label", engine=reference)


def test_a_used_checkpoint_folder_is_not_overwritten(
    table: Table, network: Network, reference: str, tmp_path: Path
) -> None:
    def run(**options: Any) -> TrainingResult:
        return train(
            network, table, "label", FAST, "kfold:2", engine=reference, checkpoint=tmp_path,
            every_epochs=10, refit=True, **options,
        )  # fmt: skip

    first = run()
    with pytest.raises(CheckpointError, match="holds checkpoints of a training"):
        run()
    again = run(resume=True)
    assert again.model is not None and first.model is not None
    assert all(np.array_equal(again.model.weights[k], a) for k, a in first.model.weights.items())
    assert again.metric("auc") == first.metric("auc")


def test_resuming_takes_engine_and_threads_from_the_checkpoint(
    table: Table, network: Network, reference: str, tmp_path: Path
) -> None:
    settings: Any = {"settings": FAST, "checkpoint": tmp_path}
    train(network, table, "label", engine=reference, threads=3, **settings)
    result = train(network, table, "label", resume=True, **settings)
    assert (result.resource.engine, result.resource.threads) == ("reference", 3)


def test_another_training_cannot_be_resumed(
    table: Table, network: Network, reference: str, tmp_path: Path
) -> None:
    train(network, table, "label", FAST, engine=reference, checkpoint=tmp_path)
    with pytest.raises(CheckpointError, match="belongs to another training"):
        train(
            network,
            table,
            "label",
            FAST.changed(learning_rate=0.2),
            engine=reference,
            checkpoint=tmp_path,
            resume=True,
        )


def test_a_display_is_closed_also_after_an_error(table: Table, reference: str) -> None:
    class Display(progress.Progress):
        closed = 0
        interval = 0.0

        def __call__(self, event: progress.Event) -> None:
            if isinstance(event, progress.Advanced):
                raise RuntimeError("out of order")

        def close(self) -> None:
            self.closed += 1

    display = Display()
    with pytest.raises(RuntimeError):
        train(mlp(2, [2]), table, "label", FAST, engine=reference, progress=display)
    assert display.closed == 1
    train(mlp(2, [2]), table, "label", FAST, engine=reference, progress=lambda event: None)


def test_the_text_tells_what_ran_and_how_well(
    table: Table, network: Network, reference: str
) -> None:
    text = str(train(network, table, "label", FAST, "kfold:2", engine=reference))
    assert text.startswith(
        "tiny on moons: plan kfold:2, 30 epochs, seed 0\nengine reference on cpu"
    )
    assert "mean ± std" in text


def test_batches_may_be_changed_while_training_and_never_in_evaluation() -> None:
    generator = np.random.default_rng(0)
    data = generator.normal(size=(40, 3)), generator.integers(0, 2, 40)
    seen: list[int] = []

    def noisy(x: Any, seed: int) -> Any:
        seen.append(seed)
        return x + seed % 7

    chosen = Settings(epochs=3, batches=2)
    plain = train(mlp(3, [4], 2), data, settings=chosen, plan="kfold:2", engine="torch")
    result = train(mlp(3, [4], 2), data, settings=chosen, plan="kfold:2", augment=noisy, refit=True)
    assert result.resource.engine == "torch", "the only one that changes batches"
    assert len(seen) == 3 * 3 * 2, "two folds and the refit, epochs, batches"
    assert result.model is not None
    assert result.members[0].cost[0] != plain.members[0].cost[0]
