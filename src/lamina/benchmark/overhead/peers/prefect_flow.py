"""Prefect: a flow with its temporary server on this machine."""

from __future__ import annotations

import os
from typing import Any

from lamina.benchmark.overhead.noops import first, step, total
from lamina.benchmark.overhead.peers.base import Peer


class Prefect(Peer):
    """Tasks submitted in a flow, by its usual runner: threads, which suits it best here."""

    def start(self) -> None:
        """Keeps its files in our folder; the server starts with the first flow."""
        os.environ.update(
            PREFECT_HOME=str(self.folder),
            PREFECT_LOGGING_LEVEL="ERROR",
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="true",
            PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
            DO_NOT_TRACK="1",
        )
        from prefect import flow, task
        from prefect.task_runners import ThreadPoolTaskRunner

        self._tasks: dict[str, Any] = {f.__name__: task(f) for f in (first, step, total)}
        runner: Any = ThreadPoolTaskRunner(max_workers=self.workers)
        self._flow: Any = flow(self._run, name="overhead", task_runner=runner)

    def run(self, shape: str, count: int) -> int:
        """One flow run."""
        return int(self._flow(shape, count))

    def _run(self, shape: str, count: int) -> int:
        if shape == "chain":
            future = self._tasks["step"].submit(0)
            for _ in range(count - 1):
                future = self._tasks["step"].submit(future)
            return int(future.result())
        futures = [self._tasks["first"].submit(k) for k in range(count)]
        if shape == "fan":
            return int(self._tasks["total"].submit(futures).result())
        return len([future.result() for future in futures])
