"""The machine and the libraries that a benchmark ran on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import lamina
from lamina.workflow.machine import cores

LIBRARIES = ("numpy", "llvmlite", "torch", "scikit-learn", "jax", "jaxlib")


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory in GiB, and operating system."""
    return {
        "cpu": _cpu(),
        "cores": cores(),
        "memory_gib": _memory_gib(),
        "os": platform.platform(terse=True),
    }


def versions() -> dict[str, str]:
    """Versions of Python, Lamina and the libraries; absent ones are left out."""
    found = {"python": platform.python_version(), "lamina": lamina.__version__}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True)
class Beginning:
    """When a benchmark began, and how busy the machine was then."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    load: float | None = field(default_factory=lambda: load())

    def head(self, command: str) -> dict[str, Any]:
        """What every results document says of its run: the command, when, how long, where."""
        return {
            "command": command,
            "date": self.time.isoformat(timespec="seconds"),
            "wall_seconds": (datetime.now(UTC) - self.time).total_seconds(),
            "load_before": self.load,
            "machine": machine(),
            "versions": versions(),
        }


def load() -> float | None:
    """Processes that wanted a core during the last minute, or None where that is not known."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _cpu() -> str:
    """Model name, with the numbers that tell apart what virtual machines call the same."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", platform.machine())
    numbers = [f"{key} {facts[key]}" for key in ("cpu family", "model") if key in facts]
    wide = next((f for f in ("avx512f", "avx2") if f in facts.get("flags", "").split()), "")
    details = ", ".join([*numbers, *([wide] if wide else [])])
    return f"{name} ({details})" if details else name


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
