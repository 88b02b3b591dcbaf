"""Groups: plans laid out as portions, members and programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.tables import Table
from lamina.errors import SettingsError
from lamina.nets.network import Network
from lamina.nets.zoo import mlp
from lamina.training.examples import Examples, Reading, as_examples
from lamina.training.groups import Group, identity, lay_out, row_weights
from lamina.training.plans import PAPERS_SETS, Plan
from lamina.training.program import Portion
from lamina.training.settings import Settings

NETWORK = mlp(2, [3], 1)


def examples(rows: int = 60, seed: int = 0) -> Examples:
    generator = np.random.default_rng(seed)
    features = generator.random((rows, 2))
    return as_examples(NETWORK, (features, (np.arange(rows) % 3 == 0) * 1), "", Reading())


def laid(plan: str | Plan, **changes: Any) -> tuple[Group, ...]:
    chosen = plan if isinstance(plan, Plan) else Plan.parse(plan)
    return lay_out(NETWORK, examples(), Settings(**changes), chosen)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 8), st.integers(1, 3), st.integers(0, 99), st.booleans())
def test_every_row_is_tested_once_per_repeat(
    folds: int, repeats: int, seed: int, early: bool
) -> None:
    (group,) = laid(f"kfold:{folds}x{repeats}", seed=seed, patience=5 * early)
    tested = np.concatenate([p.test for p in group.program.portions])
    assert np.array_equal(np.bincount(tested), np.full(60, repeats))
    for portion in group.program.portions:
        everything = np.concatenate([portion.train, portion.validation, portion.test])
        assert np.array_equal(np.sort(everything), np.arange(60))
        assert bool(len(portion.validation)) is early


def test_statistics_come_from_training_rows_only() -> None:
    data = examples()
    (group,) = laid("kfold:3", patience=3)
    for portion in group.program.portions:
        seen = data.features[portion.train]
        assert portion.shift is not None and portion.scale is not None
        np.testing.assert_array_equal(portion.shift, seen.min(axis=0))
        np.testing.assert_allclose(1 / portion.scale, np.ptp(seen, axis=0))


def test_splits_keep_the_shares_of_the_classes() -> None:
    data = examples()
    (group,) = laid("kfold:5")
    for portion in group.program.portions:
        assert data.targets[portion.test].sum() == 4


def test_the_papers_sweep_is_one_program_of_twenty() -> None:
    (group,) = laid(Plan("kfold", sets=PAPERS_SETS))
    members = group.program.members
    assert len(members) == 20
    assert members[6].label == "learning_rate 0.01, momentum 0.9, fold 2"
    by_fold = {m.portion: set() for m in members}  # type: ignore[var-annotated]
    for member in members:
        by_fold[member.portion].add(member.seed)
    assert all(len(seeds) == 1 for seeds in by_fold.values()), "every set starts from the same"
    assert len({seeds.pop() for seeds in by_fold.values()}) == 5, "every fold from its own"


def test_other_epochs_batches_and_optimisers_are_programs_of_their_own() -> None:
    plan = Plan.parse("holdout", {"epochs": [5, 9], "optimiser": ["sgd", "adam"], "seed": [0, 1]})
    groups = laid(plan)
    assert len(groups) == 4
    assert [len(group.places) for group in groups] == [2, 2, 2, 2]
    assert {place.set for group in groups for place in group.places} == set(range(8))


def test_restarts_and_ensembles_have_seeds_of_their_own() -> None:
    (group,) = laid("holdout+restarts:3+ensemble:2", seed=7)
    seeds = [member.seed for member in group.program.members]
    assert seeds[0] == 7
    assert len(set(seeds)) == 6
    assert group.program.members[4].label == "network 2, restart 2"


def test_neighbouring_seeds_share_no_weights() -> None:
    seeds = [{m.seed for m in laid("kfold:5", seed=s)[0].program.members} for s in (1, 2)]
    assert not seeds[0] & seeds[1]


def test_all_rows_train_when_none_tests() -> None:
    (group,) = laid("all")
    (portion,) = group.program.portions
    assert (len(portion.train), len(portion.test)) == (60, 0)
    assert not np.array_equal(portion.train, np.arange(60))


def test_no_shuffling_keeps_the_order_of_the_rows() -> None:
    (group,) = laid("holdout", shuffle="none")
    assert np.all(np.diff(group.program.portions[0].train) > 0)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [({"seed": 1}, True), ({"learning_rate": 0.2}, True), ({"epochs": 7}, True), ({}, False)],
)
def test_the_identity_covers_what_decides_the_weights(
    changes: dict[str, Any], difference: bool
) -> None:
    first, second = laid("kfold:3"), laid("kfold:3", **changes)
    assert (identity(first, "fused", "cpu") != identity(second, "fused", "cpu")) is difference


def test_the_identity_covers_data_network_engine_and_device() -> None:
    base = laid("kfold:3")
    other_rows = lay_out(NETWORK, examples(seed=1), Settings(), Plan("kfold", folds=3))
    other_net = lay_out(mlp(2, [4], 1), examples(), Settings(), Plan("kfold", folds=3))
    changed = [replace(g, program=replace(g.program, augment=lambda x, seed: -x)) for g in base]
    found = {
        identity(base, "fused", "cpu"),
        identity(base, "torch", "cpu"),
        identity(base, "torch", "cuda:1"),
        identity(other_rows, "fused", "cpu"),
        identity(changed, "fused", "cpu"),
        identity(other_net, "fused", "cpu"),
    }
    assert len(found) == 6
    assert identity(base, "torch", "cuda:0") in found, "another card of the same kind goes on"


def test_class_weights_become_row_weights() -> None:
    data, every = examples(), np.arange(60)
    balanced = row_weights(data, Settings(class_weights="balanced"), every)
    assert balanced is not None
    by_class = [balanced[data.targets == k].sum() for k in (0, 1)]
    assert by_class == pytest.approx([30, 30])
    given_ = row_weights(data, Settings(class_weights=(1.0, 3.0)), every)
    assert given_ is not None
    assert set(given_.tolist()) == {1.0, 3.0}
    assert row_weights(data, Settings(), every) is None


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.sampled_from(["holdout", "kfold:3", "holdout:0.3x2"]))
def test_test_rows_never_touch_balanced_weights(seed: int, plan: str) -> None:
    data = examples()
    chosen = Settings(class_weights="balanced", shuffle="none", patience=2 * (seed % 2))
    (group,) = lay_out(NETWORK, data, chosen, Plan.parse(plan))
    first = group.program.portions[0]
    seen = data.targets.copy()
    seen[first.test] = np.random.default_rng(seed).integers(0, 2, len(first.test))
    ours, theirs = (
        row_weights(replace(data, targets=t), chosen, first.train) for t in (data.targets, seen)
    )
    assert ours is not None and theirs is not None
    np.testing.assert_array_equal(ours[first.train], theirs[first.train])
    assert group.program.weights(first, "train") is not None
    for portion in group.program.portions:
        weights = group.program.weights(portion, "train")
        assert weights is not None
        by_class = [weights[data.targets[portion.train] == k].sum() for k in (0, 1)]
        assert by_class == pytest.approx([len(portion.train) / 2] * 2)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.sampled_from(["standard", "min-max"]), st.integers(1, 3))
def test_test_rows_never_touch_the_target_statistics(seed: int, scale: str, width: int) -> None:
    generator = np.random.default_rng(seed)
    features, targets = generator.random((40, 2)), generator.normal(5, 99, (40, width))
    network = mlp(2, [3], width, last="")
    reading = Reading(kind="regression", target_scale=scale)

    def portion(values: np.ndarray[Any, Any]) -> Portion:
        data = as_examples(network, (features, values), "", reading)
        return lay_out(network, data, Settings(seed=seed), Plan())[0].program.portions[0]

    ours = portion(targets)
    targets[ours.test] = generator.normal(-1e6, 1e9, (len(ours.test), width))
    theirs = portion(targets)
    assert ours.target_shift is not None and theirs.target_shift is not None
    assert ours.target_scale is not None and theirs.target_scale is not None
    assert ours.target_shift.shape == ours.target_scale.shape == (width,)
    assert ours.target_shift.tobytes() == theirs.target_shift.tobytes()
    assert ours.target_scale.tobytes() == theirs.target_scale.tobytes()


def test_class_weights_that_do_not_fit_are_named() -> None:
    with pytest.raises(SettingsError, match="3 weights for 2 classes: 0, 1"):
        laid("holdout", class_weights=(1.0, 2.0, 3.0))
    numbers = replace(examples(), task="regression", labels=(), targets=np.zeros(60))
    with pytest.raises(SettingsError, match="holds numbers, not classes"):
        row_weights(numbers, Settings(class_weights="balanced"), np.arange(60))


def test_a_network_that_does_not_fit_the_target_is_refused(table: Table, network: Network) -> None:
    data = as_examples(network, table, "a", Reading(kind="regression", features=("b", "label")))
    with pytest.raises(SettingsError, match="the target holds numbers"):
        lay_out(network, data, Settings(loss="bce"), Plan())


def test_a_regression_with_more_outputs_than_numbers_is_refused(table: Table) -> None:
    wide = mlp(2, [4], 3, last="")
    data = as_examples(wide, table, "a", Reading(kind="regression", features=("b", "label")))
    with pytest.raises(SettingsError, match="1 number per row; the network has 3 outputs"):
        lay_out(wide, data, Settings(), Plan())
