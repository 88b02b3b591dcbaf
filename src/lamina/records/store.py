"""The record of runs in a relational store: SQLite in the project's folder, or PostgreSQL."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from lamina.errors import LaminaError, StoreError, UnknownNameError, UsageError
from lamina.records.access import Access
from lamina.records.live import Live
from lamina.records.rows import DamagedError, Result, RunRecord, entries_of
from lamina.workflow.log import Event, event_of

if TYPE_CHECKING:
    from lamina.estimates.observations import Observation, Tried
    from lamina.records.appending import Appender
    from lamina.records.earlier import Attempts, Rows
    from lamina.records.writing import Batch, Book, Line


Row = tuple[int, float, str, str, int, str]
"""Number, time, word, task, attempt and body of an event, as they are kept."""

__all__ = ["Result", "RunRecord", "Store"]


class Store:
    """All that the project's runs did; many readers and writers at once.

    Nothing is opened, and no file is made, before it is needed: reading where nothing was
    written finds nothing.

    Args:
        url: "sqlite:///path" or "postgresql://user@host/database".

    Every method raises StoreError when the store cannot be read or written.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._access = Access(url)
        self._appender: Appender | None = None
        self._books: dict[str, Book] = {}
        self._doubts: dict[str, tuple[int, list[Line]]] = {}
        self._secrets: tuple[str, ...] = ()

    def protect(self, secrets: Sequence[str]) -> None:
        """Values that nothing written from now on may show; see `lamina.workflow.masking`."""
        self._secrets = tuple(sorted({*self._secrets, *secrets}))

    def create(self, run: RunRecord) -> RunRecord:
        """Adds a run, and gives it as it is kept: a name that is taken gets a number."""
        from lamina.records import queries
        from lamina.records.writing import run_of

        kept = run_of(run, self._secrets)
        with self._access.writing() as connection:
            taken = queries.names_like(connection, run.name)
            number = 2
            while kept.name in taken:
                kept = replace(kept, name=f"{run.name}-{number}")
                number += 1
            queries.add_run(connection, kept)
        return kept

    def append(self, run: str, events: Sequence[Event]) -> None:
        """Keeps events, their results and the run's state, in one transaction.

        A batch that is given again after an error, alone or with more events behind it, is kept
        once, whether or not the error came before it was kept.

        Raises:
            RunBusyError: another engine writes the same run.
        """
        from lamina.records.writing import lines_of

        if not events:
            return
        lines = lines_of(events, self._secrets)
        with self._access.lock:
            try:
                self._append(run, events, lines)
            except StoreError as error:
                if not _lost(error):
                    raise
                self._append(run, events, lines)

    def _append(self, run: str, events: Sequence[Event], lines: list[Line]) -> None:
        from lamina.records.writing import batch_of

        book = self._books.get(run) or self._opened(run)
        first, tried = self._doubts.pop(run, (0, []))
        known = len(tried)
        if known and book.next == first + known and lines[:known] == tried:
            # The batch before failed after it was kept; this one is it, with more behind it.
            events, lines = events[known:], lines[known:]
            if not events:
                return
        first = book.next
        try:
            self._keep(batch_of(book, events, lines, monotonic()))
        except BaseException:
            # Whether it was kept is not known where the connection broke: its number will tell.
            self._doubts[run] = (first, lines)
            self._books.pop(run, None)
            raise

    def _keep(self, batch: Batch) -> None:
        from lamina.records.appending import Appender
        from lamina.records.connection import parsed, worded

        with worded(parsed(self.url), "written"):
            if self._appender is None:
                self._appender = Appender(self._access.writable_engine())
                weakref.finalize(self, self._appender.close)
            try:
                self._appender.add(batch)
            except BaseException:
                self._appender.close()
                self._appender = None
                raise

    def _opened(self, run: str) -> Book:
        from lamina.records import queries
        from lamina.records.writing import Book

        with self._access.writing() as connection:
            found = queries.book_entry(connection, run)
        if found is None:
            raise StoreError(f"no run {run!r} in this store", "create it before its events")
        live = self.lives([run])[run]
        with self._access.reading() as connection:
            assert connection is not None
            keys = queries.open_keys(connection, found[0], list(live.running))
        book = self._books[run] = Book(found[0], found[1] + 1, live, keys)
        return book

    def events(
        self, run: str, after: int = 0, words: Sequence[str] = ()
    ) -> Iterator[tuple[int, Event]]:
        """The events of a run with their numbers, oldest first.

        Args:
            run: its id.
            after: number of the last event that is not wanted.
            words: kinds that are wanted ("attempt-ended"); all of them when empty.
        """
        for rows, bodies in self.pages(run, after, words):
            for (number, time, word, task, attempt, _), body in zip(rows, bodies, strict=True):
                body["task"] = task
                if attempt:
                    body["attempt"] = attempt
                try:
                    event = event_of(word, time, body)
                except KeyError:
                    continue  # a word of a later version
                yield number, event

    def pages(
        self, run: str, after: int = 0, words: Sequence[str] = ()
    ) -> Iterator[tuple[list[Row], Iterator[dict[str, Any]]]]:
        """The same, many at a time, before events are made of them: number, time, word, task,
        attempt and text of each; and its body, made of the text."""
        from lamina.records import queries

        while True:
            with self._access.reading() as connection:
                rows = queries.some_events(connection, run, after, words) if connection else []
            if rows:
                yield rows, self._bodies(rows)
                after = rows[-1][0]
            if len(rows) < queries.PAGE:
                return

    def _bodies(self, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        try:
            yield from entries_of([row[-1] for row in rows])
        except DamagedError as error:
            raise self._told(error) from error

    def tells(self, run: str, others: Sequence[str]) -> bool:
        """Whether a run has events of other kinds than some."""
        from lamina.records import queries

        with self._access.reading() as connection:
            return connection is not None and queries.has_others(connection, run, others)

    def _told(self, error: DamagedError) -> LaminaError:
        from lamina.records.connection import parsed, told

        return told(error, parsed(self.url), "read")

    def runs(self, limit: int = 100) -> list[RunRecord]:
        """The newest runs, newest first."""
        from lamina.records import queries

        with self._access.reading() as connection:
            return queries.newest(connection, limit) if connection else []

    def find(self, text: str = "last") -> RunRecord:
        """A run by its id, the beginning of its id, its name, or "last".

        Raises:
            UnknownNameError: there is none; carries the names of the newest.
            UsageError: the beginning of several ids.
        """
        from lamina.records import queries

        with self._access.reading() as connection:
            found = queries.matching(connection, text) if connection else []
        if len(found) > 1:
            raise UsageError(
                f"{text!r} is the beginning of {len(found)} runs: "
                + ", ".join(f"{run.id} ({run.name})" for run in found[:5]),
                "give more of the id, or the name",
            )
        if not found:
            known = [run.name for run in self.runs(20)]
            if known:
                raise UnknownNameError("run", text, ["last", *known])
            asked = "" if text == "last" else f": there is no run {text!r}"
            raise UsageError(f"no run is recorded here{asked}", "start one with `lamina run FILE`")
        return found[0]

    def lives(self, runs: Sequence[str]) -> dict[str, Live]:
        """Where runs are now, by their ids."""
        from lamina.records import queries

        with self._access.reading() as connection:
            kept = queries.lives(connection, runs) if connection else {}
        for run, (live, number) in kept.items():
            for _, event in self.events(run, number):
                live.apply(event)
        return {run: live for run, (live, _) in kept.items()}

    def results(self, keys: Sequence[str]) -> dict[str, Result]:
        """The newest result of each key that has one."""
        from lamina.records import queries

        with self._access.reading() as connection:
            return queries.results(connection, keys) if connection and keys else {}

    def adopt(self, results: Sequence[Result]) -> None:
        """Takes results over for keys of their own, say old outputs that somebody accepted."""
        from lamina.records import queries

        if results:
            with self._access.writing() as connection:
                queries.adopt(connection, results)

    def forget(self, keys: Sequence[str]) -> None:
        """Drops results, say of artifacts that were cleaned or damaged."""
        from lamina.records import queries

        if keys:
            with self._access.writing() as connection:
                queries.forget(connection, keys)

    def keep(self, recipes: Mapping[str, Mapping[str, Any]]) -> None:
        """Keeps recipes (digest -> what keys are made of); known ones are passed over.

        Environments are kept in the same way.
        """
        from lamina.records import queries
        from lamina.records.writing import concealed

        if recipes:
            bodies = {digest: concealed(body, self._secrets) for digest, body in recipes.items()}
            with self._access.writing() as connection:
                queries.keep(connection, bodies if self._secrets else recipes)

    def recipes(self, digests: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Recipes by their digests."""
        from lamina.records import queries

        with self._access.reading() as connection:
            return queries.documents(connection, digests) if connection and digests else {}

    def producers(self, digests: Sequence[str]) -> dict[str, list[tuple[str, str, str]]]:
        """Digest of an artifact -> (run, unit, port) of the attempts that made it, oldest first."""
        from lamina.records import queries

        with self._access.reading() as connection:
            return queries.producers(connection, digests) if connection and digests else {}

    def consumers(self, digest: str) -> list[tuple[str, str, str]]:
        """(run, unit, port) of the attempts that were given an artifact, oldest first."""
        from lamina.records import queries

        with self._access.reading() as connection:
            return queries.consumers(connection, digest) if connection else []

    def attempts(self, workflow: str, before: str = "") -> Attempts:
        """Finds the newest attempts of units in runs of a workflow (older than one, if wanted)."""
        from lamina.records.earlier import Attempts

        return Attempts(self._rows, workflow, before)

    def durations(self, workflow: str) -> dict[str, list[float]]:
        """Task -> seconds that its newest successful attempts ran, in runs of a workflow."""
        from lamina.records.earlier import durations

        with self._rows() as rows:
            return durations(rows, workflow) if rows else {}

    def observations(self, workflow: str) -> list[Observation]:
        """How long the newest attempts of tasks ran, in runs of a workflow; newest first."""
        from lamina.records.earlier import observations

        with self._rows() as rows:
            return observations(rows, workflow) if rows else []

    def tried(self, workflow: str) -> list[Tried]:
        """What placed attempts of tasks took where, in runs of a workflow; newest first."""
        from lamina.records.earlier import tried

        with self._rows() as rows:
            return tried(rows, workflow) if rows else []

    @contextmanager
    def _rows(self) -> Iterator[Rows | None]:
        """A way to run statements that are plain texts."""
        import sqlalchemy as sa

        with self._access.reading() as connection:
            if connection is None:
                yield None
            else:
                reader = connection
                yield lambda statement, values: reader.execute(sa.text(statement), values)

    def given(self, digest: str) -> list[tuple[RunRecord, str]]:
        """(run, input) of the runs that were given bytes, oldest first."""
        from lamina.records import queries

        with self._access.reading() as connection:
            return queries.given(connection, digest) if connection else []

    def digests(self, beginning: str) -> list[str]:
        """Digests of products and of runs' inputs that begin so; some of them, where many do."""
        from lamina.records import queries

        with self._access.reading() as connection:
            return queries.digests(connection, beginning) if connection else []

    def wrote(self, run: str, files: Mapping[str, str]) -> None:
        """Keeps that files were written from a run's outputs.

        Args:
            run: its id.
            files: digest of the bytes -> workflow output.
        """
        from lamina.records import queries

        if files:
            with self._access.writing() as connection:
                queries.add_files(connection, run, files)

    def close(self) -> None:
        """Gives connections back."""
        with self._access.lock:
            if self._appender is not None:
                self._appender.close()
                self._appender = None
            self._access.close()


def _lost(error: StoreError) -> bool:
    """Whether the server ended the connection, and a new one may do better."""
    return bool(getattr(error.__cause__, "connection_invalidated", False))
