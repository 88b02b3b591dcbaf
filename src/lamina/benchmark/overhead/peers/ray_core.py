"""Ray on this machine: raylet, workers and object store."""

from __future__ import annotations

import os
from typing import Any

from lamina.benchmark.overhead.noops import first, step, total
from lamina.benchmark.overhead.peers.base import Peer

_SETTINGS = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class Ray(Peer):
    """Remote functions with object references as arguments."""

    def start(self) -> None:
        """A cluster of its own, on the loopback interface, without dashboard."""
        os.environ.update(_SETTINGS)
        import ray

        ray.init(
            num_cpus=self.workers,
            include_dashboard=False,
            _node_ip_address="127.0.0.1",
            object_store_memory=200 * 2**20,
            log_to_driver=False,
        )
        self._ray: Any = ray
        self._first, self._step = ray.remote(first), ray.remote(step)
        self._total = ray.remote(_all_of)

    def run(self, shape: str, count: int) -> int:
        """As its users write it."""
        if shape == "chain":
            reference: Any = self._step.remote(0)
            for _ in range(count - 1):
                reference = self._step.remote(reference)
            return int(self._ray.get(reference))
        references = [self._first.remote(k) for k in range(count)]
        if shape == "fan":
            return int(self._ray.get(self._total.remote(*references)))
        return len(self._ray.get(references))

    def close(self) -> None:
        """Ends this cluster only; `ray stop` would end every one on the machine."""
        self._ray.shutdown()


def _all_of(*numbers: int) -> int:
    # Only references that are arguments themselves are resolved before the task runs.
    return total(numbers)
