"""What an attempt used: processor time, memory, bytes read and written, memory of devices."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from typing import Any

UNIT = 1024 if sys.platform.startswith("linux") else 1
"""Bytes in the kernel's unit of a process's largest size."""


class Meter:
    """Measures one attempt after the other in a worker."""

    def __init__(self) -> None:
        self._io = _opened("/proc/self/io")
        self._first = True
        self._cpu = 0.0
        self._children = 0
        self._bytes = (0, 0)

    def start(self) -> None:
        """An attempt begins."""
        own, others = _used()
        self._cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
        self._children = others.ru_maxrss
        self._bytes = self._moved()
        if not self._first:  # a process that was just forked has its largest size from now
            _forget_peak()
        self._first = False
        if (cuda := _cuda()) is not None:
            for device in range(cuda.device_count()):
                cuda.reset_peak_memory_stats(device)

    def stop(self) -> dict[str, float]:
        """What was used since `start`: cpu (seconds), memory_peak, bytes_read, bytes_written.

        Processes that were started and waited for count too. Bytes are those of all reads and
        writes, whether or not a disk was needed for them.
        """
        own, others = _used()
        now = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
        peak = own.ru_maxrss
        if others.ru_maxrss > self._children:  # the kernel keeps only the largest child so far
            peak = max(peak, others.ru_maxrss)
        read, written = self._moved()
        used = {
            "cpu": round(now - self._cpu, 6),
            "memory_peak": peak * UNIT,
            "bytes_read": max(0, read - self._bytes[0]),
            "bytes_written": max(0, written - self._bytes[1]),
        }
        if (cuda := _cuda()) is not None:
            devices = range(cuda.device_count())
            used["gpu_memory_peak"] = max(
                (cuda.max_memory_allocated(d) for d in devices), default=0
            )
        return used

    def close(self) -> None:
        """Lets go of the kernel's counters."""
        if self._io >= 0:
            os.close(self._io)
            self._io = -1

    def _moved(self) -> tuple[int, int]:
        """Bytes that this process and its ended children have read and written so far."""
        if self._io < 0:
            return (0, 0)
        with suppress(OSError, IndexError, ValueError):
            words = os.pread(self._io, 512, 0).split()
            return int(words[1]), int(words[3])
        return (0, 0)


def _used() -> tuple[Any, Any]:
    return resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)


def _opened(path: str) -> int:
    with suppress(OSError):
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return -1


def _forget_peak() -> None:
    """Lets the largest size begin anew; without it a worker's first large task would count on."""
    with suppress(OSError):
        handle = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(handle, b"5")
        finally:
            os.close(handle)


def _cuda() -> Any:
    """torch.cuda, where the task's own code has started it; it is never imported for this."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    with suppress(Exception):
        if cuda is not None and cuda.is_initialized():
            return cuda
    return None
