"""The store in SQLite: what it keeps, what it refuses, and how it words its errors."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamina.errors import RunBusyError, StoreError, UsageError
from lamina.records.appending import Appender
from lamina.records.store import RunRecord, Store
from lamina.records.writing import Batch
from lamina.testing.events import events
from lamina.testing.stores import run, story
from lamina.workflow import log

RUN = "00000000a1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.sqlite"


@pytest.fixture
def store(path: Path) -> Store:
    """A store with one run."""
    made = Store(f"sqlite:///{path}")
    made.create(run(RUN))
    return made


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(events(), max_size=6), max_size=4), number=st.integers(0, 2**39))
def test_any_events_come_back_as_they_were(
    store: Store, batches: list[list[log.Event]], number: int
) -> None:
    identity = f"{number:010x}"
    if not store.lives([identity]):
        store.create(run(identity))
    before = list(store.events(identity))
    for batch in batches:
        store.append(identity, batch)
    found = [event for _, event in store.events(identity)][len(before) :]
    assert found == [event for batch in batches for event in batch]
    live = store.lives([identity])[identity]
    assert sum(live.counts().values()) >= 0


SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=8, max_size=24).map(
    lambda text: f"s3\\{text}x9"
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=SECRETS, extra=events(), number=st.integers(2**39, 2**40 - 1))
def test_no_byte_of_the_store_shows_a_declared_secret(
    tmp_path: Path, secret: str, extra: log.Event, number: int
) -> None:
    place = tmp_path / f"{number:010x}.sqlite"
    place.unlink(missing_ok=True)
    told = {"say": [f"a {secret} b", {secret: secret}], "n": 3}
    ref = {"codec": "json", "digest": "ab" * 32, "size": 9, "inline": f'["{secret}"]'}
    made = Store(f"sqlite:///{place}")
    made.protect([secret])
    record = run(f"{number:010x}")
    made.create(
        RunRecord(
            record.id, record.name, "w", {"x": told}, "", {"p": ref}, {"o": secret}, created=1.0
        )
    )
    made.append(
        record.id,
        [
            log.RunStarted(1.0, 1, "w", 1, {"command": ["run", f"-p={secret}"], "more": told}),
            extra,
            log.AttemptStarted(1.0, "z", 9, 1.0, "k", inputs={"p": ref}, reason=f"was {secret}"),
            log.AttemptProgressed(1.0, "z", 9, told),
            log.AttemptEnded(1.0, "z", 9, "succeeded", outputs={"p": ref}),
            log.AttemptEnded(1.0, "y", 1, "failed", error={"cause": secret, "last": [secret]}),
            log.TaskSkipped(1.0, "x", f"its input {secret} is gone"),
            log.Noticed(1.0, "staging retried", "y", f"https://u:{secret}@h"),
            log.RunFinished(1.0, "failed", {"p": ref}),
        ],
    )
    made.keep({"d": told})
    made.close()
    for file in tmp_path.glob(f"{place.name}*"):
        assert secret.encode() not in file.read_bytes(), file
    assert secret not in repr([event for _, event in made.events(record.id)])
    made.close()


def test_a_secret_number_is_hidden_where_it_stands_as_a_number(store: Store) -> None:
    store.protect(["31415926"])
    store.append(RUN, [log.AttemptProgressed(1.0, "a", 1, {"pin": 31415926, "loss": 0.5})])
    (_, event), *_ = store.events(RUN)
    assert isinstance(event, log.AttemptProgressed)
    assert event.values == {"pin": "***", "loss": 0.5}


def test_look_alikes_are_hidden_in_words_and_left_in_values(store: Store) -> None:
    key = "AKIA" + "A" * 16
    ref = {"x": {"codec": "json", "digest": "ab" * 32, "size": 22, "inline": f'"{key}"'}}
    store.append(
        RUN,
        [
            log.AttemptStarted(1.0, "a", 1, 1.0, inputs=ref, reason=f"param k {key} -> 3"),
            log.AttemptEnded(2.0, "a", 1, "failed", error={"cause": f"no key {key}"}),
        ],
    )
    started, ended = (event for _, event in store.events(RUN))
    assert isinstance(started, log.AttemptStarted)
    assert isinstance(ended, log.AttemptEnded)
    assert (started.inputs, started.reason) == (ref, "param k *** -> 3")
    assert ended.error == {"cause": "no key ***"}


def test_a_document_that_holds_a_secret_is_kept_without_it(store: Store) -> None:
    store.protect(["hunter2hunter2"])
    document = {"tasks": {"a": {"in": {"p": "hunter2hunter2"}, "argv": ["--token=abc", "x"]}}}
    kept = store.create(RunRecord("00000000b2", "b", "w", document, "/home/me"))
    assert kept.document == {
        "tasks": {"a": {"in": {"p": "***"}, "argv": ["--token=***", "x"]}},
        "hidden": True,
    }
    assert kept.folder == "/home/me"


def test_of_an_input_that_holds_a_secret_there_is_no_value_and_of_others_the_whole(
    store: Store,
) -> None:
    store.protect(["hunter2hunter2"])
    refs = {
        "x": {"codec": "json", "digest": "ab" * 32, "size": 22, "inline": '"hunter2hunter2"'},
        "y": {"codec": "json", "digest": "cd" * 32, "size": 22, "inline": '"API_TOKEN=abcdef"'},
    }
    kept = store.create(RunRecord("00000000b3", "b", "w", {}, "/home/me", refs))
    hidden = {"codec": "json", "digest": "ab" * 32, "size": 22, "hidden": True}
    assert kept.inputs == {"x": hidden, "y": refs["y"]}


def test_nothing_is_made_by_looking(path: Path) -> None:
    store = Store(f"sqlite:///{path.parent / 'below' / 'records.sqlite'}")
    assert store.runs() == []
    assert not (path.parent / "below").exists()


def test_a_name_that_is_taken_gets_a_number(store: Store) -> None:
    assert [store.create(run(f"00000000b{n}")).name for n in range(3)] == [
        "brave-otter-2",
        "brave-otter-3",
        "brave-otter-4",
    ]


def test_a_name_with_signs_of_patterns_is_a_name(store: Store) -> None:
    assert store.create(run("00000000b1", "brave%")).name == "brave%"
    assert store.create(run("00000000b2", "brave%")).name == "brave%-2"


def test_the_beginning_of_many_ids_names_them(store: Store) -> None:
    store.create(run("00000000b2"))
    with pytest.raises(UsageError, match=r"2 runs: 00000000b2 \(brave-otter-2\), 00000000a1"):
        store.find("0000")


class Breaking(Appender):
    """Fails after the batch was kept, as when a connection breaks before the answer came."""

    broken = 1

    def add(self, batch: Batch) -> None:
        super().add(batch)
        if Breaking.broken:
            Breaking.broken -= 1
            raise sqlite3.OperationalError("the answer was lost")


@pytest.mark.parametrize("more", [0, 1])
def test_a_batch_that_was_kept_before_the_error_is_not_kept_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    told = story()
    store.append(RUN, told[:1])
    store.close()
    Breaking.broken = 1
    monkeypatch.setattr("lamina.records.appending.Appender", Breaking)
    with pytest.raises(sqlite3.OperationalError):
        store.append(RUN, told[1:3])
    extra = [log.Noticed(1.0, "record refused", "", "for a while")][:more]
    store.append(RUN, [*told[1:3], *extra])
    store.append(RUN, told[3:])
    found = [event for _, event in store.events(RUN)]
    assert found == [*told[:3], *extra, *told[3:]]
    assert set(store.results(["key-0", "key-1"])) == {"key-0", "key-1"}


def test_readers_go_on_while_writers_wait_for_each_other(store: Store) -> None:
    told = story()
    store.append(RUN, told[:2])
    store.lives([RUN])
    other = Store(store.url)
    with other._access.writing():  # a writer that takes its time
        waiting = Thread(target=lambda: store.append(RUN, told[2:]))
        waiting.start()
        waiting.join(0.2)
        assert len(list(Store(store.url).events(RUN))) == 2
    waiting.join(20)
    assert [event for _, event in store.events(RUN)] == told


def test_a_second_engine_is_refused_in_words(store: Store) -> None:
    told, other = story(), Store(store.url)
    other.append(RUN, told[:1])
    store.append(RUN, told[1:2])
    with pytest.raises(RunBusyError, match="another engine") as caught:
        other.append(RUN, told[2:3])
    assert "lamina status" in caught.value.way_out


@pytest.mark.parametrize("url", ["mysql://host/x", "nonsense", "", "sqlite+aiosqlite:///x"])
def test_an_address_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="no address of a record store"):
        Store(url).runs()


def test_a_password_in_an_address_is_never_said() -> None:
    store = Store("postgresql://me:hunter2@127.0.0.1:1/none")
    with pytest.raises(StoreError) as caught:
        store.runs()
    assert "hunter2" not in str(caught.value)
    assert "LAMINA_STORE" in caught.value.way_out


def test_a_store_of_a_later_version_is_refused(path: Path, store: Store) -> None:
    store.close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE schema_version SET version = 99")
    raw.close()
    with pytest.raises(
        StoreError, match=r"records\.sqlite has version 99; this Lamina reads"
    ) as caught:
        Store(f"sqlite:///{path}").runs()
    assert "install" in caught.value.way_out


@pytest.mark.parametrize("damage", [b"no database at all, just text" * 100, b"\0" * 5000])
def test_a_damaged_file_is_told_in_words(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    with pytest.raises(StoreError) as caught:
        Store(f"sqlite:///{path}").runs()
    assert caught.value.way_out


def test_a_folder_in_the_place_of_the_store_is_told_in_words(path: Path) -> None:
    path.mkdir()
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="cannot be read"):
        store.runs()
    with pytest.raises(StoreError, match="cannot be written"):
        store.create(run(RUN))


def test_a_file_that_is_no_folder_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        Store(f"sqlite:///{tmp_path / 'file' / 'r.sqlite'}").create(run(RUN))


def on_small_disk(folder: Path, act: Callable[[], Any], options: str = "size=600k") -> Any:
    """Acts while a folder is a small disk; skips where none may be mounted."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no right to mount a tmpfs: run the tests as root")
    try:
        return act()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_full_disk_refuses_a_batch_whole_and_takes_it_when_there_is_room(tmp_path: Path) -> None:
    def act() -> None:
        store = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
        store.create(run(RUN))
        (tmp_path / "ballast").write_bytes(b"x" * 200_000)
        told, kept = story(300), 0
        with pytest.raises(StoreError, match=r"cannot be written: .*(full|I/O)") as caught:
            for kept in range(0, len(told), 30):
                store.append(RUN, told[kept : kept + 30])
        assert "make room" in caught.value.way_out
        assert len(list(store.events(RUN))) == kept
        (tmp_path / "ballast").unlink()
        store.append(RUN, told[kept : kept + 30])
        assert [event for _, event in store.events(RUN)] == told[: kept + 30]
        store.close()

    on_small_disk(tmp_path, act)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
