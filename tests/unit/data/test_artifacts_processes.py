"""Artifacts under many processes at once, and under processes that are killed while they write."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.data.artifacts.signing import key
from lamina.data.artifacts.store import Artifacts
from lamina.workflow.types import port_type

SPAWN = multiprocessing.get_context("fork")
VALUES = 40


def value(number: int) -> Any:
    """A value that is the same in every process."""
    array = np.arange(number, number + 50_000)
    return [array, {"k": array * 2}, "x" * 5000, {"inner": (array[:10], number)}][number % 4]


def work(folder: Path, seed: int, digests: Any) -> None:
    """Keeps and reads all values in an order of its own; some it removes in between."""
    store = Artifacts(folder)
    order = list(range(VALUES)) * 2
    random.Random(seed).shuffle(order)
    for number in order:
        ref = store.put(value(number))
        got = store.get(ref)
        assert str(got) == str(value(number))
    digests.put(hashlib.sha256("".join(store.put(value(n)).digest for n in range(VALUES)).encode()))


def results(folder: Path, seed: int, queue: Any) -> None:
    try:
        found: list[str] = []

        class Collected:
            def put(self, state: Any) -> None:
                found.append(state.hexdigest())

        work(folder, seed, Collected())
        queue.put(found[0])
    except BaseException as error:
        queue.put(repr(error))
        raise


def test_many_processes_keep_the_same_values_at_once(tmp_path: Path) -> None:
    queue = SPAWN.Queue()
    workers = [SPAWN.Process(target=results, args=(tmp_path, seed, queue)) for seed in range(6)]
    for worker in workers:
        worker.start()
    answers = {queue.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join(30)
    assert len(answers) == 1
    assert not list((tmp_path / "parts").iterdir())
    for entry in Artifacts(tmp_path).stored():
        Artifacts(tmp_path).objects.path(entry.digest)


def write_forever(folder: Path) -> None:
    store = Artifacts(folder)
    number = 0
    while True:
        store.put(np.arange(number, number + 200_000))
        store.put("text " * 200 + str(number))
        number += 1


def test_a_writer_that_is_killed_leaves_no_wrong_artifact(tmp_path: Path) -> None:
    store = Artifacts(tmp_path)
    for seed in range(8):
        worker = SPAWN.Process(target=write_forever, args=(tmp_path,))
        worker.start()
        time.sleep(0.02 + random.Random(seed).random() * 0.1)
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()
    entries = list(store.stored())
    assert entries
    for entry in entries:
        path = Path(store.objects.path(entry.digest))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == entry.digest
    for number in range(3):
        assert store.get(store.put(np.arange(number, number + 200_000)))[0] == number


def make_key(queue: Any) -> None:
    queue.put(key(make=True))


def test_processes_that_make_the_key_at_once_get_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    queue = SPAWN.Queue()
    workers = [SPAWN.Process(target=make_key, args=(queue,)) for _ in range(6)]
    for worker in workers:
        worker.start()
    assert len({queue.get(timeout=30) for _ in workers}) == 1
    for worker in workers:
        worker.join(30)
    assert [path.name for path in (tmp_path / "lamina").iterdir()] == ["key"]


def place_as_nobody(folder: Path, ref: Any, queue: Any) -> None:
    os.setgid(65534)
    os.setuid(65534)
    store = Artifacts(folder / "store")
    placed = store.place(ref, folder / "work/big.bin")
    refused = False
    try:
        placed.open("r+b").close()
    except PermissionError:
        refused = True
    queue.put((placed.samefile(store.objects.path(ref.digest)), refused, placed.stat().st_size))


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become somebody else: run the tests as root"
)
def test_large_files_are_linked_where_nobody_can_write_through(tmp_path: Path) -> None:
    base = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        base.chmod(0o777)
        (base / "big.bin").write_bytes(b"x" * 1_000_000)
        ref = Artifacts(base / "store").put(base / "big.bin")
        for path in [base / "store", *(base / "store").rglob("*")]:
            os.chown(path, 65534, 65534)
        queue = SPAWN.Queue()
        worker = SPAWN.Process(target=place_as_nobody, args=(base, ref, queue))
        worker.start()
        assert queue.get(timeout=30) == (True, True, 1_000_000)
        worker.join(30)
    finally:
        shutil.rmtree(base)


def build(store: Artifacts, ref: Any, queue: Any) -> None:
    queue.put(sorted(path.name for path in store.get(ref).iterdir()))


def test_processes_that_build_the_same_folder_at_once_all_get_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(50):
        (tmp_path / "in" / f"{number}.txt").write_text(str(number))
    store = Artifacts(tmp_path / "store")
    ref = store.put(tmp_path / "in", port_type("folder"))
    queue = SPAWN.Queue()
    workers = [SPAWN.Process(target=build, args=(store, ref, queue)) for _ in range(6)]
    for worker in workers:
        worker.start()
    found = [queue.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join(30)
    assert all(len(names) == 50 for names in found)
