"""Where a run is, told by a machine that may not be the engine's."""

from __future__ import annotations

import platform

import pytest

from lamina.records.live import Live
from lamina.records.store import RunRecord
from lamina.workspace.history import Standing, listing_lines

BEGAN = 1_000_000.0


def standing(host: str, ago: float, status: str = "running") -> Standing:
    """A run whose engine told something so many seconds ago."""
    record = RunRecord("ab12", "calm-owl", "w", created=BEGAN, host=host, pid=77)
    live = Live(tasks=3, began=BEGAN, time=BEGAN + 60.0)
    return Standing(record, status, live, BEGAN + 60.0 + ago)


@pytest.mark.parametrize(
    ("host", "ago", "status", "word"),
    [
        ("far-away", 40.0, "running", "running"),
        ("far-away", 7200.0, "running", "running?"),
        ("far-away", 7200.0, "failed", "failed"),
        (platform.node(), 7200.0, "running", "running"),
        ("", 7200.0, "running", "running"),
    ],
)
def test_only_an_engine_elsewhere_that_is_silent_long_is_doubted(
    host: str, ago: float, status: str, word: str
) -> None:
    one = standing(host, ago, status)
    assert word in listing_lines([one])[1].split()
    assert (one.to_json()["status"], one.to_json()["heard"]) == (status, ago)


def test_a_silent_engine_is_named_with_the_way_out() -> None:
    told = standing("far-away", 7380.0).lines()
    assert told[0].split("  ")[2] == "running?"
    assert told[-2] == "  its engine on far-away (process 77) was last heard 2 h 03 m ago"
    assert told[-1].endswith("if it is gone, go on with `lamina resume calm-owl`")
