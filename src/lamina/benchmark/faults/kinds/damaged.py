"""Files of the project that are damaged between two sessions, or while a run goes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from lamina.benchmark.faults.judge import is_loss
from lamina.benchmark.faults.kinds.base import Fault, noticed
from lamina.benchmark.faults.stage import Stage, words_of
from lamina.workflow.log import Event


class _Damage(Fault):
    """The engine is killed, files are damaged, and the run is resumed."""

    def damage(self, path: Path) -> None:
        """Flips a byte, cuts the end off, empties or removes a file."""
        how = self.random.choice(("flip", "cut", "empty", "remove"))
        data = path.read_bytes()
        path.chmod(0o644)
        self.notes.append(f"{how} {path.name[:12]}")
        if how == "remove" or not data:
            path.unlink()
        elif how == "flip":
            place = self.random.randrange(len(data))
            changed = bytes([data[place] ^ (1 << self.random.randrange(8))])
            # In place, with the times kept, as a disk would do it: not by rename.
            times = path.stat()
            with path.open("r+b") as file:
                file.seek(place)
                file.write(changed)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        else:
            length = 0 if how == "empty" else self.random.randrange(len(data))
            os.truncate(path, length)

    def pick(self, files: list[Path]) -> list[Path]:
        """One, some or all of them."""
        many = self.random.choice((1, 1, 2, len(files)))
        return self.random.sample(sorted(files), min(many, len(files)))


class ArtifactCorrupted(_Damage):
    """Kept values are damaged: their producers have to run again, and nothing else."""

    shapes = ("chain", "fan", "scatter", "nested", "loop", "commands", "training", "stream")

    def play(self, stage: Stage) -> None:
        """Sometimes the run was over before, and is resumed for its outputs alone; sometimes it
        goes on meanwhile."""
        command = stage.run("--retries", "5")
        live = self.random.random() < 0.3
        if self.random.random() < 0.2:
            command.wait()
        elif not self.over_before(stage, command) and not live:
            command.kill()
        files = stage.artifacts()
        chosen = self.pick(files)
        self._damaged = {file.name for file in chosen}
        for file in chosen:
            self.damage(file)
        self.struck = bool(chosen)
        self._at = time.time()
        command.wait()
        # Also a run that was over when its artifacts were damaged: it has to mend its outputs.
        if stage.go_on() != 0 and self._of_inputs(stage.log()):
            # Nothing in the run can make its inputs again; its message says to run it anew.
            self.notes.append("an input was damaged: run anew")
            stage.run().wait()

    def seen(self, events: Sequence[Event]) -> bool:
        """A notice, where something damaged was needed again at all."""
        said = any(is_loss(event.reason) for event in words_of(events, "AttemptStarted"))
        return said or noticed(events, "artifact", "damaged") or not self._needed(events)

    def _needed(self, events: Sequence[Event]) -> bool:
        """Whether something damaged that a task had made was read afterwards."""
        later = [event for event in events if event.time > self._at]
        read = [event.inputs for event in words_of(later, "AttemptStarted")]
        read += [event.outputs for event in words_of(later, "RunFinished")]
        made = [event.outputs for event in words_of(events, "AttemptEnded")]
        return any(name in repr(read) and name in repr(made) for name in self._names())

    def _of_inputs(self, events: Sequence[Event]) -> bool:
        """Whether something damaged is no result of a task."""
        made = repr([event.outputs for event in words_of(events, "AttemptEnded")])
        return any(name not in made for name in self._names())

    def _names(self) -> list[str]:
        return [name for name in self._damaged if len(name) >= 16]


class CheckpointCorrupted(_Damage):
    """Checkpoints of a training are damaged: it goes on from an older one, or from its start."""

    shapes = ("training",)

    def play(self, stage: Stage) -> None:
        """Kills the engine some time after the first checkpoint."""
        command = stage.run()
        while not command.over_within(0.02) and not self._checkpoints(stage):
            pass
        if not command.over_within(self.random.uniform(0.0, 0.6)):
            command.kill()
            # The worker that trains is an orphan; it may write one more checkpoint.
            files = self._checkpoints(stage)
            chosen = self.pick(files)
            self._newest = max(files, default=None) in chosen
            for file in chosen:
                if file.is_file():
                    self.damage(file)
            self.struck = bool(chosen) and bool(stage.recorded())
        stage.go_on()

    def _checkpoints(self, stage: Stage) -> list[Path]:
        return list(stage.home.glob("runs/*/scratch/**/*.safetensors"))

    def seen(self, events: Sequence[Event]) -> bool:
        """A warning of the training, or a notice; or it was over when it was damaged."""
        warned = any("warning" in event.values for event in words_of(events, "AttemptProgressed"))
        begun = [e for e in words_of(events, "AttemptStarted") if e.task == "train"]
        removed = all(note.startswith("remove") for note in self.notes)
        unread = len(begun) < 2 or removed or not self._newest
        return warned or noticed(events, "checkpoint") or unread
