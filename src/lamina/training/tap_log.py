"""What taps saw, kept beside the checkpoints: an attempt that goes on hands it out once more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lamina.data.artifacts.frames import MARK, framed, items_of
from lamina.errors import ArtifactError
from lamina.training.taps import Tapped


class Look(NamedTuple):
    """One look of one tap.

    Args:
        group: number of the program in its plan.
        tap: number of the tap.
        seen: what it saw.
    """

    group: int
    tap: int
    seen: Tapped

    @property
    def key(self) -> tuple[int, int, int, str]:
        """What tells it from all others of its training."""
        return (self.group, self.seen.epoch, self.tap, self.seen.member)


class TapLog:
    """The looks of all attempts of one training, a file for each.

    Args:
        folder: that the attempts share; None keeps nothing.
        attempt: number of this one.
    """

    def __init__(self, folder: Path | None, attempt: int) -> None:
        self._file = None
        self._older: list[Path] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            own = folder / f"taps-{attempt:06d}"
            self._older = sorted(path for path in folder.glob("taps-*") if path != own)
            self._file = own.open("wb", buffering=0)
            self._size = self._file.write(MARK)

    def add(self, look: Look) -> None:
        """Keeps a look. Raises OSError when the disk does not take it."""
        if self._file is not None:
            pieces = framed(tuple(look), self._size)
            self._size += sum(map(len, pieces))
            os.writev(self._file.fileno(), pieces)

    def before(self, group: int, epoch: int) -> Iterator[Look]:
        """What earlier attempts saw of a group up to an epoch, each look once and in order."""
        known = set()
        for path in self._older:
            for look in _looks(path):
                fits = look.group == group and look.seen.epoch <= epoch
                if fits and look.key not in known:
                    known.add(look.key)
                    yield look

    def close(self) -> None:
        """Closes the file, which stays until the training's folder goes."""
        if self._file is not None:
            self._file.close()


def _looks(path: Path) -> Iterator[Look]:
    """The looks of one file, up to where its writer was killed."""
    items: Iterator[Any] = items_of(path.read_bytes())
    while True:
        try:
            yield Look(*next(items))
        except (ArtifactError, StopIteration):
            return
