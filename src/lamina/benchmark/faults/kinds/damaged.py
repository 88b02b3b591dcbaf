"""Files of the project that are damaged between two sessions, or while a run goes."""

from __future__ import annotations

import os
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
        """Sometimes the run was over before, and is resumed for its outputs alone."""
        command = stage.run()
        if self.random.random() < 0.2:
            command.wait()
        elif not self.over_before(stage, command):
            command.kill()
        self._events = len(stage.log())
        files = stage.artifacts()
        chosen = self.pick(files)
        self._damaged = {file.name for file in chosen}
        for file in chosen:
            self.damage(file)
        self.struck = bool(chosen)
        stage.go_on()

    def seen(self, events: Sequence[Event]) -> bool:
        """A notice, where something damaged was needed again at all."""
        said = any(is_loss(event.reason) for event in words_of(events, "AttemptStarted"))
        return said or noticed(events, "artifact", "damaged") or not self._needed(events)

    def _needed(self, events: Sequence[Event]) -> bool:
        later = events[self._events :]
        read = [event.inputs for event in words_of(later, "AttemptStarted")]
        read += [event.outputs for event in words_of(later, "RunFinished")]
        text = repr(read)
        return any(name in text for name in self._damaged if len(name) >= 16)


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
