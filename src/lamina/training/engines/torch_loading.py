"""Loads torch and its engine so that threads which wait for each other sleep instead of spinning.

Torch's threads (OpenMP) meet after every operation, and by default the first one spins until the
last one is there. Where another process keeps one of the cores, that took 60 times as long as the
work; sleeping costs a few microseconds. OpenMP reads its setting once, when torch is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina.training.engines.torch import TorchEngine

CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Variables by which a user chooses how threads wait; then nothing is changed."""


@contextmanager
def sleeping_threads() -> Iterator[None]:
    """Libraries that are loaded meanwhile wait asleep; the environment is as before afterwards."""
    if any(name in os.environ for name in CHOSEN):
        yield
        return
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    try:
        yield
    finally:
        os.environ.pop("OMP_WAIT_POLICY", None)


def __getattr__(name: str) -> Any:
    """TorchEngine, with torch loaded; for the table of engines."""
    if name != "TorchEngine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with sleeping_threads():
        from lamina.training.engines.torch import TorchEngine
    return TorchEngine


__all__ = ["TorchEngine", "sleeping_threads"]
