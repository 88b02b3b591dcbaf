"""Stores of earlier versions, brought up to today's."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from lamina.errors import StoreError
from lamina.records import migrations
from lamina.records.access import Access
from lamina.records.attempts import attempts
from lamina.records.peek import Peek
from lamina.records.schema import OLDEST_READ, VERSION
from lamina.records.store import Store
from lamina.testing.stores import run, story
from lamina.workflow import log

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(params=range(1, VERSION))
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of a store that an earlier version wrote."""
    old = GOLDEN / f"records-{request.param}.sqlite"
    return Path(shutil.copyfile(old, tmp_path / "records.sqlite"))


def test_a_store_of_an_earlier_version_is_read_as_if_written_today(path: Path) -> None:
    store = Store(f"sqlite:///{path}")
    record = store.find("calm-otter")
    assert (record.id, record.status, record.ended) == ("1f2e3d4c5b", "failed", 1003.0)
    assert record.inputs["text"]["origin"] == "/home/ada/words.txt"
    counted, shown = attempts(event for _, event in store.events(record.id))
    assert counted.phases == {"run": (1000.75, 1001.75)}
    assert (shown.status, shown.cause) == ("failed", "no display")
    assert store.results(["k1"])["k1"].outputs == {"table": counted.outputs["table"]}
    assert store.recipes(["r1"]) == {"r1": {"do": "python"}}


def test_what_an_earlier_version_did_not_keep_is_made_from_its_events(path: Path) -> None:
    store = Store(f"sqlite:///{path}")
    live = store.lives(["1f2e3d4c5b"])["1f2e3d4c5b"]
    assert (live.succeeded, live.failures) == (1, {"show": "no display"})
    assert store.producers(["5a" * 32]) == {"5a" * 32: [("1f2e3d4c5b", "count", "table")]}


def test_a_store_of_an_earlier_version_can_be_written_afterwards(path: Path) -> None:
    store = Store(f"sqlite:///{path}")
    again = log.RunStarted(2000.0, 2, "words", 2)
    store.append("1f2e3d4c5b", [again])
    assert [number for number, _ in store.events("1f2e3d4c5b")] == list(range(1, 9))
    store.create(run("00000000a1"))
    store.append("00000000a1", story())
    store.close()
    fresh = Store(f"sqlite:///{path.parent / 'fresh.sqlite'}")
    fresh.create(run("00000000a1"))
    fresh.close()
    assert _tables(path) == _tables(path.parent / "fresh.sqlite")
    assert _triggers(path) == _triggers(path.parent / "fresh.sqlite") != []


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrations.STEPS

    def breaks(connection: sa.Connection) -> None:
        steps[-1](connection)
        raise sqlite3.OperationalError("disk is full")

    monkeypatch.setattr(migrations, "STEPS", (*steps[:-1], breaks))
    with pytest.raises((StoreError, sqlite3.OperationalError)):
        Store(f"sqlite:///{path}").runs()
    monkeypatch.undo()
    assert Store(f"sqlite:///{path}").find("last").name == "calm-otter"


def test_a_store_that_nobody_may_write_is_read_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shutil.copyfile(GOLDEN / f"records-{OLDEST_READ}.sqlite", tmp_path / "records.sqlite")

    def refuses(_self: Access) -> None:
        raise sa.exc.OperationalError("", None, sqlite3.OperationalError("readonly database"))

    monkeypatch.setattr(Access, "writable_engine", refuses)
    store = Store(f"sqlite:///{path}")
    assert store.find("last").name == "calm-otter"
    assert len(list(store.events("1f2e3d4c5b"))) == 7
    peek = Peek.at(f"sqlite:///{path}")
    assert peek is not None and set(peek.results(["k1"])) == {"k1"}
    peek.close()


def _triggers(path: Path) -> list[str]:
    raw = sqlite3.connect(path)
    found = [row[0] for row in raw.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
    raw.close()
    return sorted(found)


def _tables(path: Path) -> dict[str, list[tuple[str, str, int]]]:
    """Table -> (column, type, whether it may be empty), in any order."""
    raw = sqlite3.connect(path)
    names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        name: sorted((row[1], row[2], row[3]) for row in raw.execute(f"PRAGMA table_info({name})"))
        for name in names
    }
    raw.close()
    return found
