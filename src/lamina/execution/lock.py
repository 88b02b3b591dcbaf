"""The lock of a run: one engine at a time; the operating system frees it when the engine dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from lamina.errors import RunBusyError

NAME = "lock"
"""The file in the run's folder; it stays when the run is over."""


class RunLock:
    """Held while an engine drives a run; use it in a `with` statement.

    Args:
        folder: of the run; made when it is not there.

    Raises:
        RunBusyError: another engine drives the run, in this process or another.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file = -1

    def __enter__(self) -> RunLock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            told = os.pread(file, 64, 0).decode(errors="replace").strip()
            os.close(file)
            run = self._path.parent.name
            raise RunBusyError(
                f"another engine drives the run {run}" + (f" (process {told})" if told else ""),
                f"wait for it, or cancel it: lamina cancel {run}",
            ) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._file)
        self._file = -1


def is_driven(folder: Path) -> bool:
    """Whether an engine drives the run of this folder now."""
    try:
        file = os.open(folder / NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
