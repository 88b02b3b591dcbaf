"""The bars: reached, missed, not measured."""

from __future__ import annotations

from typing import Any

from lamina.benchmark.bars import Bar, bars


def bar_of(results: dict[str, Any], start: str, subject: str = "banknote") -> Bar:
    """The bar whose name begins so."""
    return next(
        bar for bar in bars(results) if bar.name.startswith(start) and bar.subject == subject
    )


def test_a_bar_is_reached_missed_or_not_measured() -> None:
    assert Bar("rate", "x", 30.0, 25.0, "GFLOP/s").reached is True
    assert Bar("rate", "x", 20.0, 25.0, "GFLOP/s").reached is False
    assert Bar("rate", "x", None, 25.0, "GFLOP/s").reached is None
    assert Bar("time", "x", 50.0, 60.0, "s", at_least=False).reached is True
    assert Bar("time", "x", 70.0, 60.0, "s", at_least=False).reached is False


def test_ratios_are_held_to_the_bar_of_their_set(results: dict[str, Any]) -> None:
    bar = bar_of(results, "over PyTorch in memory, 1 thread")
    assert (bar.target, bar.reached) == (150.0, True)
    results["ratios"]["torch-memory"]["banknote"] = 149.0
    assert bar_of(results, "over PyTorch in memory, 1 thread").reached is False


def test_a_scaled_peer_is_noted(results: dict[str, Any]) -> None:
    assert "scaled from 10 epochs" in bar_of(results, "over PyTorch's DataLoader").note


def test_an_absent_peer_leaves_its_bar_open(results: dict[str, Any]) -> None:
    assert bar_of(results, "over a JAX scan").reached is None


def test_accuracy_is_held_to_scikit_learn_less_one_standard_error(results: dict[str, Any]) -> None:
    bar = bar_of(results, "accuracy")
    assert bar.target is not None
    assert abs(bar.target - (0.8 - 0.0316227766)) < 1e-9
    assert "scikit-learn 0.8000, SE 0.0316" in bar.note


def test_group_three_needs_all_five_sets(results: dict[str, Any]) -> None:
    assert bar_of(results, "group III, 20", "all sets").value is None
    for name in ("breast-cancer", "pima", "grid-stability", "bank-marketing"):
        results["group3"]["wall"][name] = 1.0
    bar = bar_of(results, "group III, 20", "all sets")
    assert bar.value is not None
    assert abs(bar.value - 49.0) < 1e-9
    assert bar.note == "scaled from 100 epochs"


def test_the_form_that_auto_picks_may_not_be_the_slower(results: dict[str, Any]) -> None:
    found = {"ratio": 1.4, "auto": "one by one", "auto_over_quicker": 1.4}
    results["vectorised"] = {"cpu": found}
    assert bar_of(results, "5 folds", "digits-cnn, cpu").reached is True
    assert bar_of(results, "form picked", "digits-cnn, cpu").reached is False


def test_on_two_cores_pytorch_counts_at_its_best(results: dict[str, Any]) -> None:
    for who, seconds in {"fused-2threads": 1.0, "torch-memory": 9.0}.items():
        results["seconds"][who]["bank-marketing"] = seconds
    results["seconds"]["torch-memory-2threads"]["bank-marketing"] = 12.0
    bar = bar_of(results, "over PyTorch in memory, on two cores", "bank-marketing")
    assert bar.value == 9.0
    assert bar.note == "PyTorch on one thread 9.0 x, on two 12.0 x"
