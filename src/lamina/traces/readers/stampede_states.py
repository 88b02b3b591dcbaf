"""The states of jobs in a stampede database: many rows, put together to tries."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina.traces.readers.databases import Database, grouped, texts_of, wholes_of

_TABLE = "jobstate"
_KEY, _PLACE, _TIME = _WHOLES = ("job_instance_id", "jobstate_submit_seq", "timestamp")


class Told(NamedTuple):
    """The states of a try, in the order of their numbers."""

    key: int
    names: tuple[str, ...]
    times: list[float]
    reasons: tuple[str, ...]


_told = partial(tuple.__new__, Told)


class _Rows(NamedTuple):
    """The table, column by column."""

    keys: NDArray[Any]
    places: NDArray[Any]
    times: NDArray[Any]
    names: list[str]
    reasons: list[str]


def told_by(database: Database) -> Iterator[Told]:
    """The states of each try, in the order in which the table begins to tell of the tries.

    Raises:
        TraceError: the table is damaged.
    """
    rows = _at_once(database) or _looked_at(database)
    if rows.names:
        yield from _put_together(rows)


def _at_once(database: Database) -> _Rows | None:
    """The table as it is usually: whole numbers, simple names, hardly a reason; else None."""
    found = database.joined(_TABLE, (*_WHOLES, "state", "reason"))
    if found is None:
        return None
    count, (*wholes, names, reasons) = found
    keys, places, times = (wholes_of(text, count) for text in wholes)
    states = names.split(",") if names else []
    if keys is None or places is None or times is None or len(states) != count:
        return None
    told = reasons.strip(",")
    why = texts_of(database.columns(_TABLE, ("reason",))[0]) if told else [""] * count
    return _Rows(keys, places, times, _shared(states), why)


def _looked_at(database: Database) -> _Rows:
    """The table with a look at each cell; a state without a time tells nothing."""
    columns = (*_WHOLES, "state", "reason")
    keys, places, times, names, reasons = database.columns(_TABLE, columns)
    ats = database.numbers(times, _TIME, _TABLE)
    numbers = [place or 0 for place in database.wholes(places, _PLACE, _TABLE)]
    there = [time is not None for time in ats]
    first, second, third = (
        np.array(list(compress(column, there)))
        for column in (database.ids(keys, _KEY, _TABLE), numbers, ats)
    )
    states, why = (list(compress(texts_of(column), there)) for column in (names, reasons))
    return _Rows(first, second, third, _shared(states), why)


def _shared(texts: list[str]) -> list[str]:
    """The texts; those that are equal are one object, so that they are compared quickly."""
    known = {text: text for text in set(texts)}
    return list(map(known.__getitem__, texts))


def _put_together(rows: _Rows) -> Iterator[Told]:
    """The rows of each try as one, by their numbers, which count within a try."""
    keys, places, times, names, reasons = rows
    order, spans = grouped(keys, places)
    if order is not None:
        times, moved = times[order], order.tolist()
        names, reasons = (list(map(column.__getitem__, moved)) for column in (names, reasons))
    ats = times.astype(float).tolist()
    for key, one, two in spans:
        yield _told((key, tuple(names[one:two]), ats[one:two], tuple(reasons[one:two])))
