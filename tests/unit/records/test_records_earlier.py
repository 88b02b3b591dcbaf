"""Earlier attempts of units, and how long tasks took, from the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lamina.estimates.observations import Observation
from lamina.records.store import RunRecord, Store
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event, RunStarted, TaskReused

ONE = {"x": {"codec": "json", "digest": "1", "size": 1, "inline": "1"}}
TWO = {"x": {"codec": "json", "digest": "2", "size": 1, "inline": "2"}}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store in a file."""
    made = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield made
    made.close()


def attempt(
    task: str, key: str, inputs: dict[str, Any], number: int = 1, status: str = "succeeded"
) -> Sequence[Event]:
    """The events of an attempt that took two seconds."""
    return (
        AttemptStarted(1.0, task, number, 1.0, key, f"recipe of {key}", {}, (), inputs),
        AttemptEnded(3.0, task, number, status, phases={"run": (1.0, 3.0)}),
    )


def record(store: Store, run: str, *events: Sequence[Event], workflow: str = "w") -> None:
    """A run with these events."""
    store.create(RunRecord(run, f"name-{run}", workflow, created=float(len(store.runs()))))
    store.append(run, [RunStarted(0.0, 1, workflow, 2), *(e for some in events for e in some)])


def test_the_newest_attempt_of_each_unit_is_found(store: Store) -> None:
    record(store, "r1", attempt("a", "k1", ONE), attempt("b", "k2", ONE))
    record(store, "r2", attempt("a", "k3", TWO, status="failed"))

    found = store.attempts("w")(["a", "b", "c"])

    assert (found["a"].run, found["a"].key, found["a"].status) == ("r2", "k3", "failed")
    assert (found["b"].run, found["b"].recipe, found["b"].inputs) == ("r1", "recipe of k2", ONE)
    assert "c" not in found


def test_the_last_of_several_attempts_counts(store: Store) -> None:
    record(store, "r1", attempt("a", "k1", ONE, 1, "lost"), attempt("a", "k2", TWO, 2))

    assert store.attempts("w")(["a"])["a"].key == "k2"


def test_an_attempt_without_an_end_did_not_end(store: Store) -> None:
    record(store, "r1", attempt("a", "k1", ONE)[:1])

    assert store.attempts("w")(["a"])["a"].status == ""


def test_runs_of_other_workflows_do_not_count(store: Store) -> None:
    record(store, "r1", attempt("a", "k1", ONE), workflow="other")

    assert store.attempts("w")(["a"]) == {}


def test_a_reused_unit_is_told_by_the_attempt_that_stood_in(store: Store) -> None:
    record(store, "r1", attempt("a", "k1", ONE))
    record(store, "r2", attempt("a", "k2", TWO))
    record(store, "r3", [TaskReused(1.0, "a", 1.0, "k1", "r1", {})])

    found = store.attempts("w")(["a"])["a"]

    assert (found.run, found.key, found.inputs, found.status) == ("r1", "k1", ONE, "reused")


def test_a_result_of_another_workflow_is_followed_to_its_run(store: Store) -> None:
    record(store, "r1", attempt("a", "k1", ONE), workflow="other")
    record(store, "r2", [TaskReused(1.0, "a", 1.0, "k1", "r1", {})])

    assert store.attempts("w")(["a"])["a"].run == "r1"


def test_only_runs_before_a_run_are_looked_at(store: Store) -> None:
    for number in range(1, 4):
        record(store, f"r{number}", attempt("a", f"k{number}", ONE))

    assert store.attempts("w", before="r3")(["a"])["a"].run == "r2"


def test_many_units_are_looked_for_at_once(store: Store) -> None:
    names = [f"a[{number}]" for number in range(600)]
    record(store, "r1", *(attempt(name, f"k {name}", ONE) for name in names))

    found = store.attempts("w")(names)

    assert all(found[name].key == f"k {name}" for name in names)


def test_durations_are_told_by_task(store: Store) -> None:
    record(
        store, "r1", attempt("a[0]", "k1", ONE), attempt("a[1]", "k2", ONE),
        attempt("b", "k3", ONE, 1, "failed"),
    )  # fmt: skip

    assert store.durations("w") == {"a": [2.0, 2.0]}


def test_observations_tell_code_size_and_what_was_cut_off_newest_first(store: Store) -> None:
    record(store, "r1", attempt("a", "k1", ONE), attempt("b", "k2", ONE, 1, "failed"))
    two = {**ONE, "y": {"codec": "json", "digest": "3", "size": 9}}
    record(store, "r2", attempt("a", "k3", two, 1, "timeout"), attempt("a", "k4", two, 2))

    assert store.observations("w") == [
        Observation("a", "recipe of k4", 10.0, 2.0),
        Observation("a", "recipe of k3", 10.0, 2.0, censored=True),
        Observation("a", "recipe of k1", 1.0, 2.0),
    ]
    assert store.durations("w") == {"a": [2.0, 2.0]}


def test_where_nothing_was_written_nothing_is_found(store: Store) -> None:
    assert store.attempts("w")(["a"]) == {}
    assert store.durations("w") == {}
    assert store.observations("w") == []
