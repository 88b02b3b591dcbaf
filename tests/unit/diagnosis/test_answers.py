"""Answers to diagnoses: kept in a file, the last one about a run counts."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from lamina.diagnosis.answers import Answer, add, every, label_of, labelled, standing
from lamina.errors import StoreError, UsageError
from lamina.testing.disturbed import made_run

ONE = Answer("abc", "", "made", 1.0, "cpu", "right", "cpu")


def test_the_last_answer_about_a_run_counts_and_all_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "project" / "answers.jsonl"
    later = replace(ONE, time=2.0, answer="wrong", label="hdd")
    other = replace(ONE, run="def", label="cpu_2")
    for one in (ONE, other, later):
        add(file, one)
    assert every(file) == [ONE, other, later]
    assert standing(every(file)) == {("abc", ""): later, ("def", ""): other}


def test_a_line_that_was_cut_off_stops_nothing(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    add(file, ONE)
    with file.open("ab") as stream:
        stream.write(b'{"run": "half')
    later = replace(ONE, time=2.0)
    add(file, later)
    assert every(file) == [ONE, later]


def _many(file: Path, first: int) -> None:
    for number in range(first, first + 50):
        add(file, replace(ONE, run=f"run {number}"))


def test_answers_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    started = [get_context("fork").Process(target=_many, args=(file, 50 * n)) for n in range(3)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    assert {one.run for one in every(file)} == {f"run {n}" for n in range(150)}


@pytest.mark.parametrize(
    ("answer", "said", "given", "label"),
    [
        ("right", "cpu", "", "cpu"), ("right", "cpu", "cpu_2", "cpu_2"), ("right", "", "", ""),
        ("wrong", "cpu", "", ""), ("wrong", "cpu", "hdd", "hdd"), ("right", "", "cpu", "cpu"),
        ("expected", "cpu", "", "normal"), ("wrong", "cpu", "normal", "normal"),
    ],
)  # fmt: skip
def test_an_answer_gives_a_label(answer: str, said: str, given: str, label: str) -> None:
    assert label_of(answer, said, given) == label
    assert labelled(made_run(), replace(ONE, label=label)).label == label


@pytest.mark.parametrize(
    ("answer", "said", "given"),
    [("perhaps", "cpu", ""), ("expected", "cpu", "hdd"), ("right", "cpu", "hdd")],
)
def test_answers_that_contradict_themselves_are_refused(answer: str, said: str, given: str) -> None:
    with pytest.raises(UsageError):
        label_of(answer, said, given)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "answers.jsonl"
    folder.mkdir()
    with pytest.raises(StoreError, match="cannot be kept"):
        add(folder, ONE)


def test_without_a_file_there_are_no_answers(tmp_path: Path) -> None:
    assert every(tmp_path / "answers.jsonl") == []
