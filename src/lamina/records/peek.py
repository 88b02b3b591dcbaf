"""A quick look into a store that is an SQLite file: nothing is loaded for it, nothing written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from lamina.estimates.observations import Observation, Tried
from lamina.records.earlier import Attempts, Rows, durations, listed, observations, tried
from lamina.records.rows import DamagedError, Result, entry_of

VERSIONS = (2, 3)
"""Of the tables that it knows, up to `lamina.records.schema.VERSION`."""

_SOME = 400


class Peek:
    """Results, recipes and attempts, as `Store` gives them; for commands that answer at once.

    Args:
        path: of the SQLite file.

    Every method raises StoreError when the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(path, timeout=5.0)
        self._connection.execute("PRAGMA query_only = 1")

    @classmethod
    def at(cls, url: str) -> Peek | None:
        """A look into the store of a URL; None for what only `Store` can read."""
        path = Path(url.removeprefix("sqlite:///"))
        if not url.startswith("sqlite:///"):
            return None
        if not path.exists():
            return Nothing()
        try:
            peek = cls(path)
            versions = [row[0] for row in peek.rows("SELECT version FROM schema_version", {})]
        except sqlite3.Error:
            return None
        return peek if len(versions) == 1 and versions[0] in VERSIONS else None

    def rows(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """What a statement gives."""
        with closing(self._connection.execute(statement, dict(values))) as cursor:
            return cursor.fetchall()

    def results(self, keys: Sequence[str]) -> dict[str, Result]:
        """The newest result of each key that has one."""
        with self._worded():
            return self._results(keys)

    def _results(self, keys: Sequence[str]) -> dict[str, Result]:
        found = {}
        for start in range(0, len(keys), _SOME):
            names, values = listed(keys[start : start + _SOME])
            statement = (
                "SELECT r.key, u.id, e.task, r.task, r.recipe, e.body_json, r.outputs_json "
                "FROM results r JOIN events e ON r.run = e.run AND r.number = e.number "
                f"JOIN runs u ON u.number = r.run WHERE r.key IN ({names})"
            )
            for key, run, task, own, recipe, body, adopted in self.rows(statement, values):
                outputs = entry_of(adopted) if adopted else entry_of(body).get("outputs", {})
                found[key] = Result(key, outputs, run, own or task, recipe, bool(adopted))
        return found

    def recipes(self, digests: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Recipes by their digests."""
        if not digests:
            return {}
        names, values = listed(digests)
        statement = f"SELECT digest, body_json FROM documents WHERE digest IN ({names})"
        with self._worded():
            return {digest: entry_of(body) for digest, body in self.rows(statement, values)}

    def attempts(self, workflow: str, before: str = "") -> Attempts:
        """Finds the newest attempts of units in runs of a workflow."""
        return Attempts(self._reading, workflow, before)

    def has_run(self, workflow: str) -> bool:
        """Whether a run of a workflow is recorded; true too where that cannot be known."""
        statement = "SELECT 1 FROM runs WHERE workflow = :workflow LIMIT 1"
        try:
            return bool(self.rows(statement, {"workflow": workflow}))
        except sqlite3.Error:
            return True

    def durations(self, workflow: str) -> dict[str, list[float]]:
        """Task -> seconds that its newest successful attempts ran, in runs of a workflow."""
        with self._worded():
            return durations(self.rows, workflow)

    def observations(self, workflow: str) -> list[Observation]:
        """How long the newest attempts of tasks ran, in runs of a workflow; newest first."""
        with self._worded():
            return observations(self.rows, workflow)

    def tried(self, workflow: str) -> list[Tried]:
        """What placed attempts of tasks took where, in runs of a workflow; newest first."""
        with self._worded():
            return tried(self.rows, workflow)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def _reading(self) -> Iterator[Rows | None]:
        with self._worded():
            yield self.rows

    @contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, DamagedError) as error:
            from lamina.records.connection import parsed, told

            raise told(error, parsed(f"sqlite:///{self._path}"), "read") from error


class Nothing(Peek):
    """A look into a store that is not there yet: nothing has been written."""

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))

    def rows(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """No rows."""
        del statement, values
        return []
