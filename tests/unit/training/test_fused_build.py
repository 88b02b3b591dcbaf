"""Compiling kernels: once per machine, from disk afterwards, and safe against damage."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from lamina.training.engines.fused_kernel import build

SIGNATURE = {"store": (ctypes.c_void_p,)}


def text(number: int) -> str:
    return f"define void @store(ptr %p) {{\n  store i64 {number}, ptr %p\n  ret void\n}}\n"


def stored(machine: build.Machine) -> int:
    place = ctypes.c_int64(0)
    machine.functions["store"](ctypes.addressof(place))
    return place.value


def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new process: nothing is in memory."""
    monkeypatch.setattr(build, "_LOADED", {})


def never() -> str:
    raise AssertionError("it should have been in the cache")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    forgotten(monkeypatch)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_code_is_compiled_once_per_process() -> None:
    first = build.machine("a", lambda: text(5), SIGNATURE)
    again = build.machine("a", never, SIGNATURE)
    assert (stored(first), stored(again)) == (5, 5)
    assert not first.cached
    assert again.seconds == 0.0


@pytest.mark.usefixtures("folder")
def test_its_own_sources_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    build.machine("a", lambda: text(5), SIGNATURE)

    def refuse(path: Path) -> bytes:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert stored(build.machine("a", never, SIGNATURE)) == 5


def test_code_is_loaded_from_disk_by_the_next_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not build.kept("a")
    build.machine("a", lambda: text(6), SIGNATURE)
    forgotten(monkeypatch)
    assert build.kept("a")
    found = build.machine("a", never, SIGNATURE)
    assert found.cached
    assert stored(found) == 6
    assert len(list(folder.rglob("*.o"))) == 1


def test_damaged_code_is_compiled_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.machine("a", lambda: text(7), SIGNATURE)
    forgotten(monkeypatch)
    (path,) = folder.rglob("*.o")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = build.machine("a", lambda: text(8), SIGNATURE)
    assert not found.cached
    assert stored(found) == 8


@pytest.mark.usefixtures("folder")
def test_other_keys_have_other_code() -> None:
    first = build.machine("a", lambda: text(1), SIGNATURE)
    second = build.machine("b", lambda: text(2), SIGNATURE)
    assert (stored(first), stored(second)) == (1, 2)


def test_a_cache_that_cannot_be_written_is_no_mistake(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lamina").write_text("in the way")
    found = build.machine("a", lambda: text(9), SIGNATURE)
    assert stored(found) == 9
    forgotten(monkeypatch)
    assert not build.kept("a")
