"""The campaign of faults: which cases there are, and when one is played again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lamina.benchmark.faults import campaign
from lamina.benchmark.faults.campaign import Case, Options, bars, plan, play
from lamina.benchmark.faults.judge import WORDS, Expected, Verdict
from lamina.benchmark.faults.kinds import FAULTS

WANTED = Expected({}, {}, frozenset(), 1.0, 1.0)


def played(monkeypatch: pytest.MonkeyPatch, *found: Verdict) -> tuple[Verdict, list[int]]:
    """A case whose turns end so, and the turns that were played."""
    turns: list[int] = []

    def one(case: Case, turn: int, *rest: Any) -> Verdict:
        turns.append(turn)
        return found[turn]

    monkeypatch.setattr(campaign, "_play", one)
    return play(Case(7, "engine-killed", "chain"), WANTED, Path()), turns


def verdict(struck: bool = False, **wrong: Any) -> Verdict:
    return Verdict(7, "engine-killed", "chain", struck, seconds=2.0, **wrong)


def test_a_case_whose_run_was_over_before_is_played_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found, turns = played(monkeypatch, verdict(), verdict(), verdict(True), verdict())
    assert (found.struck, turns, found.seconds) == (True, [0, 1, 2], 6.0)
    found, turns = played(monkeypatch, *[verdict()] * 4)
    assert (found.struck, turns) == (False, [0, 1, 2, 3])


def test_a_case_in_which_something_is_wrong_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found, turns = played(monkeypatch, verdict(lost=["no result of a"]), verdict(True))
    assert (found.lost, turns) == (["no result of a"], [0])


def test_small_campaigns_have_each_kind_once_before_any_twice() -> None:
    kinds = list(FAULTS.names())
    cases = plan(Options(cases=len(kinds) + 5, first=40), kinds)
    assert [case.kind for case in cases[: len(kinds)]] == kinds
    assert [case.number for case in cases] == list(range(40, 40 + len(cases)))
    assert cases == plan(Options(cases=len(kinds) + 5, first=40), kinds)
    assert all(case.shape in FAULTS.get(case.kind).shapes for case in cases)


def test_runs_that_were_never_disturbed_do_not_count() -> None:
    results = {"cases": 300, "struck": 200, **dict.fromkeys(WORDS, 0)}
    assert [bar.name for bar in bars(results) if not bar.reached] == ["cases disturbed in time"]
