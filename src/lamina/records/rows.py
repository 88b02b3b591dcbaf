"""What the store knows of a run, and of a result that may stand in for a task."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class DamagedError(ValueError):
    """A text in a store is not what was written there."""


def entry_of(text: str) -> dict[str, Any]:
    """A text of a store as the mapping that it was made of.

    Raises:
        DamagedError: it is none.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DamagedError(f"an entry is damaged: {text[:40]!r}") from error
    if not isinstance(found, dict):
        raise DamagedError(f"an entry is damaged: {text[:40]!r}")
    return found


def entries_of(texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The same for many texts, in a third of the time: names that recur are made once.

    Raises:
        DamagedError: on the way, at the first that is none.
    """
    try:
        found = json.loads(f"[{','.join(texts)}]")
    except ValueError:
        found = []
    if len(found) == len(texts) and set(map(type, found)) <= {dict}:
        return iter(found)
    return map(entry_of, texts)


@dataclass(frozen=True)
class RunRecord:
    """A run, as the store knows it.

    Args:
        id: ten hexadecimal digits.
        name: for people: "brave-otter".
        workflow: name of the workflow.
        document: the workflow as a document; empty when it could not be written as one.
        folder: what relative files in the document are relative to.
        inputs: workflow input -> reference (`Ref.to_json`).
        options: what the run was asked for (threads, keep_going, forced tasks, ...).
        created: seconds since 1970.
        status: "running", "succeeded", "failed", "cancelled"; a run whose engine is gone stays
            "running" here, see `lamina.workspace`.
        ended: seconds since 1970; None while it runs.
        sessions: how often it was started or resumed.
        host, pid: of the engine that drives it, or drove it last.
    """

    id: str
    name: str
    workflow: str
    document: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0
    status: str = "running"
    ended: float | None = None
    sessions: int = 0
    host: str = ""
    pid: int = 0


@dataclass(frozen=True)
class Result:
    """What the cache knows of a key: output port -> reference (`Ref.to_json`), and the run.

    `touched` says that somebody accepted the outputs of another key for it.
    """

    key: str
    outputs: Mapping[str, Any]
    run: str
    task: str
    recipe: str
    touched: bool = False