@pytest.mark.parametrize("killed", [True, False])
def test_a_store_on_a_read_only_disk_can_be_read(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, killed: bool
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    store = Store(f"sqlite:///{elsewhere / 'records.sqlite'}")
    store.create(run(RUN))
    store.append(RUN, story())
    if not killed:
        store.close()
    before = list(elsewhere.glob("records.sqlite*"))

    def act() -> None:
        for file in before:
            if not file.name.endswith("-shm"):
                shutil.copyfile(file, tmp_path / file.name)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        other = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
        assert other.find("last").status == "succeeded"
        assert [event for _, event in other.events(RUN)] == story()
        with pytest.raises(StoreError, match="cannot be written") as caught:
            other.create(run("00000000b2"))
        assert "writable" in caught.value.way_out
        other.close()

    assert len(before) == (3 if killed else 1)
    on_small_disk(tmp_path, act, "size=4m")
    store.close()


def test_many_threads_may_share_a_store(store: Store) -> None:
    found: list[int] = []

    def read() -> None:
        for _ in range(20):
            found.append(len(list(store.events(RUN))))

    readers = [Thread(target=read) for _ in range(3)]
    for each in readers:
        each.start()
    told = story(40)
    for start in range(0, len(told), 4):
        store.append(RUN, told[start : start + 4])
    for each in readers:
        each.join()
    assert len(list(store.events(RUN))) == len(told)
    assert len(found) == 60


def test_importing_the_store_loads_no_sqlalchemy() -> None:
    code = "import sys, lamina.records.store; sys.exit('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, check=False)
    assert done.returncode == 0
