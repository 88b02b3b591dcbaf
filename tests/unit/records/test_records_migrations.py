"""Stores of earlier versions, brought up to today's."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from lamina.errors import StoreError
from lamina.records import migrations
from lamina.records.attempts import attempts
from lamina.records.store import Store
from lamina.testing.stores import run, story
from lamina.workflow import log

OLD = Path(__file__).parents[2] / "golden" / "records-1.sqlite"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy of a store that version 1 wrote."""
    return Path(shutil.copyfile(OLD, tmp_path / "records.sqlite"))


def test_a_store_of_version_1_is_read_as_if_written_today(path: Path) -> None:
    store = Store(f"sqlite:///{path}")
    record = store.find("calm-otter")
    assert (record.id, record.status, record.ended) == ("1f2e3d4c5b", "failed", 1003.0)
    assert record.inputs["text"]["origin"] == "/home/ada/words.txt"
    counted, shown = attempts(event for _, event in store.events(record.id))
    assert counted.phases == {"run": (1000.75, 1001.75)}
    assert (shown.status, shown.cause) == ("failed", "no display")
    assert store.results(["k1"])["k1"].outputs == {"table": counted.outputs["table"]}
    assert store.recipes(["r1"]) == {"r1": {"do": "python"}}


def test_what_version_1_did_not_keep_is_made_from_its_events(path: Path) -> None:
    store = Store(f"sqlite:///{path}")
    live = store.lives(["1f2e3d4c5b"])["1f2e3d4c5b"]
    assert (live.succeeded, live.failures) == (1, {"show": "no display"})
    assert store.producers(["5a" * 32]) == {"5a" * 32: [("1f2e3d4c5b", "count", "table")]}


def test_a_store_of_version_1_can_be_written_afterwards(path: Path) -> None:
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


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(connection: object) -> None:
        migrations._second(connection)  # type: ignore[arg-type]
        raise sqlite3.OperationalError("disk is full")

    monkeypatch.setattr(migrations, "STEPS", (breaks,))
    with pytest.raises((StoreError, sqlite3.OperationalError)):
        Store(f"sqlite:///{path}").runs()
    monkeypatch.undo()
    assert Store(f"sqlite:///{path}").find("last").name == "calm-otter"


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
