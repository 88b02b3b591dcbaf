"""What every reader of traces keeps; a plug-in's can be held to it.

from lamina.testing.readers import check_damaged, check_reader

def test_my_reader(tmp_path):
    check_reader(MyReader(), Path("sample.log"), tmp_path)

@pytest.mark.parametrize("seed", range(100))
def test_my_reader_with_damaged_files(seed, tmp_path):
    check_damaged(MyReader(), Path("sample.log"), seed, tmp_path)

@given(edits())
def test_my_reader_with_files_that_hypothesis_damages(told):
    check_edited(MyReader(), "sample.log", Path("sample.log").read_bytes(), told)
"""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import tarfile
import time
import zipfile
from collections.abc import Callable
from itertools import pairwise
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from lamina.errors import TraceError
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.collecting import traces_in
from lamina.traces.readers.sources import LocalFile, LocalFolder
from lamina.traces.readers.wfformat import APART
from lamina.traces.trace import Attempt, Trace
from lamina.workflow.log import PHASES, STATUSES
from lamina.workspace.timelines import to_json

LONGEST = 20.0
"""Seconds within which a damaged sample is read or refused."""


def check_reader(reader: Reader, sample: Path, folder: Path) -> list[Trace]:
    """Holds a reader to its contract with a sample, a file or a folder; gives the runs.

    Raises:
        AssertionError: what it breaks.
    """
    before = _fingerprint(sample)
    found = _read(reader, sample)
    assert found, f"{sample.name} holds no run"
    for trace in found:
        check_trace(trace)
    again = [to_json(one) for one in _read(reader, sample)]
    assert [to_json(one) for one in found] == again, "two readings differ"
    assert _fingerprint(sample) == before, "the sample was written to"
    _in_archives(sample, found, folder)
    _knows_its_own(reader, folder)
    return found


def check_trace(trace: Trace) -> None:
    """Holds a trace to what charts and statistics rely on.

    Raises:
        AssertionError: what it breaks.
    """
    assert trace.run, "a run has no id"
    assert trace.workflow, "a run has no workflow"
    assert trace.origin, "a trace does not tell its reader"
    assert trace.sessions, "a run has no session"
    assert all(one.begin <= two.begin for one, two in pairwise(trace.attempts)), "not by begin"
    keys = [(one.task, one.number, one.status == "reused") for one in trace.attempts]
    assert len(keys) == len(set(keys)), "two attempts of a unit have one number"
    for one in trace.attempts:
        _check_attempt(one, trace)
    assert trace.seconds >= 0
    assert len(trace.critical_path) <= len(trace.attempts)
    for unit in trace.last:
        for parent in trace.parents.get(unit, ()):
            assert parent != unit, f"{unit} reads itself"


def check_damaged(reader: Reader, sample: Path, seed: int, folder: Path) -> list[Trace]:
    """Reads a sample that was cut, shuffled or changed; gives what could be read.

    Raises:
        AssertionError: an error that is none of ours or does not tell the place, a trace that is
            none, or a reader that takes too long.
    """
    chance = random.Random(seed)
    copy = folder / f"damaged-{seed}" / sample.name
    copy.parent.mkdir(parents=True)
    files = [copy]
    if sample.is_dir():
        shutil.copytree(sample, copy)
        files = sorted(path for path in copy.rglob("*") if path.is_file())
    else:
        shutil.copy(sample, copy)
    for victim in chance.sample(files, k=min(len(files), 1 + seed % 2)):
        victim.chmod(0o644)
        victim.write_bytes(damaged(victim.read_bytes(), chance))
    begun = time.monotonic()
    found: list[Trace] = []
    try:
        if reader.detects(_source(copy)):
            found += reader.read(_source(copy))
    except TraceError as error:
        assert copy.name in error.file, f"the error names {error.file}"
        assert error.reason, "the error tells no reason"
        assert error.line >= 0
    assert time.monotonic() - begun < LONGEST, "reading took too long"
    for trace in found:
        check_trace(trace)
    shutil.rmtree(copy.parent)
    return found


class Edit(NamedTuple):
    """Bytes put in the place of others; places are shares of the length of the file.

    Args:
        begin, length: where the others are; no length only puts something in.
        put: what stands there then.
        whole: whether the places are moved to the begins of words or lines around.
    """

    begin: float
    length: float
    put: bytes
    whole: bool

    def done(self, data: bytes) -> bytes:
        """The bytes with it."""
        first = int(self.begin * len(data))
        last = min(len(data), first + int(self.length * len(data)))
        if self.whole:
            edges = [m.start() for m in _EDGES.finditer(data[first : first + 400])]
            first, last = (first + edges[0], first + edges[-1]) if edges else (first, last)
        return data[:first] + self.put + data[last:]


def edits() -> SearchStrategy[list[Edit]]:
    """What Hypothesis damages a file with, and makes as small as shows the fault."""
    share = st.floats(0, 1)
    short = st.floats(0, 0.05) | st.just(0.0) | share
    put = st.sampled_from(_WORDS) | st.binary(max_size=8) | st.integers().map(_digits)
    return st.lists(st.builds(Edit, share, short, put, st.booleans()), min_size=1, max_size=4)


def check_edited(reader: Reader, name: str, data: bytes, told: list[Edit]) -> list[Trace]:
    """Reads a file with some edits; gives what could be read.

    Args:
        reader: of its format.
        name: of the file.
        data: what is in it.
        told: the edits, one after the other.

    Raises:
        AssertionError: an error that is none of ours or does not tell the place, or a trace that
            is none.
    """
    for edit in told:
        data = edit.done(data)
    with TemporaryDirectory(prefix="lamina-edited-") as folder:
        place = Path(folder) / name
        place.write_bytes(data)
        found: list[Trace] = []
        try:
            if reader.detects(_source(place)):
                found += reader.read(_source(place))
        except TraceError as error:
            assert name in error.file, f"the error names {error.file}"
            assert error.reason, "the error tells no reason"
    for trace in found:
        check_trace(trace)
    return found


