"""Archives, unpacked so that nothing in them reaches out of the folder they are unpacked into."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Annotated

from lamina.errors import ArtifactError
from lamina.workflow.telling import current

_PIECE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much may come out of one archive.

    Args:
        size: bytes of all files.
        members: files, folders and links.
        ratio: bytes of all files per byte of the archive, beyond the first 16 MiB: what is made
            to fill a disk reaches thousands, data do not.
    """

    size: int = 64 << 30
    members: int = 1_000_000
    ratio: float = 500.0


@dataclass(frozen=True, eq=False)
class _Member:
    """One entry: a file with something to read, a folder, or a link with a target."""

    name: str
    folder: bool = False
    link: str = ""
    copy: str = ""
    runs: bool = False
    open: Callable[[], IO[bytes] | None] = lambda: None


DEFAULT = Limits()


def unpacked(archive: Annotated[Path, "file"]) -> Annotated[Path, "folder"]:
    """A zip or tar file as a folder of its own: the task `unpack` of workflows.

    Raises:
        ArtifactError: see `unpack`.
    """
    attempt = current()
    home = Path.cwd() if attempt is None else attempt.scratch()
    return unpack(archive, Path(tempfile.mkdtemp(prefix="unpacked-", dir=home)))


def unpack(archive: Path, folder: Path, limits: Limits = DEFAULT) -> Path:
    """Unpacks a zip or tar file (plain, gz, bz2 or xz) into a new folder, whole or not at all.

    Files get ordinary rights; of their modes only "may be run" is kept. Symbolic links are kept
    where they stay inside the folder.

    Args:
        folder: must not be there yet, or be empty.

    Raises:
        ArtifactError: no archive, a damaged or encrypted one; an absolute path, a path or link
            that leads out of the folder, a device or pipe in it; more than the limits allow; a
            folder that is not empty or cannot be written.
    """
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        part.mkdir(parents=True)
        with _members(archive) as members:
            _Unpacking(archive, part, limits).run(members)
        part.rename(folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as e:
        raise _refused(archive, f"is damaged: {e!s:.200}") from e
    except RuntimeError as error:  # how zipfile says that a password is needed
        raise _refused(archive, f"cannot be read: {error!s:.200}") from error
    except OSError as error:
        raise ArtifactError(
            f"{str(archive)!r} cannot be unpacked into {str(folder)!r}: {error.strerror or error}",
            "give a whole archive, and a folder that is new or empty",
        ) from error
    except Exception as error:
        if isinstance(error, ArtifactError):
            raise
        # what the libraries of compression raise for damaged bytes cannot be listed
        raise _refused(archive, f"is damaged: {type(error).__name__}: {error!s:.200}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


class _Unpacking:
    """One archive on its way into one folder."""

    def __init__(self, archive: Path, folder: Path, limits: Limits) -> None:
        self._archive = archive
        self._folder = folder
        self._limits = limits
        whole = archive.stat().st_size
        self._most = min(limits.size, int((16 << 20) + whole * limits.ratio))
        self._size = 0
        self._links: list[tuple[Path, str]] = []

    def run(self, members: Iterator[_Member]) -> None:
        """Writes all members: the links last, so that nothing is written through one."""
        for count, member in enumerate(members):
            if count >= self._limits.members:
                raise _refused(self._archive, f"has more than {self._limits.members} members")
            path = self._path(member.name)
            if member.folder:
                path.mkdir(parents=True, exist_ok=True)
            elif member.link:
                self._links.append((path, member.link))
            else:
                self._write(member, path)
        for path, target in self._links:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        inside = os.path.realpath(self._folder)
        for path, target in self._links:
            leads = Path(os.path.realpath(path))
            if PurePosixPath(target).is_absolute() or not leads.is_relative_to(inside):
                raise _refused(
                    self._archive, f"holds a link that leads out: {path.name} -> {target}"
                )

    def _path(self, name: str) -> Path:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            raise _refused(self._archive, f"holds a path that leads out: {name!r:.200}")
        return self._folder / path

    def _write(self, member: _Member, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        source = self._path(member.copy).open("rb") if member.copy else member.open()
        if source is None:
            raise _refused(self._archive, f"has no content for {member.name!r}")
        with source, path.open("xb") as file:
            while data := source.read(_PIECE):
                self._size += len(data)
                if self._size > self._most:
                    raise _refused(
                        self._archive,
                        f"gives more than {self._most} bytes, and might fill the disk",
                    )
                file.write(data)
        path.chmod(0o755 if member.runs else 0o644)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            yield _of_zip(file, archive)
        return
    with tarfile.open(archive) as tape:
        yield _of_tar(tape, archive)


def _of_zip(file: zipfile.ZipFile, archive: Path) -> Iterator[_Member]:
    for info in file.infolist():
        mode = info.external_attr >> 16
        kind = stat.S_IFMT(mode)
        if info.is_dir():
            yield _Member(info.filename, folder=True)
        elif kind == stat.S_IFLNK:
            if info.file_size > 4096:
                raise _refused(archive, f"holds a link of {info.file_size} bytes")
            yield _Member(info.filename, link=file.read(info).decode("utf-8"))
        elif kind in (0, stat.S_IFREG):
            yield _Member(
                info.filename,
                runs=bool(mode & stat.S_IXUSR),
                open=lambda info=info: file.open(info),  # type: ignore[misc]
            )
        else:
            raise _refused(archive, f"holds a device or pipe: {info.filename!r:.200}")


def _of_tar(tape: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    for info in tape:
        if info.isdir():
            yield _Member(info.name, folder=True)
        elif info.issym():
            yield _Member(info.name, link=info.linkname)
        elif info.islnk():
            yield _Member(info.name, copy=info.linkname, runs=bool(info.mode & stat.S_IXUSR))
        elif info.isreg():
            yield _Member(
                info.name,
                runs=bool(info.mode & stat.S_IXUSR),
                open=lambda info=info: tape.extractfile(info),  # type: ignore[misc]
            )
        else:
            raise _refused(archive, f"holds a device or pipe: {info.name!r:.200}")


def _refused(archive: Path, why: str) -> ArtifactError:
    return ArtifactError(f"archive {str(archive)!r} {why}", "nothing of it was unpacked")
