"""Processes that are killed: the engine, a worker, everything at once; and engines that are asked
to end."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Sequence

from lamina.benchmark.faults.kinds.base import Fault, cut_short, ended_badly, noticed, sessions
from lamina.benchmark.faults.stage import Command, Stage, digests, words_of
from lamina.benchmark.processes import descendants, kill, marked
from lamina.workflow.log import Event


class EngineKilled(Fault):
    """kill -9 of the engine at any moment, up to three times, and `lamina resume` each time."""

    def play(self, stage: Stage) -> None:
        """The engine's orphans may still be there when the next session begins."""
        command = stage.run()
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            if self.over_before(stage, command):
                break
            self.strike(stage, command)
            self.struck = self.struck or stage.recorded()
            command = stage.resume() if stage.recorded() else stage.run()
        command.wait()

    def strike(self, stage: Stage, command: Command) -> None:
        """What is done to the engine."""
        del stage
        command.kill()

    def seen(self, events: Sequence[Event]) -> bool:
        """A session without an end, or one that was killed between its end and its exit."""
        return cut_short(events) or sessions(events) > 1 or _whole(events)


class AllKilled(EngineKilled):
    """kill -9 of the engine and everything below it at once, as a machine that loses power."""

    def strike(self, stage: Stage, command: Command) -> None:
        """Everything with the case's mark."""
        for pid in marked(stage.mark):
            kill(pid)
        command.kill()


class Interrupted(EngineKilled):
    """SIGINT, SIGTERM or SIGHUP to the engine, once; it ends cleanly, and is resumed."""

    def play(self, stage: Stage) -> None:
        """As a user who presses Ctrl-C, a batch system, a terminal that is closed."""
        number = self.random.choice((signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        command = stage.run()
        if not self.over_before(stage, command):
            command.signal(number)
            code = command.wait(15.0)
            self.struck = code != 0 and stage.recorded()
            self.notes.append(f"{number.name}: exit {code}")
        if command.process.returncode != 0:
            stage.go_on()

    def seen(self, events: Sequence[Event]) -> bool:
        """A session that says "cancelled", or has no end since it hardly had begun."""
        ends = words_of(events, "RunFinished")
        cancelled = any(event.status == "cancelled" for event in ends)
        return cancelled or super().seen(events)


class WorkersKilled(Fault):
    """kill -9 of a worker, or of what makes workers, once or twice, while a run goes."""

    def play(self, stage: Stage) -> None:
        """The run has to go on by itself."""
        command = stage.run("--retries", "4")
        moments = []
        for _ in range(self.random.choice((1, 1, 2))):
            if self.over_before(stage, command):
                break
            moments.append(self._strike(command))
        command.wait()
        # After the last attempt workers are on their way out, and no record can tell of them.
        ends = [event.time for event in words_of(stage.log(), "AttemptEnded")]
        self.struck = bool(ends) and any(moment < ends[-1] for moment in moments)

    def _strike(self, command: Command) -> float:
        """Kills one; gives the time at which it was done, and that of never where it was not."""
        depth = 1 if self.random.random() < 0.15 else 2
        while not (chosen := [pid for pid, at in descendants(command.pid) if at == depth]):
            if command.over_within(0.02):
                return math.inf
        if not kill(self.random.choice(chosen)):
            return math.inf
        self.notes.append("worker" if depth == 2 else "maker of workers")
        return time.time()

    def seen(self, events: Sequence[Event]) -> bool:
        """An attempt that was lost, or a notice."""
        return ended_badly(events, "lost", "failed") or noticed(events, "worker", "process")


class TwoAtOnce(Fault):
    """Two runs of one workflow in one project at once, one of which is killed and resumed."""

    def play(self, stage: Stage) -> None:
        """They share records, artifacts and results; none may take harm from the other."""
        first = stage.run()
        while not (run := stage.newest()) and not first.over_within(0.02):
            pass
        stage.chosen = run
        other = stage.folder / "other"
        second = stage.run(output=other)
        if not self.over_before(stage, first):
            first.kill()
            self.struck = True
        if first.wait() != 0:
            stage.resume().wait()
        if second.wait() != 0:
            self.notes.append(f"the other run failed: {second.text()[-300:]}")
        self._other = digests(other) if other.is_dir() else {}

    def seen(self, events: Sequence[Event]) -> bool:
        """As for any engine that is killed."""
        return cut_short(events) or sessions(events) > 1 or _whole(events)

    def after(self, stage: Stage) -> list[str]:
        """Both have the same outputs."""
        alike = self._other == digests(stage.output)
        return [*self.notes, *([] if alike else ["the other run has other outputs"])]


def _whole(events: Sequence[Event]) -> bool:
    ends = words_of(events, "RunFinished")
    return bool(ends) and ends[-1].status == "succeeded" and sessions(events) == 1
