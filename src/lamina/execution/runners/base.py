"""What a runner is: it does one job in the thread that calls it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.workflow.actions.base import Action
from lamina.workflow.graph import Task


class Scene:
    """What the jobs of one run share: the folder for files, and the processes to be ended.

    Args:
        folder: where the folders of commands are made; a temporary one when None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._given = folder
        self.folder: Path | None = None
        self._lock = threading.Lock()
        self._processes: set[int] = set()
        self.cancelled = False

    @property
    def temporary(self) -> bool:
        """Whether the folder is one of our own making."""
        return self._given is None

    def new_folder(self, job: str) -> Path:
        """A new, empty folder for a job."""
        with self._lock:
            if self.folder is None:
                if self._given is not None:
                    self._given.mkdir(parents=True, exist_ok=True)
                self.folder = (self._given or Path(tempfile.mkdtemp(prefix="lamina-"))).resolve()
            # "count[3]" becomes "count.3", for programs that read brackets as patterns.
            name = re.sub(r"\[(\d+)\]", r".\1", job)
            path, number = self.folder / name, 1
            while path.exists():
                number += 1
                path = self.folder / f"{name}~{number}"
            path.mkdir(parents=True)
            return path

    def start(self, argv: list[str], options: Mapping[str, Any]) -> subprocess.Popen[bytes] | None:
        """Starts a program as the head of a process group; None once the run is cancelled."""
        with self._lock:
            if self.cancelled:
                return None
            process = subprocess.Popen(argv, start_new_session=True, **options)
            self._processes.add(process.pid)
            return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Ends what is left of a program and its children."""
        with self._lock:
            if process.pid in self._processes:
                self._processes.remove(process.pid)
                _kill_group(process.pid)
        process.wait()

    def cancel(self) -> None:
        """Starts nothing any more and ends every program with its children."""
        with self._lock:
            self.cancelled = True
            for group in self._processes:
                _kill_group(group)


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


@dataclass(frozen=True, eq=False)
class Job:
    """One unit to run: its task, its full name, the values of its ports, and the scene."""

    task: Task
    name: str
    arguments: Mapping[str, Any]
    scene: Scene


class Runner(ABC):
    """Runs one kind of task."""

    @abstractmethod
    def prepare(self, action: Action) -> None:
        """Finds what the action needs before anything runs. Raises LaminaError."""

    @abstractmethod
    def run(self, job: Job) -> Mapping[str, Any]:
        """Does the job in this thread; output port -> value. Raises whatever went wrong."""
