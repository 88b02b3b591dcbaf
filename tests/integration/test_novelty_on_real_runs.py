"""Detection without labels on workflows that nothing was chosen on, where LAMINA_DATA has them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lamina.benchmark.diagnosis.novelty import PICKS, REPORTED, over_picks, timed_runs

DATA = Path(os.environ.get("LAMINA_DATA") or "/nowhere") / "exogeni_2020"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="set LAMINA_DATA to the folder with exogeni_2020/"
)


def test_loss_of_3_percent_is_found_from_20_normal_runs() -> None:
    found = over_picks(timed_runs(DATA / "wind-clustering.tar.xz"), "slow-down", "random", [0])
    assert found["loss_3"]["auc"] >= 0.90
    assert found["loss_3"]["n"] == 120


@pytest.mark.slow
@pytest.mark.parametrize("pick", PICKS)
@pytest.mark.parametrize("workflow", REPORTED)
def test_loss_of_3_percent_is_found_however_the_known_runs_are_drawn(
    workflow: str, pick: str
) -> None:
    found = over_picks(timed_runs(DATA / f"{workflow}.tar.xz"), "slow-down", pick, range(5))
    assert found["loss_3"]["auc"] >= 0.90
    assert found["false_alarms"]["mean"] <= 0.15


@pytest.mark.slow
@pytest.mark.parametrize("pick", PICKS)
def test_taken_processors_are_found_by_lost_records(pick: str) -> None:
    """The bar of nowcast. In wind they are hardly found: see docs/why/detectors.md."""
    runs = timed_runs(DATA / "nowcast-clustering-8.tar.xz")
    assert over_picks(runs, "slow-down", pick, range(5))["cpu"]["auc"] >= 0.90
