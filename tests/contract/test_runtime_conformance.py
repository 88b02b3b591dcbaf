"""Threads and worker processes keep what every runtime promises; broken ones are caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.data.artifacts.store import Artifacts
from lamina.execution.runners import Scene
from lamina.execution.runtimes import RUNTIMES
from lamina.execution.runtimes.base import Ended, Report, Ticket
from lamina.execution.runtimes.local import LocalRuntime
from lamina.execution.runtimes.threads import ThreadsRuntime
from lamina.testing.runtimes import Bench, check_runtime


def threads(folder: Path) -> Bench:
    runtime = ThreadsRuntime(2, Scene(folder / "work"))
    return Bench(runtime, lambda value: value, lambda value: value, folder)


def local(folder: Path, fresh: bool = False) -> Bench:
    artifacts = Artifacts(folder / "artifacts")
    runtime = LocalRuntime(artifacts, 2.0, 2**32, (), fresh)
    return Bench(runtime, artifacts.put, artifacts.get, folder)


def test_threads_keep_the_promises(tmp_path: Path) -> None:
    check_runtime(lambda: threads(tmp_path))


@pytest.mark.parametrize("fresh", [False, True])
def test_worker_processes_keep_the_promises(tmp_path: Path, fresh: bool) -> None:
    check_runtime(lambda: local(tmp_path, fresh))


def test_all_runtimes_have_a_name() -> None:
    assert RUNTIMES.get("threads") is ThreadsRuntime
    assert RUNTIMES.get("local") is LocalRuntime


class _Twice(ThreadsRuntime):
    """Tells every end twice."""

    def poll(self, timeout: float) -> list[Report]:
        found = super().poll(timeout)
        return [*found, *(report for report in found if isinstance(report, Ended))]


class _Deaf(ThreadsRuntime):
    """Cancels nothing."""

    def cancel(self, ticket: Ticket) -> None:
        del ticket


def test_a_runtime_that_ends_things_twice_is_caught(tmp_path: Path) -> None:
    bench = Bench(_Twice(2, Scene(tmp_path)), lambda v: v, lambda v: v, tmp_path)
    with pytest.raises(AssertionError, match="ended 2 times"):
        check_runtime(lambda: bench)


def test_a_runtime_that_does_not_cancel_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamina.testing.runtimes.PATIENCE", 1.0)

    def make() -> Bench:
        return Bench(_Deaf(2, Scene(tmp_path / "work")), lambda v: v, lambda v: v, tmp_path)

    with pytest.raises(AssertionError, match="no end is reported"):
        check_runtime(make)
