"""What earlier sessions left, out of their events."""

from __future__ import annotations

from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.execution.past import Past
from lamina.workflow import task, workflow
from lamina.workflow.expansion import Expansion
from lamina.workflow.log import (
    AttemptEnded,
    AttemptStarted,
    Event,
    RunFinished,
    RunStarted,
    TaskReused,
)

ONE = Ref("json", "d", 1, "1")
OUTPUTS = {"y": ONE.to_json()}


@task
def double(x: int) -> int:
    return 2 * x


def decided() -> dict[str, Any]:
    with workflow("grown") as w:
        w.output("y", double(w.input("x", "int")))
    return {
        "workflow": Expansion(w.workflow, {}).document(),
        "inputs": {"x": ONE.to_json()},
    }


def test_a_log_becomes_what_a_resumed_run_needs() -> None:
    events: list[Event] = [
        RunStarted(1.0, 1, "w", 4),
        AttemptStarted(2.0, "a", 1, 1.0),
        AttemptEnded(3.0, "a", 1, "lost"),
        AttemptStarted(4.0, "a", 2, 3.0),
        AttemptEnded(5.0, "a", 2, "succeeded", outputs=OUTPUTS),
        TaskReused(5.0, "b", 1.0, "key", "earlier", OUTPUTS),
        AttemptStarted(6.0, "c", 1, 5.0),
        AttemptEnded(7.0, "c", 1, "succeeded", expansion=decided()),
        RunFinished(7.0, "failed"),
        RunStarted(8.0, 2, "w", 4),
        AttemptStarted(9.0, "d", 1, 8.0),
    ]
    past = Past.of(events)
    assert (past.sessions, past.time) == (2, 9.0)
    assert past.finished == {"a": {"y": ONE}, "b": {"y": ONE}}
    assert past.attempts == {"a": 2, "c": 1, "d": 1}
    assert (past.open, past.cut) == ({"d": 1}, True)
    assert not Past.of(events[:9]).cut
    made, inputs = past.expansions["c"]
    assert ([one.name for one in made.tasks], inputs) == (["double"], {"x": ONE})


def test_nothing_comes_from_nothing() -> None:
    assert Past.of([]).finished == {}


def test_a_task_and_all_that_reads_it_can_be_left_out() -> None:
    with workflow("inner") as inner:
        inner.output("y", double(inner.input("x", "int")))
    with workflow("w") as w:
        a = double(w.input("x", "int"))
        b = task(inner.workflow)(a)
        w.output("c", double(b))
        w.output("d", double.named("alone")(1))
    units = ["double", "inner/double", "double_2", "alone"]
    past = Past(1, {unit: {"result": ONE} for unit in units}, {}, dict.fromkeys(units, 1))
    left = past.without(["inner/double"], w.workflow)
    assert set(left.finished) == {"double", "alone"}
    assert left.attempts == past.attempts
