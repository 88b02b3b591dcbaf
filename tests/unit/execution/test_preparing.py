"""Before the first task starts: everything that cannot be found is said, once and all at once."""

from __future__ import annotations

import pytest

from lamina.errors import UsageError, WorkflowError
from lamina.execution.preparing import prepare
from lamina.workflow import Workflow, command, task, workflow
from lamina.workflow.actions.base import Action

SLEEP = command(["sleep", "0"], name="sleep")


def nothing(action: Action) -> None:
    """Everything is there."""


def missing(action: Action) -> None:
    raise UsageError("it is not there", "install it")


def two_tasks() -> Workflow:
    with workflow("inner") as inner:
        SLEEP()
    with workflow("outer") as outer:
        SLEEP()
        task(inner.workflow)()
    return outer.workflow


def test_a_workflow_with_everything_there_is_left_alone() -> None:
    prepare(two_tasks(), nothing)


def test_all_that_is_missing_is_told_with_its_task_and_its_way_out() -> None:
    with pytest.raises(WorkflowError) as told:
        prepare(two_tasks(), missing)
    mistakes = str(told.value).splitlines()[1:]
    assert len(mistakes) == 2
    assert all("it is not there; install it" in line for line in mistakes)
    assert any("'inner/sleep'" in line for line in mistakes)


def test_what_several_tasks_need_is_looked_for_once() -> None:
    asked: list[Action] = []
    prepare(two_tasks(), asked.append)
    assert len(asked) == 1
