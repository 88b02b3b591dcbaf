"""Dask distributed: a scheduler and worker processes on this machine."""

from __future__ import annotations

from typing import Any

from lamina.benchmark.overhead.noops import first, step, total
from lamina.benchmark.overhead.peers.base import Peer


class Dask(Peer):
    """`Client.submit` with futures as arguments; every call is a task of its own."""

    def start(self) -> None:
        """A local cluster with one thread per worker process, without dashboard."""
        from distributed import Client, LocalCluster

        self._cluster: Any = LocalCluster(
            n_workers=self.workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=str(self.folder),
        )
        self._client: Any = Client(self._cluster)

    def run(self, shape: str, count: int) -> int:
        """`pure=False`: no task may stand in for another."""
        submit = self._client.submit
        if shape == "chain":
            future = submit(step, 0, pure=False)
            for _ in range(count - 1):
                future = submit(step, future, pure=False)
            return int(future.result())
        futures = [submit(first, k, pure=False) for k in range(count)]
        if shape == "fan":
            return int(submit(total, futures, pure=False).result())
        return len(self._client.gather(futures))

    def close(self) -> None:
        """Client first, or it complains of a scheduler that is gone."""
        self._client.close()
        self._cluster.close()
