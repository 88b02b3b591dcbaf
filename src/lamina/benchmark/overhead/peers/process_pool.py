"""The floor: a pool of processes that keeps no record, retries nothing and resumes nothing."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from lamina.benchmark.overhead.noops import first, step, total
from lamina.benchmark.overhead.peers.base import Peer


class ProcessPool(Peer):
    """Python's own pool; a chain is driven by hand, since it knows no dependencies."""

    def start(self) -> None:
        """Makes the pool; its processes start with the first task."""
        context = multiprocessing.get_context("forkserver")
        self._pool = ProcessPoolExecutor(self.workers, mp_context=context)

    def run(self, shape: str, count: int) -> int:
        """One future per task, as everywhere; `map` with chunks would not be tasks."""
        if shape == "chain":
            number = 0
            for _ in range(count):
                number = self._pool.submit(step, number).result()
            return number
        numbers = [f.result() for f in [self._pool.submit(first, k) for k in range(count)]]
        return self._pool.submit(total, numbers).result() if shape == "fan" else len(numbers)

    def close(self) -> None:
        """Ends the processes."""
        self._pool.shutdown()
