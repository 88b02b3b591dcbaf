"""Where a spool and the words of its readers lie, and whether who wrote them is still there."""

from __future__ import annotations

import fcntl
import struct
from pathlib import Path

SHORT, LONG = 0.0005, 0.01
"""Seconds between two looks: the first, and the longest."""

STATE = struct.Struct("<QQB")
"""What a reader says: items and bytes that it has read, and whether it waits for another stream."""


def readers_of(spool: Path) -> Path:
    """The folder beside a spool in which each reader says how far it is."""
    return spool.with_name(f"{spool.name}.readers")


def is_free(handle: int) -> bool:
    """Whether nobody holds the lock of a file: its owner is gone."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(handle, fcntl.LOCK_UN)
    return True
