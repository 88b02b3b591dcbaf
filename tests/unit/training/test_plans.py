"""Plans: texts, sweeps, mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.errors import SettingsError
from lamina.training.plans import PAPERS_SETS, Plan, as_plan, sweep_sets
from lamina.training.settings import Settings


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("holdout", Plan()),
        ("holdout:0.3", Plan(test=0.3)),
        ("holdout:0.25x4", Plan(test=0.25, repeats=4)),
        ("kfold", Plan("kfold")),
        ("kfold:10", Plan("kfold", folds=10)),
        ("kfold:5x3", Plan("kfold", folds=5, repeats=3)),
        ("all", Plan("all")),
        ("allx2", Plan("all", repeats=2)),
        ("holdoutx3", Plan(repeats=3)),
        ("KFOLD:3 + restarts:2 + ensemble:4", Plan("kfold", folds=3, restarts=2, ensemble=4)),
    ],
)
def test_a_text_is_a_plan(text: str, plan: Plan) -> None:
    assert Plan.parse(text) == plan


@given(
    st.builds(
        Plan,
        split=st.sampled_from(["holdout", "kfold", "all"]),
        test=st.sampled_from([0.1, 0.2, 0.25, 0.5]),
        folds=st.integers(2, 12),
        repeats=st.integers(1, 4),
        restarts=st.integers(1, 4),
        ensemble=st.integers(1, 4),
    )
)
def test_a_plan_reads_its_own_text(plan: Plan) -> None:
    again = Plan.parse(str(plan))
    assert str(again) == str(plan)
    assert again.trainings == plan.trainings


@pytest.mark.parametrize(
    "text",
    [
        *("", "fold:5", "kfold:1", "kfold:2.5", "holdout:1.5", "holdout:0", "kfold:5+lots:3"),
        *("kfold:5+restarts", "kfold:x3", "holdout:0.2x0", "kfold:5+restarts:0", "kfold:5x"),
        *("all:3", "5", "allx", "allx0", "all:x2", "kfold:5+restarts:3x2"),
    ],
)
def test_a_text_that_is_no_plan_shows_the_forms(text: str) -> None:
    with pytest.raises(SettingsError, match=r"kfold:5x3"):
        Plan.parse(text)


def test_all_mistakes_of_a_plan_come_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Plan(split="x", test=2.0, folds=1, repeats=0, sets=(), restarts=0, ensemble=0)
    assert len(caught.value.mistakes) == 7


def test_a_grid_takes_all_combinations() -> None:
    grid = sweep_sets({"learning_rate": [0.1, 0.01], "momentum": [0.9, 0.1, 0.0]})
    assert len(grid) == 6
    assert grid[1] == (("learning_rate", 0.1), ("momentum", 0.1))


def test_a_list_of_sets_is_taken_as_it_is() -> None:
    assert len(PAPERS_SETS) == 4
    plan = Plan.parse("kfold:5", [{"epochs": 10}, {"batches": 3, "optimiser": "adam"}])
    changed = plan.settings_of(Settings())
    assert (changed[0].epochs, changed[1].batches, changed[1].optimiser) == (10, 3, "adam")


def test_group_three_of_the_papers_is_twenty_trainings() -> None:
    assert Plan("kfold", sets=PAPERS_SETS).trainings == 20


def test_mistakes_of_all_sets_come_at_once() -> None:
    plan = Plan(sets=((("rate", 1),), (("momentum", 2.0),), (("optimiser", "best"),)))
    with pytest.raises(SettingsError) as caught:
        plan.settings_of(Settings())
    assert len(caught.value.mistakes) == 3
    assert "learning_rate" in caught.value.way_out


def test_a_grid_needs_lists() -> None:
    with pytest.raises(SettingsError, match="a list of values"):
        sweep_sets({"optimiser": "adam"})


def test_a_plan_stays_itself() -> None:
    plan = Plan("kfold", folds=7)
    assert as_plan(plan) is plan
    assert as_plan("kfold:7") == plan
