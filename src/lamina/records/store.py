"""The record of runs in a relational store: SQLite in the project's folder, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lamina.workflow.log import Event


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
    """What the cache knows of a key: output port -> reference (`Ref.to_json`), and the run."""

    key: str
    outputs: Mapping[str, Any]
    run: str
    task: str
    recipe: str


class Store:
    """All that the project's runs did; many readers and writers at once.

    Args:
        url: "sqlite:///path" or "postgresql+psycopg://user@host/database".
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def create(self, run: RunRecord) -> None:
        """Adds a run."""
        raise NotImplementedError

    def append(self, run: str, events: Sequence[Event]) -> None:
        """Keeps events, their results and the run's state, in one transaction."""
        raise NotImplementedError

    def events(
        self, run: str, after: int = 0, words: Sequence[str] = ()
    ) -> Iterator[tuple[int, Event]]:
        """The events of a run with their numbers, oldest first."""
        raise NotImplementedError

    def runs(self, limit: int = 100) -> list[RunRecord]:
        """The newest runs, newest first."""
        raise NotImplementedError

    def find(self, text: str = "last") -> RunRecord:
        """A run by its id, the beginning of its id, its name, or "last"."""
        raise NotImplementedError

    def results(self, keys: Sequence[str]) -> dict[str, Result]:
        """The newest result of each key that has one."""
        raise NotImplementedError

    def forget(self, keys: Sequence[str]) -> None:
        """Drops results, say of artifacts that were cleaned or damaged."""
        raise NotImplementedError

    def keep(self, recipes: Mapping[str, Mapping[str, Any]]) -> None:
        """Keeps recipes (digest -> what keys are made of); known ones are passed over."""
        raise NotImplementedError

    def recipes(self, digests: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Recipes by their digests."""
        raise NotImplementedError

    def close(self) -> None:
        """Gives connections back."""
        raise NotImplementedError
