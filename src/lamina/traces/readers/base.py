"""What a reader of traces is, and what it reads from: files and folders, wherever they lie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import ClassVar

from lamina.errors import TraceError
from lamina.traces.trace import Trace

HEAD = 4096
"""Bytes from the begin of a file by which formats are told apart."""


class Source(ABC):
    """A file or a folder, on a disk or in an archive.

    Args:
        name: as it is shown to people; a member of an archive follows after a colon.
        parts: folders above it and its own name.
        beside: local folders that may hold what a collection says of its runs.
    """

    def __init__(self, name: str, parts: tuple[str, ...], beside: tuple[Path, ...] = ()) -> None:
        self.name = name
        self.parts = parts
        self.beside = beside

    @property
    def stem(self) -> str:
        """Its own name without the ending."""
        return PurePosixPath(self.parts[-1]).stem if self.parts else ""

    @property
    @abstractmethod
    def files(self) -> Mapping[str, Source]:
        """Path -> file, for all files of a folder; empty for a file."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and no file."""
        return False

    @property
    def top(self) -> list[str]:
        """Names of the files right in a folder, sorted."""
        return [name for name in self.files if "/" not in name]

    @abstractmethod
    def read(self) -> bytes:
        """All bytes of a file. Raises TraceError where they cannot be had."""

    @property
    def local(self) -> Path | None:
        """Where it lies, if it lies on a disk as it is."""
        return None

    @cached_property
    def data(self) -> bytes:
        """All bytes of a file, read once."""
        return self.read()

    @property
    def head(self) -> bytes:
        """The first bytes of a file."""
        return self.data[:HEAD]

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Where the file lies while it is read; a copy of what lies in an archive."""
        if self.local is not None:
            yield self.local
            return
        with TemporaryDirectory(prefix="lamina-trace-") as folder:
            place = Path(folder) / "file"
            place.write_bytes(self.data)
            yield place

    def text(self) -> str:
        """The file as text; what is no UTF-8 is escaped."""
        return self.data.decode("utf-8-sig", "backslashreplace")

    def broken(self, reason: str, line: int = 0, file: str = "") -> TraceError:
        """The error that says what is wrong with it, or with a file in it."""
        return TraceError(f"{self.name}/{file}" if file else self.name, reason, line)


class Reader(ABC):
    """Reads one format. It executes nothing, and keeps nothing between two sources."""

    title: ClassVar[str]
    """The format, for people."""
    folders: ClassVar[bool] = False
    """Whether it reads whole folders, and no single files."""

    @abstractmethod
    def detects(self, source: Source) -> bool:
        """Whether a source is of this format, by its content."""

    @abstractmethod
    def read(self, source: Source) -> Iterator[Trace]:
        """The runs that it tells of.

        Raises:
            TraceError: what is broken, with the line where there is one.
        """
