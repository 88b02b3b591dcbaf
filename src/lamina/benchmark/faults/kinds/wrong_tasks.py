"""Tasks that do what no task should do: hang with children, hear no signal, say gigabytes."""

from __future__ import annotations

from collections.abc import Sequence

from lamina.benchmark.faults.kinds.base import Fault, ended_badly, noticed
from lamina.benchmark.faults.shapes import SHAPES
from lamina.benchmark.faults.stage import Stage, words_of
from lamina.workflow.log import Event

_DISTURBED = tuple(name for name, shape in SHAPES.items() if shape.disturbed)

KEPT = 64 * 2**20
"""Bytes that the logs of a task that says gigabytes may take."""


class _Hangs(Fault):
    """A task that never ends of itself the first time; its time-out has to end it."""

    shapes = _DISTURBED
    kind = ""

    def prepare(self, stage: Stage) -> None:
        """Every task gets a time."""
        stage.set_up(time=1.5)

    def play(self, stage: Stage) -> None:
        """The run has to repeat it by itself."""
        unit = self.random.choice(stage.shape.disturbed)
        stage.wrong(unit=unit, kind=self.kind, **self.told())
        stage.run("--retries", "5").wait()
        self.struck = True

    def told(self) -> dict[str, int]:
        """More for the task."""
        return {}

    def seen(self, events: Sequence[Event]) -> bool:
        """An attempt that ran out of time."""
        return ended_badly(events, "timeout")


class ForksAndHangs(_Hangs):
    """Its children hang, too, sometimes in sessions of their own."""

    kind = "fork"

    def told(self) -> dict[str, int]:
        """Whether a child leaves the session."""
        return {"sessions": self.random.choice((0, 1))}


class Deaf(_Hangs):
    """It ignores SIGTERM, SIGINT and SIGHUP."""

    kind = "deaf"


class Floods(Fault):
    """It writes gigabytes to standard output; the disk must not fill up, the rest must not wait."""

    shapes = _DISTURBED
    sizes = (2**28, 2**30, 2**31)

    def play(self, stage: Stage) -> None:
        """The run has to succeed as if nothing were."""
        self.size = self.random.choice(self.sizes)
        unit = self.random.choice(stage.shape.disturbed)
        stage.wrong(unit=unit, kind="flood", bytes=self.size)
        stage.run().wait()
        self.struck = True

    def seen(self, events: Sequence[Event]) -> bool:
        """The attempt has logs, or a notice says what was left out."""
        logged = any(event.folder for event in words_of(events, "AttemptEnded"))
        return logged or noticed(events, "output", "log")

    def after(self, stage: Stage) -> list[str]:
        """The logs are bounded."""
        kept = sum(f.stat().st_size for f in stage.home.rglob("*") if f.is_file())
        said = f"{kept / 2**20:.0f} MB kept of {self.size / 2**20:.0f} MB said"
        self.notes.append(said)
        return [said] if kept > KEPT else []
