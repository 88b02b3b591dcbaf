"""Errors in words: one form for people, one for programs, for errors of every origin."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from lamina.cli.wording import document, in_our_words, say, text
from lamina.errors import DocumentError, LaminaError, TaskFailedError, TraceError, UsageError


def test_an_error_is_said_with_its_mistakes_and_way_out() -> None:
    said = click.unstyle(text(DocumentError("w.yaml", ["no name", "no tasks"], "mend it")))
    assert said.splitlines() == [
        "error: w.yaml: 2 mistakes",
        "  - no name",
        "  - no tasks",
        "  way out: mend it",
    ]


def test_a_failed_task_shows_its_last_words() -> None:
    error = TaskFailedError("sort", "exit code 7", "look there", "line 1\nline 2\n")
    assert "  | line 1\n  | line 2\n  way out: look there" in text(error)
    assert document(error)["task"] == "sort"
    assert document(error)["details"] == "line 1\nline 2\n"


def test_json_errors_have_these_keys() -> None:
    error = document(DocumentError("w.yaml", ["no name"], "mend it"))
    assert error == {
        "kind": "DocumentError",
        "message": "w.yaml: 1 mistake\n  - no name",
        "way_out": "mend it",
        "mistakes": ["no name"],
    }


def test_with_json_among_the_arguments_an_error_is_one_line_of_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert say(UsageError("wrong", "right"), ["train", "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["message"] == "wrong"


def test_an_error_without_a_way_out_points_at_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert say(LaminaError("wrong"), ["train", "x"]) == 2
    assert "way out: lamina train --help" in capsys.readouterr().err


def test_the_help_is_that_of_the_verb_s_own_command(capsys: pytest.CaptureFixture[str]) -> None:
    import lamina.cli.diagnose  # noqa: F401 - a verb that failed has been loaded

    assert say(LaminaError("wrong"), ["diagnose", "train", "--json-not"]) == 2
    assert say(click.BadOptionUsage("--traces", "No value."), ["diagnose", "train"]) == 2
    assert capsys.readouterr().err.count("way out: lamina diagnose train --help") == 2


def test_a_broken_trace_is_to_be_mended_or_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    say(TraceError("runs.tar.xz:a.csv", "it is not text", 3), ["timeline", "runs.tar.xz"])
    assert "way out: mend it or leave it out; `lamina traces read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (click.IntRange(0), "a whole number"),
        (click.INT, "a whole number"),
        (click.FLOAT, "a number"),
    ],
)
def test_a_value_that_is_no_number_is_said_to_be_none(
    kind: click.ParamType[Any], said: str
) -> None:
    with pytest.raises(click.BadParameter) as caught:
        kind.convert("x", None, None)
    assert in_our_words(caught.value).message == f"invalid value: 'x' is not {said}"


def test_errors_of_the_system_name_the_file() -> None:
    error = in_our_words(FileNotFoundError(2, "No such file or directory", "a.csv"))
    assert error.message == "'a.csv' cannot be used: No such file or directory"
    assert error.way_out


def test_errors_of_click_are_ours_too() -> None:
    error = in_our_words(click.BadParameter("too large."))
    assert isinstance(error, UsageError)
    assert error.message == "invalid value: too large"
    assert "--help" in error.way_out
