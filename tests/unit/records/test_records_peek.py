"""A quick look into a store gives what the store gives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamina.records import peek, schema
from lamina.records.peek import Peek
from lamina.records.store import Result, RunRecord, Store
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event, RunStarted

OUTPUTS = {"result": {"codec": "json", "digest": "1", "size": 1, "inline": "1"}}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with one run of three tasks, and a result that was accepted."""
    made = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    made.create(RunRecord("r1", "one", "w", created=1.0))
    events: list[Event] = [RunStarted(0.0, 1, "w", 3)]
    for number in range(3):
        task = f"t[{number}]"
        events += [
            AttemptStarted(1.0, task, 1, 1.0, f"k{number}", "recipe", {}, (), OUTPUTS),
            AttemptEnded(2.0, task, 1, "succeeded", outputs=OUTPUTS, phases={"run": (1.0, 2.0)}),
        ]
    made.append("r1", events)
    made.adopt([Result("touched", OUTPUTS, "r1", "t[0]", "recipe")])
    made.keep({"recipe": {"do": "python"}})
    yield made
    made.close()


def test_it_reads_what_the_store_reads(store: Store) -> None:
    keys = ["k0", "k2", "touched", "unknown"]
    look = Peek.at(store.url)
    assert look is not None

    assert look.results(keys) == store.results(keys)
    assert look.results(keys)["touched"].touched
    assert look.recipes(["recipe", "other"]) == store.recipes(["recipe", "other"])
    assert look.recipes([]) == {}
    assert look.durations("w") == store.durations("w") == {"t": [1.0] * 3}
    assert look.observations("w") == store.observations("w") != []
    assert look.attempts("w")(["t[1]"]) == store.attempts("w")(["t[1]"])
    look.close()


def test_many_keys_are_asked_in_parts(store: Store) -> None:
    look = Peek.at(store.url)
    assert look is not None

    assert set(look.results([f"k{number}" for number in range(1000)])) == {"k0", "k1", "k2"}
    look.close()


def test_it_cannot_write(store: Store) -> None:
    look = Peek.at(store.url)
    assert look is not None

    with pytest.raises(sqlite3.OperationalError):
        look.rows("DELETE FROM results", {})
    look.close()


def test_what_it_does_not_know_is_left_to_the_store(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("no database, and long enough to be taken for one" * 9)
    with sqlite3.connect(tmp_path / "later.sqlite") as connection:
        connection.execute("CREATE TABLE schema_version (version INTEGER)")
        connection.execute("INSERT INTO schema_version VALUES (999)")
    connection.close()

    assert Peek.at("postgresql://localhost/db") is None
    assert Peek.at(f"sqlite:///{tmp_path}/text.sqlite") is None
    assert Peek.at(f"sqlite:///{tmp_path}/later.sqlite") is None


def test_it_knows_the_tables_as_they_are() -> None:
    assert tuple(range(schema.OLDEST_READ, schema.VERSION + 1)) == peek.VERSIONS


def test_a_store_that_is_not_there_yet_holds_nothing(tmp_path: Path) -> None:
    look = Peek.at(f"sqlite:///{tmp_path}/absent.sqlite")
    assert look is not None
    assert (look.results(["k"]), look.recipes(["r"]), look.durations("w")) == ({}, {}, {})
    look.close()
    assert not list(tmp_path.iterdir())
