"""The papers' experiments as cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lamina.benchmark.cases import Case, read


def test_a_case_comes_back_from_its_file_as_it_was(case: Case, tmp_path: Path) -> None:
    case.save(tmp_path / "case.npz")
    back = Case.load(tmp_path / "case.npz")
    assert back.name == case.name
    assert back.network == case.network
    assert np.array_equal(back.features, case.features)
    assert np.array_equal(back.targets, case.targets)
    for ours, theirs in zip(case.portions, back.portions, strict=True):
        assert np.array_equal(ours.train, theirs.train)
        assert np.array_equal(ours.test, theirs.test)
        assert np.array_equal(np.asarray(ours.scale), np.asarray(theirs.scale))


@pytest.mark.parametrize(("group", "portions", "members"), [("I", 1, 1), ("II", 5, 5)])
def test_groups_one_and_two_train_the_first_hyper_parameters(
    case: Case, group: str, portions: int, members: int
) -> None:
    program = case.program(group, 10, seed=0)
    assert (len(program.portions), len(program.members)) == (portions, members)
    assert {m.settings.learning_rate for m in program.members} == {0.1}


def test_group_three_trains_four_sets_on_the_same_folds(case: Case) -> None:
    program = case.program("III", 10, seed=0)
    assert len(program.members) == 20
    assert len({(m.settings.learning_rate, m.settings.momentum) for m in program.members}) == 4
    assert [m.portion for m in program.members] == [0, 1, 2, 3, 4] * 4


def test_normalisation_is_fitted_on_training_rows_only(case: Case) -> None:
    program = case.program("I", 10, seed=0)
    trained = program.prepared(program.portions[0], "train")
    assert trained.min() == 0.0
    assert trained.max() == 1.0
    assert case.portions[0].shift is not None
    own = case.features[case.portions[0].train].min(axis=0)
    assert np.array_equal(np.asarray(case.portions[0].shift), own)


def test_operations_leave_out_the_gradient_of_the_inputs(case: Case) -> None:
    weights = 4 * 3 + 3 * 1
    assert case.flops() == 6 * weights - 2 * 4 * 3


def test_breast_cancer_needs_no_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = read("breast-cancer", seed=0)
    assert found.features.shape == (569, 5)
    assert found.network.name == "papers-1"
    assert len(found.portions) == 6
