"""The clock of a run: even, whatever is done to the machine's."""

from __future__ import annotations

import time

import pytest

from lamina.execution.clock import RunClock


def test_it_goes_on_evenly_and_says_when_the_wall_clock_jumps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall, even = [1_000_000.0], [50.0]
    monkeypatch.setattr(time, "time", lambda: wall[0])
    monkeypatch.setattr(time, "monotonic", lambda: even[0])
    clock = RunClock()
    wall[0] += 2.0
    even[0] += 2.0
    assert (clock.now(), clock.jump()) == (1_000_002.0, "")
    wall[0] -= 3600.0
    even[0] += 2.0
    assert clock.now() == 1_000_004.0
    assert clock.jump() == "the machine's clock went 3602.0 s back; the run's own goes on evenly"
    even[0] += 2.0
    wall[0] += 2.0
    assert clock.jump() == ""
    assert clock.at(50.0) == 1_000_000.0


def test_a_session_begins_after_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    assert RunClock(after=5000.0).now() >= 5000.0
