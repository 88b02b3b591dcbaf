"""Addresses: what is remote, what is promised, what is secret; partial files and attempts."""

from __future__ import annotations

import errno
import hashlib
import random
import time
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.artifacts.store import Artifacts
from lamina.data.staging.address import address, is_remote, shown
from lamina.data.staging.partial import Partial, merged
from lamina.data.staging.policy import Policy
from lamina.data.staging.transfer import fetch, send
from lamina.errors import ChecksumError, StagingError
from lamina.execution.values import arrived
from lamina.workflow.ports import Port
from lamina.workflow.types import port_type


def test_an_address_says_protocol_site_path_name_and_promise() -> None:
    file = address("https://host:8/a/b%20c.csv?x=1#sha256=" + "AB" * 32)
    assert (file.protocol, file.site, file.path) == ("https", "https://host:8", "/a/b c.csv")
    assert (file.name, file.sha256) == ("b c.csv", "ab" * 32)
    assert file.url == "https://host:8/a/b%20c.csv?x=1"


@pytest.mark.parametrize("value", ["s3://b/k", "https://h/x", "sftp://u@h:2/x"])
def test_remote_files_are_told_from_paths(value: str) -> None:
    assert is_remote(value)
    for other in ("file:///x", "a/b", "C:/x", "://x", Path("s3:/b/k"), 3, None, f" {value}"):
        assert not is_remote(other)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass@host/x",
        "https://host/x?X-Amz-Signature=abc&y=1",
        "https://host/x?sig=abc",
        "https://host/x?access_token=abc",
    ],
)
def test_an_address_with_a_secret_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(StagingError) as caught:
        address(url)
    assert "holds a secret" in str(caught.value)
    assert "pass" not in caught.value.message
    assert "abc" not in caught.value.message
    assert "***" in shown(url)


@pytest.mark.parametrize("url", ["x", "http:///x", "https://h/x#sha256=12", "//h/x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(StagingError):
        address(url)


@settings(deadline=None, max_examples=40)
@given(
    size=st.integers(0, 500),
    block=st.integers(1, 200),
    came=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=8),
)
def test_what_is_missing_and_what_came_make_the_whole(
    tmp_path_factory: pytest.TempPathFactory, size: int, block: int, came: list[tuple[int, int]]
) -> None:
    target = tmp_path_factory.mktemp("partial") / "x"
    partial = Partial(target, "one", size)
    partial.write(0, bytes(size))
    ranges = [(min(a, b, size), min(max(a, b), size)) for a, b in came]
    for start, end in ranges:
        partial.came(start, end)
    partial.close()
    again = Partial(target, "one", size)
    missing = again.missing(block)
    assert all(0 < end - start <= block for start, end in missing)
    have = merged([r for r in ranges if r[0] < r[1]])
    assert merged([*missing, *have]) == ([(0, size)] if size else [])
    assert sum(end - start for start, end in [*missing, *have]) == size
    again.close()
    other = Partial(target, "two", size)
    assert other.resumed == 0
    other.close(keep=False)
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize(
    "note", ["", "nonsense", "{head}\n5 3\n", "{head}\n0 999\n", "{head}\nx\n"]
)
def test_a_damaged_note_begins_anew(tmp_path: Path, note: str) -> None:
    partial = Partial(tmp_path / "x", "one", 10)
    partial.write(0, b"0123456789")
    partial.came(0, 5)
    partial.close()
    path = tmp_path / ".x.note"
    path.write_text(note.replace("{head}", path.read_text().splitlines()[0]))
    again = Partial(tmp_path / "x", "one", 10)
    assert (again.resumed, again.missing(100)) == (0, [(0, 10)])
    again.close()


def test_attempts_wait_longer_each_time_and_start_anew_when_something_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr(random, "uniform", lambda low, high: 1.0)
    moved, told = [0], list[str]()

    def action() -> str:
        if len(waited) == 3:
            moved[0] = 100
        if len(waited) == 5:
            return "done"
        raise ConnectionResetError("gone")

    policy = Policy(wait=1.0, attempts=5, told=told.append)
    assert policy.tried(action, "reading x", lambda: moved[0]) == "done"
    assert waited == [1.0, 2.0, 4.0, 1.0, 2.0]
    assert told[0] == "reading x: ConnectionResetError: gone; attempt 2 of 5 in 1.0 s"


def test_a_full_disk_is_not_tried_again() -> None:
    calls = []

    def action() -> None:
        calls.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StagingError, match="No space left"):
        Policy().tried(action, "writing x")
    assert len(calls) == 1


