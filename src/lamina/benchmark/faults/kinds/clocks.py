"""A wall clock that jumps, by seconds or by years, while a run goes or between two sessions."""

from __future__ import annotations

import atexit
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lamina.benchmark.faults.kinds.base import Fault, noticed, sessions
from lamina.benchmark.faults.stage import Stage
from lamina.workflow.log import Event

CLOCK = "LAMINA_CAMPAIGN_CLOCK"
"""Environment variable with the file that holds the offset, in nanoseconds."""

_SOURCE = Path(__file__).parent.parent / "clock.c"


class ClockJump(Fault):
    """The engine and the workers see another time of day from one moment on."""

    @classmethod
    def obstacle(cls) -> str:
        """A small library between Python and the system changes the time; it has to be compiled."""
        if not sys.platform.startswith("linux"):
            return "the library that changes the clock is for Linux"
        if shutil.which("cc") is None:
            return "a C compiler (cc) is needed for the library that changes the clock"
        return "" if _library() else "the library that changes the clock cannot be compiled"

    def play(self, stage: Stage) -> None:
        """Sometimes the engine is killed meanwhile, and resumed in the other time."""
        self._file = stage.folder / "clock"
        self._jump(0.0)
        stage.variables |= {CLOCK: str(self._file), "LD_PRELOAD": str(_library())}
        began = time.time()
        command = stage.run()
        self._within = not self.over_before(stage, command)
        seconds = self.random.choice((-1.0, 1.0)) * 10 ** self.random.uniform(0.7, 8.0)
        self._jump(seconds)
        jumped = time.time()
        self.notes.append(f"{seconds:+.0f} s")
        self.struck = self._within
        if self._within and self.random.random() < 0.4:
            # An engine that had no time to look again cannot tell a jump from a pause.
            command.over_within(self.random.uniform(0.5, 0.5 + stage.usual / 2))
            command.kill()
        if command.wait() != 0:
            stage.go_on()
        events = stage.log()
        early = bool(events) and abs(events[0].time - began) > abs(seconds) / 2
        late = bool(events) and sessions(events) == 1 and events[-1].time <= jumped
        # Before the run began, or while its process wrote outputs and ended.
        self.struck = self.struck and not early and not late

    def _jump(self, seconds: float) -> None:
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("q", int(seconds * 1e9)))

    def seen(self, events: Sequence[Event]) -> bool:
        """A notice."""
        return noticed(events, "clock")


@cache
def _library() -> Path | None:
    """The compiled library, for as long as this process lives."""
    folder = tempfile.mkdtemp(prefix="lamina-clock-")
    atexit.register(shutil.rmtree, folder, True)
    library = Path(folder) / "clock.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE), "-ldl"]
    done = subprocess.run(command, check=False, capture_output=True, env=dict(os.environ))
    return library if done.returncode == 0 else None
