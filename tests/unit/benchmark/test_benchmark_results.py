"""Results documents: medians, ratios, rates under stable keys."""

from __future__ import annotations

from typing import Any

import pytest

from lamina.benchmark.cases import Case
from lamina.benchmark.results import look, spread_of


def test_seconds_are_medians_of_the_repeats(results: dict[str, Any]) -> None:
    assert results["seconds"]["fused"]["banknote"] == 0.02
    assert results["repeats"]["fused"]["banknote"] == 3
    assert results["spread"]["fused"]["banknote"] == [0.01, 0.03]


def test_ratios_are_peer_over_fused_with_equal_threads(results: dict[str, Any]) -> None:
    assert results["ratios"]["torch-memory"]["banknote"] == pytest.approx(200.0)
    assert results["ratios"]["sklearn"]["banknote"] == pytest.approx(50.0)
    assert results["ratios_2threads"]["torch-memory"]["banknote"] == pytest.approx(200.0)
    assert "fused-2threads" not in results["ratios"]


def test_a_loader_of_fewer_epochs_is_scaled_and_said_to_be(results: dict[str, Any]) -> None:
    assert results["seconds"]["torch-loader"]["banknote"] == pytest.approx(6.0)
    assert results["scaled"] == {"torch-loader.banknote": 10}
    assert "torch-loader" not in results["wall"]
    assert "torch-loader" not in results["accuracy_holdout"]


def test_accuracy_has_mean_deviation_and_standard_error(results: dict[str, Any]) -> None:
    found = results["accuracy"]["sklearn"]["banknote"]
    assert found["mean"] == pytest.approx(0.8)
    assert found["std"] == pytest.approx(0.0707106781)
    assert found["standard_error"] == pytest.approx(0.0316227766)
    assert results["accuracy_holdout"]["sklearn"]["banknote"]["mean"] == 0.8


def test_a_single_value_has_no_deviation() -> None:
    assert spread_of([0.5]) == {"mean": 0.5, "std": 0.0, "standard_error": 0.0, "values": [0.5]}


def test_the_third_group_is_summed_over_the_sets(results: dict[str, Any]) -> None:
    group = results["group3"]
    assert group["total_seconds"] == 0.4
    assert group["total_wall"] == 0.9
    assert group["trainings"] == 20
    assert set(group["accuracy"]["banknote"]) == {"1", "2", "3", "4"}


def test_the_rate_follows_from_rows_epochs_and_weights(results: dict[str, Any], case: Case) -> None:
    rows = len(case.portions[0].train)
    expected = case.flops() * rows * 100 / 0.02 / 1e9
    assert results["gflops"]["banknote"] == pytest.approx(expected)
    assert results["sgemm_share"]["banknote"] == pytest.approx(expected / 100.0)


def test_a_failed_measurement_is_named_with_its_reason(results: dict[str, Any]) -> None:
    assert results["refused"] == {"torch-2threads": {"digits-cnn cuda": "no CUDA device"}}
    assert results["failed"] == {"jax": {"banknote I": "ImportError: no jaxlib"}}


def test_looking_for_what_is_not_there_gives_none() -> None:
    assert look({"a": {"b": 1}}, "a", "b") == 1
    assert look({"a": {"b": 1}}, "a", "c") is None
    assert look({"a": 1}, "a", "b") is None
