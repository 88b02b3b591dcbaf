"""Seconds of one diagnosis with its explanation, as a user waits for it: a process, on one core."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from lamina.errors import DataError

_REPEATS = 5
_LIMIT = 120.0
_CHILD = """
import os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from lamina.cli.main import main
sys.argv[0] = "lamina"
main()
"""


def one_diagnosis(archive: Path) -> float:
    """Median seconds of `lamina diagnose run TRACE` on the last run of an archive.

    Raises:
        DataError: no run in the archive, or a diagnosis that fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        trace = _last_run(archive, Path(folder))
        return statistics.median(_seconds(trace, folder) for _ in range(_REPEATS))


def _last_run(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        names = sorted(member.name for member in tar if member.name.endswith(".csv"))
        if not names:
            raise DataError(f"{archive} holds no run", "name an archive of CSV files")
        file = tar.extractfile(names[-1])
        data = b"" if file is None else file.read()
    target = folder / Path(names[-1]).name
    target.write_bytes(data)
    return target


def _seconds(trace: Path, folder: str) -> float:
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, "diagnose", "run", str(trace)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    took = time.perf_counter() - begun
    if done.returncode:
        raise DataError(f"lamina diagnose run {trace.name} failed: {done.stderr.strip()}")
    return took
