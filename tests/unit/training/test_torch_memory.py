"""Freed memory stays with the process."""

from __future__ import annotations

import platform
import sys

import numpy as np
import pytest

from lamina.training.engines import torch_memory

GLIBC = sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    torch_memory.keep_freed_memory.cache_clear()


@pytest.mark.skipif(not GLIBC, reason="only glibc has these settings")
def test_large_blocks_are_not_faulted_in_anew() -> None:
    import resource

    assert torch_memory.keep_freed_memory()
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(10_000_000, dtype=np.float32)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1000


def test_the_users_own_settings_are_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "100000")
    assert not torch_memory.keep_freed_memory()


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not torch_memory.keep_freed_memory()
