"""Fields and filters of attempts: what they find, and how they refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.errors import LaminaError, UnknownNameError, UsageError
from lamina.records.attempts import Attempt
from lamina.records.selection import FIELDS, USUAL, fields_of, filter_of, rows_of, values_of
from lamina.records.tables import csv_text, duration, line, size, table_lines

ONE = Attempt(
    "count[3]", 2, "failed", 1, 100.0, 101.0, 130.0, "retry: lost",
    needs={"cpus": 2.0}, phases={"queue": (101.0, 105.0), "run": (105.0, 125.5)},
    usage={"cpu": 3.5, "memory_peak": 2_000_000_000}, exit=0,
    error={"cause": "no luck\nat all"}, host="node-7",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status=failed", True),
        ("status==succeeded", False),
        ("status!=succeeded", True),
        ("task=count", True),
        ("unit=count", False),
        ("unit~count", True),
        ("unit!~count", False),
        ("run>20", True),
        ("run>20.5", False),
        ("run>=20.5", True),
        ("run<1m", True),
        ("run > 20s and status = failed", True),
        ("run>1h and status=failed", False),
        ("run>1h or status=failed", True),
        ("status=succeeded or run>10 and attempt=2", True),
        ("memory>1.5GB", True),
        ("memory>2GiB", False),
        ("exit=0", True),
        ("exit=-", False),
        ("stage_in=-", True),
        ("stage_in!=-", False),
        ("stage_in>0", False),
        ('reason="retry: lost"', True),
        ("wait=5", True),
        ("start>100", True),
        ("start>2026-01-01", False),
        ("start<2026-01-01T10:00", True),
        ("status=failed, run>1", True),
    ],
)
def test_a_filter_finds_what_it_says(text: str, expected: bool) -> None:
    assert filter_of(text)(ONE) is expected


@pytest.mark.parametrize(
    "text",
    [
        "status",
        "run>",
        "run>x",
        "run>5 parsecs",
        "status>failed",
        "start>soon",
        "",
        "=3",
        "run>5 or",
    ],
)
def test_what_is_no_filter_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        filter_of(text)
    assert caught.value.way_out


def test_an_unknown_field_is_refused_with_the_known_ones() -> None:
    for act in (lambda: filter_of("colour=red"), lambda: fields_of("task,colour")):
        with pytest.raises(UnknownNameError, match="unknown field 'colour'") as caught:
            act()
        assert "status" in caught.value.way_out


@given(st.text(max_size=40))
def test_no_text_is_run_or_breaks_the_filter(text: str) -> None:
    try:
        found = filter_of(text)(ONE)
    except LaminaError:
        return
    assert found in (True, False)


def test_fields_are_chosen_by_name() -> None:
    assert fields_of("") == USUAL
    assert fields_of("task, run") == ("task", "run")
    assert fields_of("+host,run") == (*USUAL, "host")
    assert fields_of("all") == tuple(FIELDS)


def test_every_field_has_a_value_and_a_text_of_any_attempt() -> None:
    empty = Attempt("a", 0, "running", 1, 1.0, 2.0)
    names = tuple(FIELDS)
    for one in (ONE, empty):
        assert len(rows_of([one], names)[1]) == len(values_of([one], names)[0]) == len(FIELDS)
    shown = dict(zip(*rows_of([ONE], names), strict=True))
    assert (shown["run"], shown["memory"], shown["cause"]) == ("20.5 s", "2.0 GB", "no luck")
    assert shown["start"].startswith(datetime.fromtimestamp(101.0).strftime("%Y-%m-%d %H:%M:%S"))
    assert rows_of([empty], ("run", "exit", "host"))[1] == ["-", "-", "-"]


def test_values_and_metrics_are_told_short_in_a_table_and_whole_as_values() -> None:
    one = replace(
        ONE,
        inputs={"lr": {"inline": "0.1"}, "table": {"digest": "ab" * 32}},
        told=((1.0, {"epoch": [0, 1], "loss": [1.0, 0.5]}),),
    )
    names = ("inputs", "metrics")
    assert rows_of([one], names)[1] == ["lr=0.1 table=ababababab", "epoch=1 loss=0.5"]
    (values,) = values_of([one], names)
    assert values["inputs"]["lr"] == {"inline": "0.1"}
    assert [row["loss"] for row in values["metrics"]] == [1.0, 0.5]


def test_numbers_end_at_the_same_place_and_texts_begin_there() -> None:
    rows = [["UNIT", "RUN", "SIZE"], ["a", "1.50 s", "9 B"], ["bcdefg", "-", "1.2 MB"]]
    assert table_lines(rows) == [
        "UNIT       RUN    SIZE",
        "a       1.50 s     9 B",
        "bcdefg       -  1.2 MB",
    ]


ROWS = [
    ("NAME", "WORKFLOW", "TOOK"),
    ("brave-otter", "a-very-long-name-of-a-workflow", "1.00 s"),
    ("x", "y", "12.0 s"),
]


def test_columns_that_may_yield_are_cut_to_fit_and_others_never() -> None:
    lines = table_lines(ROWS, 40, (1, 0))
    assert [len(line) for line in lines] == [40, 40, 40]
    assert lines[1].split() == ["brave-otter", "a-very-long-name-o…", "1.00", "s"]
    assert table_lines(ROWS, 100, (1, 0)) == table_lines(ROWS)


def test_where_cutting_does_not_help_nothing_is_cut() -> None:
    assert table_lines(ROWS, 20, (1, 0)) == table_lines(ROWS)
    assert table_lines([("A", "B"), ("a" * 20, "b")], 10, (0,))[1] == "a" * 20 + "  b"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"), (0.0, "0.00 s"), (9.994, "9.99 s"), (12.34, "12.3 s"), (59.94, "59.9 s"),
        (59.96, "1 m 00 s"), (3599.9, "1 h 00 m"), (11_000, "3 h 03 m"), (200_000, "2 d 08 h"),
    ],
)  # fmt: skip
def test_durations_are_told_as_people_say_them(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "-"), (0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (999_999, "1.0 MB")],
)
def test_sizes_are_told_as_people_say_them(count: float | None, text: str) -> None:
    assert size(count) == text


def test_a_line_steers_no_terminal() -> None:
    assert line("\n\x1b[31mred\x1b[0m\x07 alert\nmore") == "red alert"
    assert line("x" * 400, 10) == "xxxxxxx..."
    assert line("") == ""


def test_values_with_commas_survive_csv() -> None:
    assert csv_text([["a", "b"], ['say "x", y', 1.5]]) == 'a,b\n"say ""x"", y",1.5'
