"""Repetitions: for which reasons, with what, and after how long."""

from __future__ import annotations

import pytest

from lamina.execution.retries import LONGEST, again, pause
from lamina.workflow.needs import Care, Needs

NEEDS = Needs(1.0, 100, 0.0, 5.0)
POLICY = (2, 1.0, "seed")


@pytest.mark.parametrize(
    ("status", "needs", "reason"),
    [
        ("memory", Needs(1.0, 200, 0.0, 5.0), "retry: memory"),
        ("timeout", Needs(1.0, 100, 0.0, 10.0), "retry: time"),
        ("lost", NEEDS, "retry: lost"),
    ],
)
def test_the_next_attempt_gets_more_of_what_was_too_little(
    status: str, needs: Needs, reason: str
) -> None:
    found = again(Care(), NEEDS, status, 1, POLICY)
    assert found is not None
    assert (found.needs, found.reason) == (needs, reason)


def test_a_tasks_own_error_is_repeated_only_where_that_is_asked_for() -> None:
    assert again(Care(), NEEDS, "failed", 1, POLICY) is None
    assert again(Care(retry=("error",)), NEEDS, "failed", 1, POLICY) is not None
    assert again(Care(), NEEDS, "cancelled", 1, POLICY) is None


def test_the_task_says_how_often_and_the_run_for_those_that_do_not() -> None:
    assert again(Care(), NEEDS, "lost", 2, POLICY) is not None
    assert again(Care(), NEEDS, "lost", 3, POLICY) is None
    assert again(Care(retries=0), NEEDS, "lost", 1, POLICY) is None
    assert again(Care(retries=9), NEEDS, "lost", 9, POLICY) is not None


def test_pauses_double_with_jitter_that_follows_from_the_seed() -> None:
    for tries in range(1, 6):
        assert 0.5 * 2 ** (tries - 1) <= pause(1.0, tries, "a") <= 1.5 * 2 ** (tries - 1)
    assert pause(1.0, 1, "a") == pause(1.0, 1, "a")
    assert len({pause(1.0, 1, f"unit-{number}") for number in range(100)}) == 100
    assert pause(1.0, 10_000, "a") == LONGEST
    assert pause(0.0, 3, "a") == 0.0
