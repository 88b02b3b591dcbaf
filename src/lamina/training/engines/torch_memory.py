"""Memory of the C library on Linux: kept from batch to batch, not handed back each time."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import lru_cache

KEPT_BYTES = 1 << 30
"""Free memory at the end of the heap that is kept."""

MAPPED_BYTES = 1 << 28
"""Blocks below this size come from the heap."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameter numbers of mallopt(3)."""


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Lets glibc keep up to KEPT_BYTES of freed memory, once per process.

    The activations of several members are large blocks that are freed after every batch. By
    default glibc returns them to the system and faults them in anew for the next batch, which
    took up to a third of the time. A user's own MALLOC_ variables are respected.

    Returns:
        Whether the C library took the settings; elsewhere than with glibc it does not.
    """
    own = any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ)
    if own or not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((_MMAP_THRESHOLD, MAPPED_BYTES), (_TRIM_THRESHOLD, KEPT_BYTES))
    return all([mallopt(number, value) == 1 for number, value in settings])
