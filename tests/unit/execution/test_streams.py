"""Streams between real processes: every item once and in order, nobody waits for a dead one."""

from __future__ import annotations

import hashlib
import itertools
import mmap
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.data.tables import Table
from lamina.errors import ArtifactError
from lamina.execution.streams.reader import BrokenStreamError, StreamReader, opened
from lamina.execution.streams.writer import StreamWriter, fill, kept
from lamina.testing.workflow_strategies import plain_values

WRITER = """
import sys, time
from pathlib import Path
from lamina.execution.streams.writer import StreamWriter
path, count, ahead, pause = Path(sys.argv[1]), *map(float, sys.argv[2:5])
writer = StreamWriter(path, ahead=int(ahead))
for number in range(int(count)):
    writer.put(number)
    time.sleep(pause)
print(writer.finish().digest)
"""
READER = """
import sys, time
from pathlib import Path
from lamina.execution.streams.reader import BrokenStreamError, StreamReader
reader, most, pause = StreamReader(Path(sys.argv[1])), *map(float, sys.argv[2:4])
seen = 0
try:
    for item in reader:
        assert item == seen, (item, seen)
        seen += 1
        time.sleep(pause)
        if seen == most:
            break
except BrokenStreamError:
    print("broken", end=" ")
print(seen, flush=True)
if seen == most:
    time.sleep(60)
"""


def process(script: str, *arguments: Any) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def finished(path: Path) -> Ref:
    """A spool that has an end, as an artifact."""
    with StreamReader(path, grace=0.0) as reader:
        count = sum(1 for _ in reader)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Ref("stream", digest, len(content), count=count, origin=str(path))


def said(child: subprocess.Popen[str]) -> str:
    return child.communicate(timeout=60)[0].strip()


def wait_for(path: Path, size: int) -> None:
    deadline = time.monotonic() + 30
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < deadline
        time.sleep(0.002)


@given(st.lists(plain_values, max_size=8))
@settings(deadline=None, max_examples=30)
def test_what_is_written_is_read_in_order(tmp_path_factory: Any, items: list[Any]) -> None:
    path = tmp_path_factory.mktemp("s") / "spool"
    ref = fill(StreamWriter(path), items)
    assert list(StreamReader(path)) == items
    assert (ref.codec, ref.count, ref.size) == ("stream", len(items), path.stat().st_size)
    assert finished(path) == ref


def test_every_kind_of_item_comes_back(tmp_path: Path) -> None:
    table = Table({"x": np.arange(3), "name": np.array(["a", "b", None], dtype=object)}, "rows")
    items: list[Any] = [
        {"epoch": 3, "loss": 0.25, "notes": None},
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.float64(0.5),
        (1, "a"),
        b"bytes",
        table,
        float("inf"),
        "\ud800",
        {1: 2},
    ]
    fill(StreamWriter(tmp_path / "s"), items)
    found = list(StreamReader(tmp_path / "s"))
    assert np.array_equal(found[1], items[1]) and found[1].dtype == np.float32
    assert found[5].names == table.names and found[5]["name"].tolist() == ["a", "b", None]
    plain = [one for one in items if one is not items[1] and one is not table]
    again = [one for place, one in enumerate(found) if place not in (1, 5)]
    assert again == plain
    assert [type(one) for one in again] == [type(one) for one in plain]


def test_equal_items_make_equal_artifacts(tmp_path: Path) -> None:
    first, second = (
        fill(StreamWriter(tmp_path / name), [1, "a", np.ones(3)]) for name in ("a", "b")
    )
    assert first.digest == second.digest


def test_a_reader_follows_a_writer_in_another_process(tmp_path: Path) -> None:
    writer = process(WRITER, tmp_path / "s", 3000, 1000, 0)
    readers = [process(READER, tmp_path / "s", -1, 0) for _ in range(2)]
    assert [said(reader) for reader in readers] == ["3000", "3000"]
    assert said(writer) == finished(tmp_path / "s").digest


