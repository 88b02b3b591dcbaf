"""All traces of a path: which reader takes which file, and what to do about broken ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lamina.errors import TraceError
from lamina.traces.readers import READERS
from lamina.traces.readers.base import Reader, Source
from lamina.traces.readers.sources import Archive, LocalFile, LocalFolder, ending_of
from lamina.traces.reading import uncollected
from lamina.traces.trace import Trace


class Other(NamedTuple):
    """A file in a folder or an archive that is no trace."""

    name: str


def traces_in(path: Path, name: str = "") -> Iterator[Trace | TraceError | Other]:
    """All that can be read of a file, a folder or an archive; what is broken, as errors.

    Args:
        path: of a file, a folder or an archive.
        name: as it is shown to people; the path when empty.
    """
    shown = name or str(path)
    if path.is_dir():
        yield from _folder(path, shown)
    elif ending_of(path):
        yield from _archive(Archive(path, shown))
    else:
        beside = tuple(path.absolute().parents)[:3]
        yield from _file(LocalFile(path, shown, beside))


def _folder(
    path: Path, name: str, beside: tuple[Path, ...] = ()
) -> Iterator[Trace | TraceError | Other]:
    beside = beside or (path.absolute(), *path.absolute().parents[:2])
    folder = LocalFolder(path, name, beside)
    try:
        reader = _reader_of(folder)
        inside = sorted(path.iterdir())
    except TraceError as error:
        yield error
        return
    if reader is not None:
        yield from _read(reader, folder)
        return
    for one in inside:
        shown = f"{name.rstrip('/')}/{one.name}"
        if one.is_dir():
            if not one.is_symlink():
                yield from _folder(one, shown, beside)
        elif ending_of(one):
            yield from _archive(Archive(one, shown))
        elif one.is_file():
            yield from _file(LocalFile(one, shown, beside))


def _archive(archive: Archive) -> Iterator[Trace | TraceError | Other]:
    names = archive.names()
    claimed: list[str] = []
    for path in _folders(names):
        if any(path == one or path.startswith(f"{one}/") or not one for one in claimed):
            continue
        folder = archive.folder(path, names)
        reader = _reader_of(folder)
        if reader is not None:
            claimed.append(path)
            yield from _read(reader, folder)
    try:
        for member in archive.members():
            inside = member.name.removeprefix(f"{archive.name}:")
            if not any(inside.startswith(f"{one}/") or not one for one in claimed):
                yield from _file(member)
    except TraceError as error:
        yield error


def _folders(names: list[str]) -> list[str]:
    """Paths of all folders, the outer ones first; the archive itself is the empty one."""
    found = {""}
    for name in names:
        found.update(str(one) for one in PurePosixPath(name).parents if str(one) != ".")
    return sorted(found, key=lambda path: (path.count("/"), path))


def _file(source: Source) -> Iterator[Trace | TraceError | Other]:
    try:
        reader = _reader_of(source)
    except TraceError as error:
        yield error
        return
    if reader is None:
        yield Other(source.name)
    else:
        yield from _read(reader, source)


def _read(reader: Reader, source: Source) -> Iterator[Trace | TraceError | Other]:
    found = reader.read(source)
    while True:
        try:
            with uncollected():
                trace = next(found, None)
        except TraceError as error:
            yield error
            return
        if trace is None:
            return
        yield trace


def _reader_of(source: Source) -> Reader | None:
    """The first reader that knows the source; None where there is none."""
    for reader in _readers():
        if reader.folders == source.is_folder and reader.detects(source):
            return reader
    return None


def _readers() -> list[Reader]:
    return [READERS.get(name)() for name in READERS.names()]
