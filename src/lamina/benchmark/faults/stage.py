"""The stage of a case: a project of its own, and the commands that a user would give."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina.benchmark.faults.given import EFFECTS, MISCHIEF, PAUSE
from lamina.benchmark.faults.shapes import Shape
from lamina.benchmark.processes import MARK
from lamina.records.store import Store
from lamina.workflow.log import Event

LIMIT = 60.0
"""Seconds after which a command hangs."""


class HungError(Exception):
    """A command that did not end within its limit."""


@dataclass
class Command:
    """A command of `lamina` that has been started."""

    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes]
    said: Path
    begun: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        """Of its process."""
        return self.process.pid

    def over_within(self, seconds: float) -> bool:
        """Whether it ends within some seconds.

        Raises:
            HungError: it has gone on for longer than any command may; it has been killed.
        """
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, seconds))
        if self.process.poll() is None and time.monotonic() - self.begun > 2 * LIMIT:
            self.wait(0.0)
        return self.process.poll() is not None

    def wait(self, limit: float = LIMIT) -> int:
        """Its exit code.

        Raises:
            HungError: it goes on; it has been killed.
        """
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise HungError(f"lamina {' '.join(self.arguments)} after {limit:.0f} s") from None

    def signal(self, number: int) -> None:
        """Sends a signal to the engine's process, and to none else."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9 of the engine's process alone; waits until it is gone."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def text(self) -> str:
        """What it said on both streams."""
        with suppress(OSError):
            return self.said.read_text(encoding="utf-8", errors="replace")
        return ""


@dataclass
class Stage:
    """A project in which one case is played.

    Args:
        folder: for everything; the project is `folder/project`, outputs are `folder/out-*`.
        shape: the workflow.
        mark: in the environment of every process of the case.
        usual: seconds that an undisturbed run takes, as a process.
        busy: seconds of it after its folder is there.
        pause: seconds that each task waits.
        chosen: id of the run that the case is about; empty for the newest.
    """

    folder: Path
    shape: Shape
    mark: str
    usual: float
    busy: float = 0.5
    pause: float = 0.05
    variables: dict[str, str] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    options: tuple[str, ...] = ()
    chosen: str = ""

    @property
    def project(self) -> Path:
        """Where the workflow and its `.lamina` are."""
        return self.folder / "project"

    @property
    def home(self) -> Path:
        """The folder of records, artifacts and runs."""
        return self.project / ".lamina"

    @property
    def output(self) -> Path:
        """Where the outputs of the run are written to."""
        return self.folder / "out"

    def set_up(self, time: float | None = None, inputs: Mapping[str, Any] | None = None) -> None:
        """Writes the workflow."""
        self.project.mkdir(parents=True, exist_ok=True)
        self.document = self.shape.write(self.project, time, dict(inputs or {}))

    def wrong(self, **told: Any) -> None:
        """Tells a task to do something wrong; see `given.MISCHIEF`."""
        self.variables[MISCHIEF] = json.dumps(told)

    def run(self, *more: str, output: Path | None = None) -> Command:
        """`lamina run` of the workflow."""
        out = ("-o", str(output or self.output))
        return self.lamina("run", str(self.document), *out, "-q", *self.options, *more)

    def resume(self, *more: str) -> Command:
        """`lamina resume` of the run."""
        return self.lamina(
            "resume", self.chosen or "last", "-o", str(self.output), "-q", *self.options, *more
        )

    def lamina(self, *arguments: str) -> Command:
        """Any command, in the project's folder, in a session of its own."""
        said = self.folder / f"said-{len(self.commands)}.txt"
        with said.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "lamina", *arguments],
                cwd=self.project,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        command = Command(arguments, process, said)
        self.commands.append(command)
        return command

    def go_on(self) -> int:
        """Resumes the newest run, or runs where none is recorded yet; waits for the end."""
        return (self.resume() if self.recorded() else self.run()).wait()

    def recorded(self) -> bool:
        """Whether a run is in the records."""
        with self.store() as store:
            return bool(store.runs(1))

    def store(self) -> _Open:
        """The records, for a `with` statement."""
        return _Open(f"sqlite:///{self.home / 'records.sqlite'}")

    def newest(self) -> str:
        """Id of the newest run; empty when there is none."""
        with self.store() as store:
            found = store.runs(1)
        return found[0].id if found else ""

    def log(self) -> list[Event]:
        """All events of the run, in order."""
        run = self.chosen or self.newest()
        with self.store() as store:
            return [event for _, event in store.events(run)] if run else []

    def folders(self) -> int:
        """How many runs have a folder."""
        with suppress(OSError):
            return sum(1 for _ in (self.home / "runs").iterdir())
        return 0

    def artifacts(self) -> list[Path]:
        """Every file that holds bytes of a kept value."""
        return [f for f in (self.home / "artifacts").rglob("*") if f.is_file()]

    def said(self) -> str:
        """What all commands said."""
        return "\n".join(command.text() for command in self.commands)

    def clear(self) -> None:
        """Removes everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("LAMINA_")}
        return {
            **kept,
            MARK: self.mark,
            EFFECTS: str(self.folder / "effects.txt"),
            PAUSE: str(self.pause),
            **self.variables,
        }


class _Open:
    """A store that is closed again."""

    def __init__(self, url: str) -> None:
        self._store = Store(url)

    def __enter__(self) -> Store:
        return self._store

    def __exit__(self, *error: object) -> None:
        self._store.close()


def digests(folder: Path) -> dict[str, str]:
    """Relative path -> digest of every file below a folder."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def words_of(events: Sequence[Event], kind: str) -> list[Any]:
    """The events of one class, by its name."""
    return [event for event in events if type(event).__name__ == kind]
