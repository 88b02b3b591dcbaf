"""Attempts: events folded into one record for each try of a unit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.records.attempts import attempts, belongs, newest
from lamina.records.live import Live
from lamina.testing.events import events
from lamina.testing.runs import RUNS
from lamina.testing.stores import story
from lamina.workflow import log


@settings(max_examples=40)
@given(st.lists(events(), max_size=15))
def test_any_events_fold_without_an_error(told: list[log.Event]) -> None:
    found = attempts(told)
    begun = {(e.task, e.attempt) for e in told if isinstance(e, log.AttemptStarted)}
    assert begun <= {(one.task, one.number) for one in found}
    assert all(one.status for one in found)
    for one in found:
        one.epochs()
        assert one.seed is None or isinstance(one.seed, int)
        assert isinstance(one.device, str)
        assert one.seconds is None or isinstance(one.seconds, float)


@settings(max_examples=40)
@given(st.lists(events(), max_size=15), st.integers(0, 15))
def test_where_a_run_is_may_be_kept_at_any_moment(told: Sequence[log.Event], cut: int) -> None:
    whole, part = Live(), Live()
    for event in told:
        whole.apply(event)
    for event in told[:cut]:
        part.apply(event)
    kept = Live.from_json(part.to_json())
    for event in told[cut:]:
        kept.apply(event)
    assert kept.to_json() == whole.to_json()
    assert kept.counts() == whole.counts()


def test_an_attempt_tells_how_its_outputs_came_about() -> None:
    first, second = attempts(story())
    assert (first.name, first.status, first.reason) == ("count[0]~1", "succeeded", "forced")
    assert (first.key, first.recipe, first.needs) == ("key-0", f"{1:064x}", {"cpus": 1.0})
    assert first.inputs["text"]["origin"] == "/home/me/a"
    assert first.outputs["sum"]["codec"] == "arrow"
    assert (first.host, first.pid, first.worker) == ("here", 43, "w0")
    assert first.about["command"] == "lamina run words.yaml"
    assert first.told == ((1000.1, {"epoch": 3, "loss": 0.25}),)
    assert second.task == "count[1]"


@pytest.mark.parametrize(
    ("inputs", "told", "seed"),
    [
        ({}, {}, None),
        ({"seed": "7"}, {}, 7),
        ({"settings": '{"epochs":3,"seed":5}'}, {}, 5),
        ({"settings": '{"epochs":3,"seed":5}'}, {"seed": [0, 6]}, 6),
        ({"seed": '"autumn"', "x": "[1,2]", "y": "{"}, {}, None),
        ({"seed": "true"}, {"loss": 0.5}, None),
    ],
)
def test_the_seed_is_found_where_it_stands(
    inputs: dict[str, str], told: dict[str, object], seed: int | None
) -> None:
    refs = {port: {"codec": "json", "inline": text} for port, text in inputs.items()}
    (one,) = attempts(
        [
            log.AttemptStarted(1.0, "t", 1, 1.0, inputs=refs),
            *([log.AttemptProgressed(2.0, "t", 1, told)] if told else []),
        ]
    )
    assert one.seed == seed


def test_the_device_is_the_told_one_or_the_given_ones() -> None:
    told = [log.AttemptProgressed(2.0, "t", 1, {"device": ["cpu", "cuda:1"]})]
    begun = log.AttemptStarted(1.0, "t", 1, 1.0, gpus=("0", "1"))
    assert [attempts(events)[0].device for events in ([begun], [begun, *told])] == ["0,1", "cuda:1"]
    assert attempts([log.AttemptStarted(1.0, "t", 1, 1.0)])[0].device == "cpu"
    assert attempts([log.TaskSkipped(1.0, "t", "its input failed")])[0].device == ""


def test_metrics_told_in_lists_are_taken_apart() -> None:
    told = [
        log.AttemptStarted(1.0, "train", 1, 1.0),
        log.AttemptProgressed(2.0, "train", 1, {"epochs": 9}),
        log.AttemptProgressed(3.0, "train", 1, {"epoch": [0, 1], "loss": [1.0, 0.5], "group": 2}),
    ]
    (one,) = attempts(told)
    assert one.epochs() == [
        {"time": 2.0, "epochs": 9},
        {"time": 3.0, "epoch": 0, "loss": 1.0, "group": 2},
        {"time": 3.0, "epoch": 1, "loss": 0.5, "group": 2},
    ]


def test_what_a_dead_session_left_open_is_lost_once_another_began() -> None:
    begun: list[log.Event] = [
        log.RunStarted(1.0, 1, "w", 2),
        log.AttemptStarted(2.0, "a", 1, 1.0),
        log.Counted(5.0, {}),
    ]
    assert [one.status for one in attempts(begun)] == ["running"]
    (lost, again) = attempts(
        [*begun, log.RunStarted(9.0, 2, "w", 2), log.AttemptStarted(9.5, "a", 2, 9.0)]
    )
    assert (lost.status, lost.ended, lost.session) == ("lost", 5.0, 1)
    assert (again.status, again.ended, again.session) == ("running", None, 2)


def test_the_end_that_a_later_session_tells_is_that_of_the_same_attempt() -> None:
    error = {"cause": "the engine was gone before it ended", "kind": "lost"}
    found = attempts(
        [
            log.RunStarted(1.0, 1, "w", 2),
            log.AttemptStarted(2.0, "a", 1, 1.0, inputs={"x": {"value": 1}}),
            log.AttemptProgressed(3.0, "a", 1, {"epoch": 4}),
            log.Counted(5.0, {}),
            log.RunStarted(9.0, 2, "w", 2),
            log.AttemptEnded(9.1, "a", 1, "lost", error=error),
            log.AttemptStarted(9.5, "a", 2, 9.0),
            log.AttemptEnded(9.9, "a", 2, "succeeded"),
        ]
    )
    assert [(one.name, one.status, one.session) for one in found] == [
        ("a~1", "lost", 1),
        ("a~2", "succeeded", 2),
    ]
    lost = found[0]
    assert (lost.started, lost.ended, lost.cause) == (2.0, 5.0, error["cause"])
    assert (lost.inputs, lost.told) == ({"x": {"value": 1}}, ((3.0, {"epoch": 4}),))


def test_a_skipped_task_that_runs_later_is_no_more_skipped() -> None:
    told = [
        log.RunStarted(1.0, 1, "w", 2),
        log.TaskSkipped(2.0, "b", "its input a failed"),
        log.TaskSkipped(2.0, "c", "its input a failed"),
    ]
    assert [(one.task, one.status) for one in attempts(told)] == [
        ("b", "skipped"),
        ("c", "skipped"),
    ]
    again = [*told, log.RunStarted(3.0, 2, "w", 2), log.AttemptStarted(4.0, "b", 1, 4.0)]
    assert [(one.task, one.status) for one in attempts(again)] == [("b", "running")]


@pytest.mark.parametrize("kind", sorted(RUNS))
def test_every_kind_of_run_folds_to_a_last_attempt_per_unit(kind: str) -> None:
    told = RUNS[kind]().events
    last = newest(attempts(told))
    ended = {e.task: e.status for e in told if isinstance(e, log.AttemptEnded)}
    reused = {e.task for e in told if isinstance(e, log.TaskReused)}
    assert ended.keys() | reused <= last.keys()
    assert all(last[task].status in (status, "running") for task, status in ended.items())


@pytest.mark.parametrize(
    ("unit", "task", "expected"),
    [
        ("count[3]", "count[3]", True),
        ("count[3]", "count", True),
        ("count[3]", "count[1]", False),
        ("counter", "count", False),
        ("inner/sort", "inner", True),
        ("loop#2/step", "loop", True),
        ("loop#2/step", "loop#2", True),
        ("loop#2/step", "loop/step", True),
        ("each[1]/clean", "each[1]", True),
    ],
)
def test_units_belong_to_what_people_call_tasks(unit: str, task: str, expected: bool) -> None:
    assert belongs(unit, task) is expected
