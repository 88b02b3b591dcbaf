"""The zygotes of a runtime: one for each number of threads that its workers are told to use."""

from __future__ import annotations

import secrets
import socket
import sys
from collections.abc import Callable, Collection
from pathlib import Path

from lamina.data.artifacts.store import Artifacts
from lamina.execution.workers import devices, processes
from lamina.execution.workers.zygotes import MARK, ZygoteProcess


class Zygotes:
    """Starts zygotes where they are needed, and ends them with all that came from them.

    Args:
        artifacts: where the values of tasks are.
        born: is handed each new one.
    """

    def __init__(self, artifacts: Artifacts, born: Callable[[ZygoteProcess], None]) -> None:
        self._born = born
        self._mark = secrets.token_hex(8)
        self._settings = {
            "artifacts": str(artifacts.folder.absolute()),
            "directory": str(Path.cwd()),
            "path": [str(Path(entry).absolute()) for entry in sys.path],
        }
        self._by_threads: dict[int, ZygoteProcess] = {}

    def of(self, threads: int) -> ZygoteProcess:
        """The one whose workers use this many threads."""
        zygote = self._by_threads.get(threads)
        if zygote is None:
            own = {**devices.environment(threads, ()), MARK: self._mark}
            zygote = self._by_threads[threads] = ZygoteProcess(self._settings, own)
            self._born(zygote)
        return zygote

    def pids(self) -> list[int]:
        """Numbers of their processes."""
        return [zygote.process.pid for zygote in self._by_threads.values()]

    def lose(self, zygote: ZygoteProcess, workers: Collection[int]) -> str:
        """One has ended, and nothing of its workers may stay; why, as far as it is known."""
        self._by_threads = {
            threads: other for threads, other in self._by_threads.items() if other is not zygote
        }
        words = zygote.last_words()
        zygote.close()
        processes.end_trees(workers, 0.1)
        self._end_strays(workers)
        return words or _ending(zygote.process.returncode)

    def close(self, workers: Collection[int]) -> None:
        """Ends all, their workers with them."""
        for zygote in self._by_threads.values():
            zygote.socket.shutdown(socket.SHUT_WR)
        well = [zygote.close() for zygote in self._by_threads.values()]
        if not all(well):
            self._end_strays(workers)

    def _end_strays(self, workers: Collection[int]) -> None:
        processes.end_strays(workers, f"{MARK}={self._mark}".encode())


def _ending(code: int | None) -> str:
    told = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return f"the process that starts workers has ended with {told}"
