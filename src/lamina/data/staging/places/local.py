"""Files of this machine, by file:// addresses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from lamina.data.staging.address import Address, local_path
from lamina.data.staging.places import Place, Stat, Write, changed, missing
from lamina.data.staging.policy import Policy
from lamina.errors import StagingError

_PIECE = 1 << 20


class Local(Place):
    """The file system."""

    def stat(self, files: Sequence[Address], policy: Policy) -> list[Stat | StagingError]:
        """Size, and time of the last change."""
        return [_stat(file) for file in files]

    def read(self, file: Address, part: tuple[int, int | None], version: str, write: Write) -> None:
        """A part of it."""
        start, end = part
        path = local_path(file.url)
        if not path.is_file():
            raise missing(file)
        with path.open("rb") as source:
            if version != str(os.fstat(source.fileno()).st_mtime_ns):
                raise changed(file)
            source.seek(start)
            while end is None or start < end:
                data = source.read(_PIECE if end is None else min(_PIECE, end - start))
                if not data:
                    break
                write(data)
                start += len(data)

    def send(self, source: Path, target: Address, policy: Policy) -> None:
        """A copy under another name first, then renamed."""
        path = local_path(target.url)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            shutil.copyfile(source, part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _stat(file: Address) -> Stat | StagingError:
    path = local_path(file.url)
    if not path.is_file():
        return missing(file)
    found = path.stat()
    return Stat(found.st_size, str(found.st_mtime_ns))