def test_a_writer_waits_for_an_attached_reader_and_for_no_other(tmp_path: Path) -> None:
    with StreamReader(tmp_path / "s") as reader:
        writer = process(WRITER, tmp_path / "s", 2000, 10, 0)
        assert next(reader) == 0
        size = -1
        while (tmp_path / "s").stat().st_size != size:
            size = (tmp_path / "s").stat().st_size
            time.sleep(0.2)
        assert writer.poll() is None
        ahead = size // 22  # bytes of the shortest frame
        reader.close()
    said(writer)
    assert ahead < 200 < finished(tmp_path / "s").count  # type: ignore[operator]
    ref = fill(StreamWriter(tmp_path / "t", ahead=1), range(5000))
    assert ref.count == 5000


def test_large_items_count_by_their_bytes(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("lamina.execution.streams.writer.AHEAD_BYTES", 1000)
    writer = StreamWriter(tmp_path / "s", ahead=1000)
    writer.put(b"first")
    with StreamReader(tmp_path / "s") as reader:
        next(reader)
        leads = []
        for _ in range(3):
            writer._write([])
            writer.count += 1
            writer.size += 600
            writer._look()
            leads.append(max(writer._leads()))
    writer.close()
    assert leads == [1, 1000, 1000]


@pytest.mark.parametrize("seed", range(4))
def test_a_writer_that_is_killed_holds_no_reader_up(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    writer = process(WRITER, tmp_path / "s", 10**6, 50, 0.0005)
    reader = process(READER, tmp_path / "s", -1, 0)
    wait_for(tmp_path / "s", chance.randrange(20, 5000))
    writer.send_signal(signal.SIGKILL)
    begin = time.monotonic()
    assert said(reader).startswith("broken ")
    assert time.monotonic() - begin < 2
    writer.communicate()
    with pytest.raises(BrokenStreamError, match="left by its writer"):
        finished(tmp_path / "s")


@pytest.mark.parametrize("seed", range(4))
def test_a_reader_that_is_killed_holds_no_writer_up(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    most = chance.randrange(1, 200)
    reader = process(READER, tmp_path / "s", most, 0)
    writer = process(WRITER, tmp_path / "s", 5000, 20, 0)
    assert reader.stdout is not None
    assert reader.stdout.readline().strip() == str(most)
    time.sleep(0.05)
    assert writer.poll() is None  # the reader lives and reads no more: the writer waits for it
    reader.send_signal(signal.SIGKILL)
    assert said(writer) == finished(tmp_path / "s").digest
    reader.communicate()
    assert list(StreamReader(tmp_path / "s")) == list(range(5000))
    assert not list((tmp_path / "s.readers").iterdir())


def test_waiting_takes_hardly_any_time_of_a_processor(tmp_path: Path) -> None:
    writer = process(WRITER, tmp_path / "s", 2, 10, 1.0)
    reader = StreamReader(tmp_path / "s")
    next(reader)
    begin, used = time.monotonic(), time.process_time()
    assert next(reader) == 1 and next(reader, None) is None
    share = (time.process_time() - used) / (time.monotonic() - begin)
    said(writer)
    assert share < 0.02


def test_two_streams_of_one_writer_do_not_wait_for_each_other(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from lamina.execution.streams.writer import StreamWriter
folder = Path(sys.argv[1])
one, two = (StreamWriter(folder / name, ahead=3) for name in ("one", "two"))
for number in range(500):
    one.put(number)
one.finish()
for number in range(500):
    two.put(number)
two.finish()
"""
    writer = process(script, tmp_path)
    with StreamReader(tmp_path / "one") as one, StreamReader(tmp_path / "two") as two:
        assert all(a == b for a, b in zip(one, two, strict=True))
        assert one.count == two.count == 500
    said(writer)


def test_a_reader_that_is_never_read_holds_nobody_up(tmp_path: Path) -> None:
    reader = StreamReader(tmp_path / "s")
    assert fill(StreamWriter(tmp_path / "s", ahead=1), range(100)).count == 100
    assert next(reader) == 0


def test_a_stream_that_never_begins_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(BrokenStreamError, match="has not begun"):
        next(StreamReader(tmp_path / "none", grace=0.01))


def test_a_generator_that_fails_leaves_no_end(tmp_path: Path) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        fill(StreamWriter(tmp_path / "s"), failing())
    with pytest.raises(BrokenStreamError):
        list(StreamReader(tmp_path / "s"))


def test_asynchronous_generators_are_written_too(tmp_path: Path) -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    fill(StreamWriter(tmp_path / "s"), numbers())
    assert list(StreamReader(tmp_path / "s")) == [0, 1, 2]


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_any_damage_is_seen(tmp_path_factory: Any, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("s") / "spool"
    fill(StreamWriter(path), [1, "two", [3.0], np.arange(4)])
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole = whole[:place]
    else:
        whole[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        found = finished(path)
    except (ArtifactError, BrokenStreamError):
        return
    # Bytes that only fill the space before an array are covered by the digest alone.
    again = fill(StreamWriter(path.with_name("again")), [1, "two", [3.0], np.arange(4)])
    assert found.digest != again.digest


def test_a_finished_stream_becomes_an_artifact(tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "store")
    growing = StreamWriter(tmp_path / "s")
    live = Ref("stream", "", 0, origin=str(tmp_path / "s"))
    growing.put({"epoch": 1})
    reader = opened(live, store)
    assert next(reader) == {"epoch": 1}
    ref = kept(growing.finish(), store)
    assert list(reader) == []
    assert ref.origin == "" and ref.count == 1
    (tmp_path / "s").unlink()
    assert store.get(ref) == [{"epoch": 1}]
    assert list(opened(ref, store)) == [{"epoch": 1}]
    assert list(opened(store.put([1, 2]), store)) == [1, 2]


def test_of_a_whole_stream_one_item_is_in_memory(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
import numpy as np
from lamina.data.artifacts.store import Artifacts
from lamina.execution.streams.reader import opened
from lamina.execution.streams.writer import StreamWriter, fill, kept
folder = Path(sys.argv[1])
store = Artifacts(folder / "artifacts")
arrays = (np.full(1 << 20, n, dtype=np.float64) for n in range(24))
ref = kept(fill(StreamWriter(folder / "spool"), arrays), store)
before = getrusage(RUSAGE_SELF).ru_maxrss
assert [float(item[-1]) for item in opened(ref, Artifacts(folder / "artifacts"))] == list(range(24))
print(getrusage(RUSAGE_SELF).ru_maxrss - before)
"""
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert int(said.stdout) < 40 * 1024  # kB: the stream has 192 MiB


def test_many_small_items_go_through_quickly(tmp_path: Path) -> None:
    begin = time.perf_counter()
    writer = process(WRITER, tmp_path / "s", 20000, 1024, 0)
    assert said(process(READER, tmp_path / "s", -1, 0)) == "20000"
    said(writer)
    assert time.perf_counter() - begin < 20


def test_readers_of_one_process_are_told_apart(tmp_path: Path) -> None:
    writer = StreamWriter(tmp_path / "s", ahead=100)
    for number in range(10):
        writer.put(number)
    first, second = StreamReader(tmp_path / "s"), StreamReader(tmp_path / "s")
    assert list(itertools.islice(first, 6)) == list(range(6))
    assert next(second) == 0
    writer._look()
    assert sorted(writer._leads()) == [4, 9]
    first.close()
    assert sorted(writer._leads()) == [9]
    second.close()
    writer.close()


@pytest.mark.parametrize("moment", ["before it has a file", "before its file has its name"])
def test_a_reader_that_attaches_while_the_stream_is_kept_reads_all_of_it(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, store = StreamWriter(tmp_path / "spool"), Artifacts(tmp_path / "store")
    for number in range(5):
        writer.put(number)
    calls = itertools.count()

    module, name = {
        "before it has a file": (secrets, "token_hex"),
        "before its file has its name": (mmap, "mmap"),
    }[moment]
    usual = getattr(module, name)

    def later(*arguments: Any) -> Any:
        found = usual(*arguments)
        if not next(calls):
            kept(writer.finish(), store)
        return found

    monkeypatch.setattr(module, name, later)
    with StreamReader(tmp_path / "spool") as reader:
        assert list(reader) == list(range(5))
    assert next(calls) and not list(tmp_path.glob("*.readers/*"))
