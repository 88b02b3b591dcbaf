"""Logs of placed tasks, and predictors measured on them as they are used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.errors import DataError
from lamina.estimates.base import Work
from lamina.estimates.placement_log import COLUMNS, Placed, read_log
from lamina.estimates.prequential import errors, fit, intervals

ROW = "1000,10,gpu1,40.0,2.0,15.0,25.0,False"


def written(folder: Path, *rows: str) -> Path:
    """A log of these rows."""
    file = folder / "log.csv"
    file.write_text("\n".join([",".join(COLUMNS), *rows, ""]), encoding="utf-8")
    return file


def test_a_row_is_read_with_its_flag(tmp_path: Path) -> None:
    later = ROW.replace("1000", "900").replace("False", "true")

    rows = read_log(written(tmp_path, ROW, later))

    assert rows[1] == Placed(1000.0, 10.0, "gpu1", 2.0, 15.0, 25.0, 40.0, False)
    assert (rows[0].at, rows[0].with_transfer) == (900.0, True)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (ROW.replace("False", "perhaps"), "line 2: total_includes_transfer is 'perhaps'"),
        (ROW.replace("40.0", "-1"), "line 2: act_total is '-1'"),
        (ROW.replace("40.0", "soon"), "line 2: could not convert"),
        (ROW.replace("gpu1", " "), "line 2: runtime is empty"),
        ("1000,10,gpu1", "line 2: no column act_total"),
    ],
)
def test_a_row_that_is_none_is_told_with_its_line(tmp_path: Path, row: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read_log(written(tmp_path, row))


def test_a_log_without_rows_and_one_that_is_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no row"):
        read_log(written(tmp_path))
    with pytest.raises(DataError, match=r"the log .* cannot be read: No such file"):
        read_log(tmp_path / "absent.csv")


def test_each_row_is_predicted_before_it_is_seen() -> None:
    pairs = [(Work(10.0), 5.0), (Work(10.0), 5.0), (Work(10.0), 50.0)]

    assert errors("mean-window", pairs) == [pytest.approx(-45.0)]


def made(
    with_transfer: bool, count: int = 60, runtimes: tuple[str, ...] = ("gpu1",)
) -> list[Placed]:
    """A log that no system wrote, whose transfers take long."""
    source = np.random.default_rng(4)
    rows = []
    for number in range(count):
        items = float(source.integers(5, 200))
        transfer, deployment = 2.0 * items, float(source.lognormal(3.0, 0.3))
        processing = (0.25 * items + 20.0) * float(source.lognormal(0.0, 0.1))
        total = deployment + processing + (transfer if with_transfer else 0.0)
        name = runtimes[number % len(runtimes)]
        rows.append(
            Placed(
                60.0 * number, items, name, transfer, deployment, processing, total, with_transfer
            )
        )
    return rows


@pytest.mark.parametrize("with_transfer", [True, False])
def test_the_flag_decides_whether_the_total_holds_the_transfer(with_transfer: bool) -> None:
    found = intervals(made(with_transfer))

    # Were the transfers (20 to 400 s) counted wrongly, no interval would hold unstretched.
    assert found.parts.max() <= 1.0
    assert found.coverage()[0.8] == pytest.approx(0.8, abs=0.1)


def test_a_fit_has_the_keys_that_programs_read() -> None:
    found = fit(made(False, 24, ("edge", "gpu1")))

    assert found["rows"] == 24
    for runtime in ("edge", "gpu1"):
        for name in ("ransac-10", "default"):
            assert found["runtimes"][runtime][name]["mae"] > 0.0
            assert found["runtimes"][runtime][name]["count"] == 10
    assert found["pooled"]["default"]["count"] == 20
    assert set(found["coverage"]["pooled"]) == {"50", "80", "90"}


def test_a_runtime_with_too_few_rows_has_no_error() -> None:
    found = fit(made(False, 2))

    assert found["runtimes"]["gpu1"]["default"] == {"mae": None, "count": 0}
    assert found["coverage"]["pooled"]["50"] is None


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    """What the fit says of the STOIC authors' log."""
    folder = os.environ.get("LAMINA_DATA")
    if not folder:
        pytest.skip(
            "set LAMINA_DATA to the folder with stoic/: the log of the STOIC authors is there"
        )
    return fit(read_log(Path(folder) / "stoic" / "logtime_rows_first_256.csv"))


@pytest.mark.slow
def test_the_default_misses_processing_times_less_than_ransac(given: dict[str, Any]) -> None:
    assert given["gain"]["pooled"] >= 0.12
    assert given["gain"]["gpu1"] >= 0.25


@pytest.mark.slow
def test_intervals_of_the_total_hold_on_the_given_log(given: dict[str, Any]) -> None:
    for level, held in given["coverage"]["pooled"].items():
        assert held == pytest.approx(int(level) / 100, abs=0.03)


@pytest.mark.slow
def test_deployments_are_missed_no_more_than_by_the_papers_best(given: dict[str, Any]) -> None:
    pooled = given["deployment"]["pooled"]

    assert pooled["decayed-quantiles"]["mae"] <= pooled["median-window"]["mae"]
