"""Entries of a store that are not what was written: told in words, never as a traceback of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamina.errors import StoreError
from lamina.records.peek import Peek
from lamina.records.store import Store
from lamina.testing.stores import run, story

RUN = "00000000a1"
RECIPE = "ab" * 32
DAMAGES = ["{bad", "", "[1]", '"text"', "\ufffd{}"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a run that ended."""
    found = tmp_path / "records.sqlite"
    store = Store(f"sqlite:///{found}")
    store.create(run(RUN))
    store.append(RUN, story())
    store.keep({RECIPE: {"do": "python"}})
    store.close()
    return found


def damage(path: Path, table: str, column: str, text: str) -> None:
    """Writes a text into every row, as no program of ours can."""
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER events_kept_update")
    raw.execute(f"UPDATE {table} SET {column} = ?", (text,))
    raw.commit()
    raw.close()


READS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "events": ("events", "body_json", lambda store: list(store.events(RUN))),
    "results": ("events", "body_json", lambda store: store.results(["key-0"])),
    "attempts": ("events", "body_json", lambda store: store.attempts("words")(["count[0]"])),
    "durations": ("events", "body_json", lambda store: store.durations("words")),
    "observations": ("events", "body_json", lambda store: store.observations("words")),
    "runs": ("runs", "inputs_json", lambda store: store.runs()),
    "find": ("runs", "document_json", lambda store: store.find("last")),
    "recipes": ("documents", "body_json", lambda store: store.recipes([RECIPE])),
}


@pytest.mark.parametrize("text", DAMAGES)
@pytest.mark.parametrize("what", READS)
def test_a_damaged_entry_is_told_with_its_store_and_a_way_out(
    path: Path, what: str, text: str
) -> None:
    table, column, read = READS[what]
    damage(path, table, column, text)
    with pytest.raises(StoreError) as told:
        read(Store(f"sqlite:///{path}"))
    assert str(path) in told.value.message
    assert "an entry is damaged" in told.value.message
    assert "bring back a copy" in told.value.way_out


@pytest.mark.parametrize("what", ["results", "attempts", "durations", "observations", "recipes"])
def test_a_quick_look_tells_it_too(path: Path, what: str) -> None:
    table, column, read = READS[what]
    damage(path, table, column, "{bad")
    look = Peek.at(f"sqlite:///{path}")
    assert look is not None
    with pytest.raises(StoreError, match="an entry is damaged"):
        read(look)
    look.close()


@pytest.mark.parametrize("text", [*DAMAGES, '{"running":3}', '{"running":{"a":[1]}}'])
def test_where_a_run_is_comes_from_its_events_when_it_is_damaged(path: Path, text: str) -> None:
    whole = Store(f"sqlite:///{path}").lives([RUN])
    damage(path, "lives", "live_json", text)
    assert Store(f"sqlite:///{path}").lives([RUN]) == whole


def test_a_quick_look_into_a_file_that_breaks_meanwhile_is_told_in_words(path: Path) -> None:
    look = Peek.at(f"sqlite:///{path}")
    assert look is not None
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(StoreError, match=r"records\.sqlite cannot be read"):
        look.results(["key-0"])
    look.close()
