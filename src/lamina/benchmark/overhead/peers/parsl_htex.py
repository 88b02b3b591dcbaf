"""Parsl's high-throughput executor on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamina.benchmark.overhead.noops import first, step, total
from lamina.benchmark.overhead.peers.base import Peer


class Parsl(Peer):
    """Apps called with futures; one block with as many workers as everybody has."""

    def start(self) -> None:
        """Starts interchange and manager."""
        import parsl
        from parsl.executors import HighThroughputExecutor
        from parsl.providers import LocalProvider

        # The executor looks for its own programs on the PATH.
        programs = str(Path(sys.executable).parent)
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
        executor = HighThroughputExecutor(
            label="htex",
            address="127.0.0.1",
            max_workers_per_node=self.workers,
            encrypted=False,
            provider=LocalProvider(init_blocks=1, max_blocks=1),
        )
        config = parsl.Config(
            executors=[executor], run_dir=str(self.folder), usage_tracking=0, strategy="none"
        )
        self._kernel: Any = parsl.load(config)
        self._first, self._step, self._total = map(parsl.python_app, (first, step, _all_of))

    def run(self, shape: str, count: int) -> int:
        """As its users write it."""
        if shape == "chain":
            future: Any = self._step(0)
            for _ in range(count - 1):
                future = self._step(future)
            return int(future.result())
        futures = [self._first(k) for k in range(count)]
        if shape == "fan":
            return int(self._total(inputs=futures).result())
        return len([future.result() for future in futures])

    def close(self) -> None:
        """Ends the executor's processes."""
        import parsl

        self._kernel.cleanup()
        parsl.clear()


def _all_of(inputs: Sequence[int] = ()) -> int:
    # Only the futures of a list that is called `inputs` are resolved before the task runs.
    return total(inputs)
