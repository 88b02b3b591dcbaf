"""The judge of disturbed runs sees what is doubled, out of order, lost and different."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

import pytest

from lamina.benchmark.faults.campaign import Options, bars, counted, plan
from lamina.benchmark.faults.judge import WORDS, Verdict, disordered, doubled, is_loss
from lamina.benchmark.faults.kinds import FAULTS
from lamina.benchmark.faults.kinds.base import cut_short
from lamina.benchmark.faults.kinds.damaged import ArtifactCorrupted
from lamina.benchmark.faults.shapes import SHAPES
from lamina.benchmark.faults.stage import Command, HungError, digests
from lamina.errors import UnknownNameError
from lamina.workflow.document import read_workflow
from lamina.workflow.lint import lint
from lamina.workflow.log import AttemptEnded, AttemptStarted, RunFinished, RunStarted


def began(time: float, task: str, attempt: int, reason: str = "not run before") -> AttemptStarted:
    return AttemptStarted(time, task, attempt, time, reason=reason)


def ended(time: float, task: str, attempt: int, status: str = "succeeded") -> AttemptEnded:
    return AttemptEnded(time, task, attempt, status)


def test_a_second_success_is_doubled_and_so_is_a_start_after_a_success() -> None:
    twice = [began(1, "a", 1), ended(2, "a", 1), ended(3, "a", 1)]
    assert doubled(twice) == ["a succeeded twice"]
    again = [began(1, "a", 1), ended(2, "a", 1), began(3, "a", 2, "it did not end before")]
    assert doubled(again) == ["a began again after its success: it did not end before"]


def test_a_result_that_was_damaged_may_be_made_again_and_a_lost_attempt_repeated() -> None:
    mended = [began(1, "a", 1), ended(2, "a", 1), began(3, "a", 2, "its output was damaged")]
    assert doubled([*mended, ended(4, "a", 2)]) == []
    lost = [began(1, "a", 1), ended(2, "a", 1, "lost"), began(3, "a", 2), ended(4, "a", 2)]
    assert doubled(lost) == []
    assert is_loss("its outputs were lost") and not is_loss("code changed: words.py:12")


def test_times_that_go_back_and_numbers_that_do_not_count_on_are_out_of_order() -> None:
    assert disordered([began(1, "a", 1), ended(2, "a", 1)]) == []
    assert len(disordered([began(5, "a", 1), ended(2, "a", 1)])) == 1
    assert "attempt 1 after attempt 1" in disordered([began(1, "a", 1), began(2, "a", 1)])[0]


def test_a_session_without_an_end_is_cut_short_once_another_begins() -> None:
    first, second = RunStarted(1, 1, "w", 1), RunStarted(2, 2, "w", 1)
    assert cut_short([first, second]) and not cut_short([first])
    assert not cut_short([first, RunFinished(1.5, "failed"), second])


def test_a_campaign_has_every_kind_before_any_comes_twice_and_is_the_same_each_time() -> None:
    kinds = list(FAULTS.names())
    cases = plan(Options(cases=50), kinds)
    assert [case.kind for case in cases[: len(kinds)]] == kinds
    assert cases == plan(Options(cases=50), kinds)
    assert [case.number for case in cases] == list(range(50))
    assert all(case.shape in FAULTS.get(case.kind).shapes for case in cases)
    with pytest.raises(UnknownNameError, match="kind of fault"):
        FAULTS.get("earthquake")


def test_what_went_wrong_is_counted_by_cases_and_judged_by_bars() -> None:
    wrong = Verdict(1, "engine-killed", "chain", lost=["no result of a", "no result of b"])
    found = counted([wrong, Verdict(2, "engine-killed", "fan", struck=True)])
    assert (found["cases"], found["struck"], found["lost"], found["hung"]) == (2, 1, 1, 0)
    assert not wrong.well
    verdicts = {bar.name: bar.reached for bar in bars(found)}
    assert verdicts["cases with something lost"] is False
    assert all(verdicts[f"cases with something {word}"] for word in WORDS if word != "lost")


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_workflow_of_the_campaign_is_right_as_it_stands(name: str, tmp_path: Path) -> None:
    path = SHAPES[name].write(tmp_path, time=None if name == "training" else 2.0)
    assert lint(path) == ()
    assert read_workflow(path).name == name


@pytest.mark.parametrize("seed", range(12))
def test_damage_changes_or_removes_a_file(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "artifact"
    path.write_bytes(b"0123456789" * 50)
    before = digests(tmp_path)
    ArtifactCorrupted(Random(seed)).damage(path)
    assert digests(tmp_path) != before


def test_a_command_that_goes_on_for_too_long_is_killed_and_hangs(tmp_path: Path) -> None:
    process = subprocess.Popen(["sleep", "300"])
    command = Command(("run",), process, tmp_path / "said.txt")
    assert not command.over_within(0.01)
    command.begun -= 1000.0
    with pytest.raises(HungError, match="lamina run"):
        command.over_within(0.01)
    assert process.poll() is not None
