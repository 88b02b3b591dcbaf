"""Files and folders of traces, on a disk or in archives; nothing is unpacked or executed."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from lamina.errors import TraceError
from lamina.traces.readers.base import HEAD, Source

LARGEST = 1 << 30
"""Bytes of one file in an archive above which it is not read: it may be made to fill memory."""

ENDINGS = (".tar", ".tar.xz", ".txz", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".zip")

_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError,
    NotImplementedError, RuntimeError, ValueError, OverflowError,
)  # fmt: skip
"""What the libraries raise for an archive that is damaged, encrypted, or packed in a way that
they do not know."""


class _Local(Source):
    """Something on a disk."""

    def __init__(self, path: Path, name: str, beside: tuple[Path, ...] = ()) -> None:
        super().__init__(name, path.absolute().parts[1:], beside)
        self.path = path

    @property
    def local(self) -> Path:
        """Its path."""
        return self.path


class LocalFile(_Local):
    """A file on a disk."""

    @property
    def files(self) -> Mapping[str, Source]:
        """None: it is a file."""
        return {}

    @cached_property
    def head(self) -> bytes:
        """The first bytes, without reading the others."""
        try:
            with self.path.open("rb") as file:
                return file.read(HEAD)
        except OSError as error:
            raise self.broken(f"it cannot be read: {error.strerror}") from error

    def read(self) -> bytes:
        """All bytes."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise self.broken(f"it cannot be read: {error.strerror}") from error


class LocalFolder(_Local):
    """A folder on a disk, with all files below it; links to folders are not followed."""

    is_folder = True

    @cached_property
    def files(self) -> Mapping[str, Source]:
        """Path relative to it -> file, sorted."""
        found = [path for path in self.path.rglob("*") if path.is_file()]
        names = sorted(path.relative_to(self.path).as_posix() for path in found)
        return {
            name: LocalFile(self.path / name, f"{self.name}/{name}", self.beside) for name in names
        }

    @cached_property
    def top(self) -> list[str]:
        """Names of the files right in it, without looking further down."""
        try:
            return sorted(one.name for one in self.path.iterdir() if one.is_file())
        except OSError as error:
            raise self.broken(f"the folder cannot be read: {error.strerror}") from error

    def read(self) -> bytes:
        """A folder has no bytes."""
        raise self.broken("it is a folder, not a file")


class Member(Source):
    """A file in an archive; its bytes are fetched once, when they are asked for."""

    def __init__(
        self,
        name: str,
        parts: tuple[str, ...],
        beside: tuple[Path, ...],
        fetch: Callable[[], bytes],
    ) -> None:
        super().__init__(name, parts, beside)
        self._fetch = fetch

    @property
    def files(self) -> Mapping[str, Source]:
        """None: it is a file."""
        return {}

    def read(self) -> bytes:
        """All bytes."""
        return self._fetch()


class Folder(Source):
    """A folder in an archive."""

    is_folder = True

    def __init__(
        self,
        name: str,
        parts: tuple[str, ...],
        beside: tuple[Path, ...],
        members: Mapping[str, Source],
    ) -> None:
        super().__init__(name, parts, beside)
        self._members = members

    @property
    def files(self) -> Mapping[str, Source]:
        """Path relative to it -> file."""
        return self._members

    def read(self) -> bytes:
        """A folder has no bytes."""
        raise self.broken("it is a folder, not a file")


class Archive:
    """A tar or zip file, whose members are files.

    Args:
        path: of the archive.
        name: as it is shown to people.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.beside = (path.absolute().parent,)
        self.stem = path.name[: -len(ending_of(path))]

    def members(self) -> Iterator[Member]:
        """The files, in their order, one after the other; what follows damage is lost.

        Raises:
            TraceError: where the archive is damaged, after the files before the damage.
        """
        inside = self._zipped() if zipfile.is_zipfile(self.path) else self._tarred()
        last = ""
        try:
            for last, size, fetch in inside:
                yield self._member(last, size, fetch)
        except TraceError:
            raise
        except _DAMAGE as error:
            after = f" after {last}" if last else ""
            reason = f"the archive is damaged{after}: {str(error) or type(error).__name__}"
            raise TraceError(self.name, reason) from error

    def names(self) -> list[str]:
        """Paths of the files, as far as the archive can be read."""
        found: list[str] = []
        try:
            for member in self.members():
                found.append(member.name.removeprefix(f"{self.name}:"))
        except TraceError:
            pass  # Who reads the members meets it again, and tells it.
        return found

    def folder(self, path: str, names: list[str]) -> Folder:
        """A folder of it; one pass fetches all its files, when the first is asked for."""
        prefix = f"{path}/" if path else ""
        wanted = {name for name in names if name.startswith(prefix)}
        fetched: dict[str, bytes] = {}

        def fetch(name: str) -> bytes:
            if not fetched:
                for member in self.members():
                    key = member.name.removeprefix(f"{self.name}:")
                    if key in wanted:
                        fetched[key] = member.data
            return fetched[name]

        def made(name: str) -> Source:
            return Member(
                f"{self.name}:{name}", self._parts(name), self.beside, partial(fetch, name)
            )

        files = {name.removeprefix(prefix): made(name) for name in sorted(wanted)}
        shown = f"{self.name}:{path}" if path else self.name
        return Folder(shown, self._parts(path) if path else (self.stem,), self.beside, files)

    def _member(self, name: str, size: int, fetch: Callable[[], bytes]) -> Member:
        shown = f"{self.name}:{name}"

        def checked() -> bytes:
            if size > LARGEST:
                raise TraceError(shown, f"it has {size:,} bytes; at most {LARGEST:,} are read")
            try:
                return fetch()
            except _DAMAGE as error:
                reason = f"it cannot be unpacked: {str(error) or type(error).__name__}"
                raise TraceError(shown, reason) from error

        return Member(shown, self._parts(name), self.beside, checked)

    def _parts(self, name: str) -> tuple[str, ...]:
        parts = PurePosixPath(name).parts
        return parts if parts[:1] == (self.stem,) else (self.stem, *parts)

    def _tarred(self) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
        with tarfile.open(self.path, "r|*") as archive:
            for info in archive:
                if info.isreg():
                    yield _plain(info.name), info.size, partial(_bytes, archive, info)

    def _zipped(self) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    fetch = partial(archive.read, info)
                    yield _plain(info.filename), info.file_size, fetch


def _bytes(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    found = b"" if file is None else file.read()
    if len(found) != info.size:
        raise EOFError(f"it ends after {len(found):,} of {info.size:,} bytes")
    return found


def _plain(name: str) -> str:
    """ "./a/b" -> "a/b"."""
    return str(PurePosixPath(name))


def ending_of(path: Path) -> str:
    """The ending by which a file is an archive; empty where it is none."""
    name = path.name.lower()
    found = next((one for one in ENDINGS if name.endswith(one)), "")
    return path.name[-len(found) :] if found else ""
