"""Conformance of actions: what any entry of `lamina.actions` must keep."""

from __future__ import annotations

import copy
from typing import Any

from lamina.errors import LaminaError
from lamina.workflow.actions import Action, Place
from lamina.workflow.graph import Task
from lamina.workflow.ports import Signature, keepable


def check_action(action: Action, place: Place) -> None:
    """Holds an action to its contract.

    Its document is plain data that begins with `do: <kind or name>`, and an equal action is
    read back from it; it is hashable or at least comparable, and asking for ports, mistakes and
    summary changes nothing and gives the same answer twice.

    Args:
        action: the action under test.
        place: where its document stands.

    Raises:
        AssertionError: says what does not hold.
    """
    before = copy.deepcopy(action)
    entry = action.to_document()
    assert next(iter(entry)) == "do", f"the entry begins with {next(iter(entry))!r}, not with do"
    assert entry["do"] in (action.kind, action.summary()), f"do is {entry['do']!r}"
    assert keepable(entry), f"the entry is no plain data: {entry}"
    assert type(action).from_document(copy.deepcopy(entry), place) == action, "read back changed"
    signature = _signature(action)
    assert signature == _signature(action), "the ports change from call to call"
    task = Task("t", action, signature.inputs, signature.outputs)
    assert action.mistakes(task) == action.mistakes(task), "the mistakes change from call to call"
    assert isinstance(action.summary(), str), "the summary is no text"
    assert action == before, "asking changed the action"


def _signature(action: Action) -> Signature:
    """The action's ports; none where they have to be declared."""
    try:
        return action.signature()
    except LaminaError:
        return Signature()


def nothing_nested(given: Any) -> Any:
    """For a `Place` of actions that hold no workflow."""
    raise AssertionError(f"the action asked for a workflow: {given!r}")
