"""Where tasks run: one file per runtime, and the table of them."""

from __future__ import annotations

from lamina.execution.runtimes.base import Runtime
from lamina.registry import Registry

RUNTIMES: Registry[type[Runtime]] = Registry(
    "runtimes",
    "runtime",
    {
        "local": "lamina.execution.runtimes.local:LocalRuntime",
        "threads": "lamina.execution.runtimes.threads:ThreadsRuntime",
    },
)
"""Name -> class of the runtime."""

__all__ = ["RUNTIMES"]