def test_local_files_are_staged_alike(tmp_path: Path) -> None:
    (tmp_path / "a b.bin").write_bytes(b"x" * 100_000)
    url = (tmp_path / "a b.bin").as_uri()
    assert fetch(url, tmp_path / "in", Policy(block=1000)).path.read_bytes() == b"x" * 100_000
    send(tmp_path / "in", (tmp_path / "out/there").as_uri())
    assert (tmp_path / "out/there").read_bytes() == b"x" * 100_000
    with pytest.raises(StagingError, match="is not there"):
        fetch((tmp_path / "nothing").as_uri(), tmp_path / "x")


def test_a_local_address_is_a_file_with_its_promise(tmp_path: Path) -> None:
    path = tmp_path / "a b.bin"
    path.write_bytes(b"content")
    right = hashlib.sha256(b"content").hexdigest()
    store = Artifacts(tmp_path / "store")
    port = Port("data", port_type("file"))
    for url in (path.as_uri(), f"{path.as_uri()}#sha256={right}"):
        value, problem = arrived(port, url, told=True)
        assert problem == ""
        assert store.get(store.refer(value, port.type)).read_bytes() == b"content"
    wrong = f"{path.as_uri()}#sha256={'0' * 64}"
    value, problem = arrived(port, wrong, told=True)
    assert problem == ""
    for keep in (store.refer, store.put):
        with pytest.raises(ChecksumError, match=f"its SHA-256 is {right}"):
            keep(value, port.type)
    assert "does not exist" in arrived(port, f"{path.as_uri()}.x", told=True)[1]


@pytest.mark.parametrize(
    "promise", ["md5=0", "sha1=abc", "sha512=" + "0" * 128, "sha256", "SHA256=0"]
)
def test_a_promise_that_cannot_be_checked_is_refused(promise: str) -> None:
    with pytest.raises(StagingError, match="nothing else can be checked"):
        address(f"https://host/x#{promise}")


class Hosted(MemoryFileSystem):  # type: ignore[misc]
    """A file system that has to be told its host, and is no good for several threads."""

    protocol = "hosted"
    busy = 0

    def __init__(self, host: str, **settings: object) -> None:
        super().__init__(**settings)
        self.host = host

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("hosted://").partition("/")[2]

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str]:
        return {"host": path.removeprefix("hosted://").partition("/")[0]}

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        Hosted.busy += 1
        time.sleep(0.01)
        assert Hosted.busy == 1
        Hosted.busy -= 1
        data: bytes = super().cat_file(path, start, end)
        return data


def test_a_file_system_that_needs_its_host_gets_it_and_is_used_by_one_thread(
    tmp_path: Path,
) -> None:
    fsspec.register_implementation("hosted", Hosted, clobber=True)
    (tmp_path / "x").write_bytes(b"abc" * 1000)
    send(tmp_path / "x", "hosted://box/deep/x")
    assert fetch("hosted://box/deep/x", tmp_path / "y", Policy(block=300)).size == 3000
    assert (tmp_path / "y").read_bytes() == b"abc" * 1000
    with pytest.raises(StagingError, match="not there"):
        fetch("hosted://box/nothing", tmp_path / "z")


def test_any_file_system_of_fsspec_will_do(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc" * 1000)
    send(tmp_path / "x", "memory://box/deep/x")
    assert fetch("memory://box/deep/x", tmp_path / "y", Policy(block=700)).size == 3000
    assert (tmp_path / "y").read_bytes() == b"abc" * 1000
    with pytest.raises(StagingError, match="not there"):
        fetch("memory://box/nothing", tmp_path / "z")
