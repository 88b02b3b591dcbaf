"""The store between real processes: readers beside a writer, and writers that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lamina.records.store import Store
from lamina.testing.stores import run
from lamina.workflow import log

RUN = "00000000a1"
BATCH = 10
PROGRAM = Path(__file__).parent / "store_writer.py"


@contextmanager
def writer(url: str, name: str = RUN) -> Iterator[subprocess.Popen[str]]:
    """A process that writes batches until it is killed."""
    words = [sys.executable, str(PROGRAM), url, name, str(BATCH)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        try:
            yield process
        finally:
            process.kill()


def made(folder: Path) -> Store:
    store = Store(f"sqlite:///{folder / 'records.sqlite'}")
    store.create(run(RUN))
    return store


def test_a_reader_sees_whole_batches_while_another_process_writes(tmp_path: Path) -> None:
    store = made(tmp_path)
    seen, counts, last = 0, [], 0
    with writer(store.url):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            for number, event in store.events(RUN, seen):
                assert number == seen + 1
                assert isinstance(event, log.AttemptStarted | log.AttemptEnded)
                seen = number
            counts.append(seen)
            live = store.lives([RUN])[RUN]
            assert live.succeeded >= last
            last = live.succeeded
    assert all(count % BATCH == 0 for count in counts)
    assert len(set(counts)) > 3, "the reader waited for the writer"


def test_a_writer_that_is_killed_leaves_whole_batches(tmp_path: Path) -> None:
    store, rounds = made(tmp_path), random.Random(7)
    before = 0
    for _ in range(3):
        with writer(store.url) as process:
            time.sleep(rounds.uniform(0.0, 0.2))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        found = list(store.events(RUN))
        assert len(found) % BATCH == 0
        assert len(found) > before
        assert [number for number, _ in found] == list(range(1, len(found) + 1))
        before = len(found)
    ended = [event for _, event in found if isinstance(event, log.AttemptEnded)]
    assert store.lives([RUN])[RUN].succeeded == len(ended)
    keys = [event.key for _, event in found if isinstance(event, log.AttemptStarted)]
    assert set(store.results(keys)) == set(keys), "an end is kept without its result"
    digests = {str(event.outputs["y"]["digest"]) for event in ended}
    assert set(store.producers(sorted(digests))) == digests


def test_two_processes_cannot_write_one_run(tmp_path: Path) -> None:
    store = made(tmp_path)
    words = [sys.executable, str(PROGRAM), store.url, RUN, str(BATCH)]
    both = [
        subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        end = time.monotonic() + 60
        while all(each.poll() is None for each in both) and time.monotonic() < end:
            time.sleep(0.05)
        ended = [each.poll() is not None for each in both]
    finally:
        for each in both:
            each.kill()
        errors = [each.communicate()[1] for each in both]
    assert sorted(ended) == [False, True]
    assert "RunBusyError" in errors[ended.index(True)]
    numbers = [number for number, _ in store.events(RUN)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) % BATCH == 0


@pytest.mark.slow
def test_many_runs_write_at_once(tmp_path: Path) -> None:
    store = made(tmp_path)
    names = [f"{n:010x}" for n in range(4)]
    for name in names:
        store.create(run(name))
    with ExitStack() as writers:
        for name in names:
            writers.enter_context(writer(store.url, name))
        time.sleep(5)
    for name in names:
        found = list(store.events(name))
        assert len(found) % BATCH == 0
        assert len(found) > 100