def _digits(number: int) -> bytes:
    return str(number).encode()


_EDGES = re.compile(rb"[\s,:\"\t\[\]{}=<>]")


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a fault or two: an end too early, lines in another order, other bytes."""
    for _ in range(chance.randint(1, 2)):
        data = chance.choice(_FAULTS)(data, chance)
    return data


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _shuffled(data: bytes, chance: random.Random) -> bytes:
    lines = data.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


def _changed(data: bytes, chance: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(chance.randint(1, 8) if found else 0):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found)


def _swapped(data: bytes, chance: random.Random) -> bytes:
    """Words that numbers, times and names may be taken for."""
    words = data.split(b",") if b"," in data else data.split(b" ")
    for _ in range(min(3, len(words))):
        words[chance.randrange(len(words))] = chance.choice(_WORDS)
    return (b"," if b"," in data else b" ").join(words)


def _doubled(data: bytes, chance: random.Random) -> bytes:
    begin = chance.randint(0, len(data))
    end = chance.randint(begin, min(len(data), begin + 2000))
    return data[:end] + data[begin:]


_WORDS = (
    b"nan", b"inf", b"-inf", b"1e400", b"-1", b"", b"0", b"null", b"true", b"[]", b"{}", b'"x"',
    b"9" * 400, b"\xff\xfe", b"\x00", b"1970-01-01T00:00:00Z", b"9999-12-31T23:59:59Z", b"-",
    b"&lol;", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"!!python/object:os.system", b"*a", b"\xd9\xa3",
)  # fmt: skip
_FAULTS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut, _shuffled, _changed, _swapped, _doubled,
)  # fmt: skip


def _check_attempt(one: Attempt, trace: Trace) -> None:
    name = f"{one.task}~{one.number}"
    assert one.task, "an attempt has no name"
    assert one.status in {*STATUSES, "running", "reused"}, f"{name} is {one.status}"
    times = (one.ready, one.begin, one.end)
    assert all(map(isfinite, times)), f"{name} lies at {times}"
    assert one.ready <= one.begin <= one.end, f"{name}: ready, begin and end are {times}"
    assert trace.begin <= one.ready + 1e-3, f"{name} was ready before the run"
    assert one.end <= trace.end + 1e-3, f"{name} ended after the run"
    at = one.ready
    # Our own records hold times of two clocks, which may disagree.
    slack = APART if trace.origin in ("lamina", "wfformat") else 1e-6
    for phase in one.phases:
        assert phase.name in PHASES, f"{name} has a phase {phase.name}"
        assert at - slack <= phase.begin <= phase.end, f"{name}: {phase} lies over another"
        at = phase.end
    assert at <= one.end + slack, f"{name}: a phase ends after the attempt"
    assert all(isfinite(value) for value in one.usage.values()), f"{name} used {one.usage}"
    assert not one.failed or one.error.get("cause"), f"{name} failed, and nothing says why"


def _in_archives(sample: Path, found: list[Trace], folder: Path) -> None:
    """The same runs come out of an archive, which nothing is unpacked from."""
    for name in ("runs.tar.xz", "runs.zip"):
        archive = folder / name
        _packed(sample, archive)
        inside = [one for one in traces_in(archive) if isinstance(one, Trace | TraceError)]
        assert not [one for one in inside if isinstance(one, TraceError)], f"{name}: {inside}"
        assert _jobs(inside) == _jobs(found), f"{name} holds other runs than {sample.name}"
        archive.unlink()


def _jobs(found: list[Any]) -> list[Any]:
    told = ((one.origin, one.workflow, [a.task for a in one.attempts]) for one in found)
    return sorted(told, key=str)


def _packed(sample: Path, archive: Path) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as pack:
            for path in sorted(sample.rglob("*")) if sample.is_dir() else [sample]:
                if path.is_file():
                    pack.write(path, path.relative_to(sample.parent).as_posix())
        return
    with tarfile.open(archive, "w:xz") as pack:
        pack.add(sample, sample.name)


def _knows_its_own(reader: Reader, folder: Path) -> None:
    """Files of no format are not taken for its own."""
    for name, data in _FOREIGN.items():
        place = folder / name
        place.write_bytes(data)
        if not reader.folders:
            assert not reader.detects(LocalFile(place, name)), f"it takes {data!r} for its own"
        place.unlink()


_FOREIGN = {
    "empty": b"", "text": b"once upon a time\n" * 9, "table.csv": b"a,b\n1,2\n",
    "list.json": b"[1, 2, 3]", "object.json": b'{"name": "x"}', "zeros": bytes(9000),
    "page.xml": b"<?xml version='1.0'?><html/>", "key.yml": b"- key: value\n",
}  # fmt: skip


def _read(reader: Reader, sample: Path) -> list[Trace]:
    assert reader.detects(_source(sample)), f"{sample.name} is not known for its own"
    return list(reader.read(_source(sample)))


def _source(path: Path) -> Source:
    return LocalFolder(path, path.name) if path.is_dir() else LocalFile(path, path.name)


def _fingerprint(path: Path) -> str:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found = hashlib.sha256()
    for one in files:
        found.update(str(one).encode() + (one.read_bytes() if one.is_file() else b""))
    return found.hexdigest()
