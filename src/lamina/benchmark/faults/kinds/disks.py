"""Disks that fill up, cannot be written any more, or lose their power: small ones of their own."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random

from lamina.benchmark.faults.kinds.base import Fault, cut_short, ended_badly, noticed, sessions
from lamina.benchmark.faults.stage import Stage, words_of
from lamina.benchmark.processes import kill, marked
from lamina.workflow.log import Event

_SHUTDOWN = 0x8004587D
"""ext4's request to stop at once, as after a power cut; 2: what is in memory is not written."""


class _Disk(Fault):
    """The project lies on a disk of its own."""

    @classmethod
    def obstacle(cls) -> str:
        """Mounting needs root."""
        return _no_mount()

    def __init__(self, random: Random, haste: float = 1.0) -> None:
        super().__init__(random, haste)
        self.refused: list[str] = []

    def prepare(self, stage: Stage) -> None:
        """A disk in memory, the workflow on it."""
        stage.project.mkdir(parents=True)
        _mount("-t", "tmpfs", "-o", "size=64m", "lamina-campaign", str(stage.project))
        super().prepare(stage)

    def clean(self, stage: Stage) -> None:
        """Takes the disk away."""
        subprocess.run(["umount", "-l", str(stage.project)], check=False, capture_output=True)


class DiskFull(_Disk):
    """Something else fills the disk at any moment, for a while or until the run has given up."""

    def play(self, stage: Stage) -> None:
        """Frees the disk again, and goes on with what did not go on by itself."""
        command = stage.run()
        if self.over_before(stage, command):
            return
        filler = stage.project / "filler"
        self.struck = _fill(filler)
        if self.random.random() < 0.4:
            command.over_within(self.random.uniform(0.1, 2.0))
        else:
            command.wait()
        filler.unlink()
        if command.wait() != 0:
            self.refused.append(command.text())
            stage.go_on()

    def seen(self, events: Sequence[Event]) -> bool:
        """A notice, an attempt that says so, or a session that could not be written to its end."""
        said = any(
            "space" in str(event.error).lower() or "disk" in str(event.error).lower()
            for event in words_of(events, "AttemptEnded")
        )
        refused = any("space" in text.lower() or "disk" in text.lower() for text in self.refused)
        # Where nothing had to be written while it was full, there was nothing to see.
        return (
            said or noticed(events, "disk", "space") or refused or not ended_badly(events, "failed")
        )


class ReadOnly(_Disk):
    """The disk cannot be written: before the first run, or between two sessions."""

    def play(self, stage: Stage) -> None:
        """What cannot be written is refused in words; reading goes on; later all is well."""
        if self.random.random() < 0.5:
            command = stage.run()
            if not self.over_before(stage, command):
                command.kill()
        self._end_orphans(stage)
        _mount("-o", "remount,ro", str(stage.project))
        self.struck = True
        recorded = stage.recorded()
        command = stage.resume() if recorded else stage.run()
        if command.wait() != 0:
            self.refused.append(command.text())
        if recorded:
            reading = stage.lamina("status", "--json")
            if reading.wait() != 0:
                self.notes.append(f"lamina status: {reading.text().strip()[:200]}")
        _mount("-o", "remount,rw", str(stage.project))
        stage.go_on()

    def _end_orphans(self, stage: Stage) -> None:
        """Open files would forbid the change."""
        end = time.monotonic() + 3.0
        while marked(stage.mark) and time.monotonic() < end:
            time.sleep(0.02)
        for pid in marked(stage.mark):
            kill(pid)
        time.sleep(0.05)

    def seen(self, events: Sequence[Event]) -> bool:
        """The refused command says why: the record itself cannot be written."""
        del events
        words = ("read-only", "readonly", "cannot be written", "permission")
        return any(word in text.lower() for text in self.refused for word in words)

    def after(self, stage: Stage) -> list[str]:
        """Reading verbs have to work."""
        return [note for note in self.notes if note.startswith("lamina status")]


class PowerCut(_Disk):
    """The machine goes down: what was not synced is lost, and the disk's journal is replayed."""

    @classmethod
    def obstacle(cls) -> str:
        """It takes ext4 in a file."""
        if shutil.which("mkfs.ext4") is None:
            return "mkfs.ext4 is not installed"
        return super().obstacle()

    def prepare(self, stage: Stage) -> None:
        """An image of 96 MB with the workflow on it, which is synced."""
        self._image = stage.folder / "disk.img"
        with self._image.open("wb") as file:
            file.truncate(96 * 2**20)
        made = ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1", str(self._image)]
        subprocess.run(made, check=True, capture_output=True)
        stage.project.mkdir(parents=True)
        _mount("-o", "loop", str(self._image), str(stage.project))
        Fault.prepare(self, stage)
        os.sync()

    def play(self, stage: Stage) -> None:
        """Everything stops at once; then the machine is there again."""
        command = stage.run()
        if self.over_before(stage, command):
            return
        self.struck = stage.recorded()
        descriptor = os.open(stage.project, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", 2))
        finally:
            os.close(descriptor)
        for pid in marked(stage.mark):
            kill(pid)
        command.kill()
        for _ in range(100):
            done = subprocess.run(["umount", str(stage.project)], check=False, capture_output=True)
            if done.returncode == 0:
                break
            time.sleep(0.02)
        _mount("-o", "loop", str(self._image), str(stage.project))
        self._lost = not stage.recorded()
        stage.go_on()

    def seen(self, events: Sequence[Event]) -> bool:
        """A session without an end; none where the run itself had not reached the disk."""
        return self._lost or cut_short(events) or sessions(events) > 1


def _fill(path: Path) -> bool:
    """Writes until nothing goes on the disk any more."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return True


def _mount(*arguments: str) -> None:
    for _ in range(50):
        done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return
        time.sleep(0.05)
    raise OSError(f"mount {' '.join(arguments)}: {done.stderr.strip()}")


@cache
def _no_mount() -> str:
    """Why no disk can be mounted here; empty when one can."""
    if os.geteuid() != 0:
        return "mounting a small disk needs root"
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "lamina-campaign", folder]
        try:
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        except OSError as error:
            return f"mount cannot be run: {error.strerror}"
        if done.returncode != 0:
            return f"a small disk cannot be mounted: {done.stderr.strip()}"
        subprocess.run(["umount", folder], check=False, capture_output=True)
    return ""
