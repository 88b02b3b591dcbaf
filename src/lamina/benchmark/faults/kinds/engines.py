"""Engines that want the same run: one drives it, the others are refused."""

from __future__ import annotations

from collections.abc import Sequence

from lamina.benchmark.faults.kinds.base import Fault
from lamina.benchmark.faults.stage import Command, Stage
from lamina.workflow.log import Event

_REFUSED = "another engine drives"


class TwoEngines(Fault):
    """A second engine while the first one works, or several at once after it was killed."""

    shapes = ("chain", "fan", "scatter", "nested", "loop")

    def play(self, stage: Stage) -> None:
        """Whoever is refused has done nothing; the run ends well all the same."""
        self._kills = self.random.random() < 0.5
        if not self._kills:
            stage.pause = 0.5  # the second engine has to be there before the run is over
        command = stage.run()
        while not stage.recorded() and not command.over_within(0.02):
            pass
        engines = [command, *self._more(stage, command)]
        for engine in engines:
            engine.wait()
        self._texts = [e.text() for e in engines if e.process.returncode > 0]
        self.struck = any(_REFUSED in text for text in self._texts)
        if not any(engine.process.returncode == 0 for engine in engines):
            stage.go_on()

    def _more(self, stage: Stage, command: Command) -> list[Command]:
        if not self._kills:
            self.notes.append("one more")
            return [stage.resume()]
        if self.over_before(stage, command):
            return []
        command.kill()
        self.notes.append("three at once after a kill")
        return [stage.resume() for _ in range(3)]

    def seen(self, events: Sequence[Event]) -> bool:
        """The refused engine says so; the record is the other one's alone."""
        del events
        return True

    def after(self, stage: Stage) -> list[str]:
        """Nothing else went wrong with them."""
        del stage
        return [text[-300:] for text in self._texts if _REFUSED not in text]
