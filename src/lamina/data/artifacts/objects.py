"""A folder of bytes named by their digest: written whole or not at all, verified when read."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader, FileIO
from pathlib import Path
from typing import NamedTuple

from lamina.data.artifacts.copies import copy_bytes
from lamina.data.artifacts.deposit import CHUNK, Buffer, Deposit
from lamina.errors import ArtifactError

STALE = 3600.0
"""Seconds after which a temporary file is taken for one of a dead process."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SMALL = 1 << 16
_SETTLED = 2 * 10**9
"""Nanoseconds that a file must have rested before its digest is remembered: a change within one
tick of the file system's clock would not show in its times."""
_REMEMBERED = 4096
_SPOILT = (errno.EACCES, errno.EPERM, errno.EISDIR, errno.EIO, errno.ELOOP, errno.ENXIO)
"""What says that a file of the store is no use, whoever asks for it again."""


class Stored(NamedTuple):
    """A file of the store: its digest, its size in bytes, seconds since 1970 of its last use."""

    digest: str
    size: int
    time: float


class Objects:
    """Bytes by digest, below a folder that is made when the first ones come.

    Nothing is synced to the disk: after a loss of power a name may stand for fewer bytes than it
    should, which reading finds out, and then the producer runs again. Syncing would cost 3 ms for
    each of the many small results, to save a repetition that almost never happens.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._base = str(folder / "objects")
        self._parts = str(folder / "parts")
        self._verified: dict[str, tuple[int, ...]] = {}

    def path(self, digest: str) -> str:
        """Where the bytes of a digest lie. Raises ArtifactError for what is no digest."""
        if not _DIGEST.fullmatch(digest):
            raise ArtifactError(f"{digest!r:.80} is no digest", "the record is damaged: run again")
        return f"{self._base}/{digest[:2]}/{digest[2:]}"

    def deposit(self) -> Deposit:
        """Something to write bytes into, one piece after another; `keep` takes it in."""
        return Deposit(self._begun)

    def keep(self, deposit: Deposit, digest: str = "") -> str:
        """Takes in what was written; gives its digest.

        Args:
            digest: another name for it than the digest of its bytes, for what verifies itself.
        """
        try:
            name = digest or deposit.digest()
            path = self.path(name)
            if not digest and self._there(path, deposit.size):
                deposit.drop()
            else:
                self._rename(deposit.part(), path)
                deposit.moved()
        except OSError as error:
            raise self.refusal(error) from error
        finally:
            deposit.drop()
        return name

    def add(self, data: Buffer) -> str:
        """Keeps bytes that are in memory; gives their digest."""
        deposit = self.deposit()
        deposit.hold(data)
        return self.keep(deposit)

    def take(self, path: Path, digest: str, size: int) -> None:
        """Makes a file that lies on the same file system a part of the store, by a second name.

        The file becomes read-only. Raises OSError where links cannot be made.
        """
        target = self.path(digest)
        if self._there(target, size):
            return
        mode = path.stat().st_mode
        part = self._part()
        Path(self._parts).mkdir(parents=True, exist_ok=True)
        os.link(path, part, follow_symlinks=False)
        Path(part).chmod(0o555 if mode & stat.S_IXUSR else 0o444)
        self._rename(part, target)

    def copy(self, path: Path, digest: str, size: int) -> bool:
        """Copies a file that was hashed, unless its bytes are there already; whether it did.

        Raises:
            OSError: the file cannot be read.
            ArtifactError: the store cannot be written.
        """
        target = self.path(digest)
        runs = bool(path.stat().st_mode & stat.S_IXUSR)
        lacking = not self._there(target, size)
        if lacking:
            with path.open("rb", buffering=0) as source:
                try:
                    handle, part = self._begun()
                    try:
                        copy_bytes(source.fileno(), handle)
                        self._rename(part, target)
                    finally:
                        os.close(handle)
                        Path(part).unlink(missing_ok=True)
                except OSError as error:
                    raise self.refusal(error) from error
        if runs:
            with suppress(OSError):
                Path(target).chmod(0o555)
        return lacking

    def move(self, path: Path, digest: str, size: int) -> None:
        """Takes a file away from where it lies on the same file system. Raises OSError."""
        target = self.path(digest)
        if self._there(target, size):
            path.unlink()
            return
        path.chmod(0o444)
        self._rename(str(path), target)

    def read(self, digest: str, size: int | None = None) -> Buffer:
        """The verified bytes: small ones as bytes, large ones mapped, private to this process.

        Args:
            size: how many there are; another number is told without reading them.

        Raises:
            ArtifactError: missing, damaged (the file is moved to quarantine), or not readable.
        """
        handle, found = self._opened(digest)
        try:
            data: Buffer = (
                os.read(handle, found.st_size + 1)
                if found.st_size <= _SMALL
                else mmap.mmap(handle, 0, access=mmap.ACCESS_COPY)
            )
            if not self._remembered(digest, found):
                other = size is not None and found.st_size != size
                if other or hashlib.sha256(data).hexdigest() != digest:
                    raise self.damaged(digest, found)
                self._remember(digest, found)
        except OSError as error:
            raise self._unreadable(error, digest) from error
        finally:
            os.close(handle)
        return data

    def verify(self, digest: str) -> os.stat_result:
        """Reads a file without keeping it. Raises ArtifactError as `read`."""
        with self.whole(digest) as file:
            return os.fstat(file.fileno())

    def whole(self, digest: str) -> BufferedReader:
        """A verified file at its beginning, to be read piece by piece.

        Raises:
            ArtifactError: as `read`.
        """
        handle, found = self._opened(digest)
        file: BufferedReader = BufferedReader(FileIO(handle), _SMALL)
        try:
            if not self._remembered(digest, found):
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    raise self.damaged(digest, found)
                self._remember(digest, found)
                file.seek(0)
        except BaseException as error:
            file.close()
            if isinstance(error, OSError):
                raise self._unreadable(error, digest) from error
            raise
        return file

    def renew(self, digest: str) -> None:
        """Says that this process gave a verified file another name, which changed its times."""
        known = self._verified.get(digest)
        if known is not None:
            now = _state(Path(self.path(digest)).stat())
            if now[:-1] == known[:-1]:
                self._verified[digest] = now

    def raw(self, digest: str) -> bytes:
        """Bytes that verify themselves. Raises ArtifactError: missing, not readable."""
        handle, _ = self._opened(digest)
        try:
            with os.fdopen(handle, "rb") as file:
                return file.read()
        except OSError as error:
            raise self._unreadable(error, digest) from error

    def has(self, digest: str, size: int | None = None) -> bool:
        """Whether there is a file of that name, and of that size; nothing is read."""
        try:
            found = Path(self.path(digest)).stat()
        except OSError:
            return False
        return _is_readable(found) and (size is None or found.st_size == size)

    def damaged(self, digest: str, found: os.stat_result | None = None) -> ArtifactError:
        """Moves a file to quarantine, unless another has taken its place; the error to raise."""
        path = Path(self.path(digest))
        with suppress(OSError):
            if found is None or os.path.samestat(path.stat(), found):
                self._put_away(path)
        self._verified.pop(digest, None)
        return ArtifactError(
            f"artifact {digest[:12]} is damaged: its bytes do not have its digest {digest}",
            self._made_anew(),
            digest,
        )

    def stored(self) -> Iterator[Stored]:
        """Every file of the store."""
        with suppress(FileNotFoundError):
            for folder in sorted(os.scandir(self._base), key=lambda entry: entry.name):
                for entry in os.scandir(folder.path):
                    with suppress(FileNotFoundError):
                        found = entry.stat()
                        yield Stored(folder.name + entry.name, found.st_size, found.st_mtime)

    def remove(self, digest: str) -> int:
        """Deletes a file; gives the bytes that it took, 0 when there was none."""
        path = Path(self.path(digest))
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self.refusal(error) from error
        return size

    def tidy(self) -> None:
        """Deletes what processes that died have left half written."""
        limit = time.time() - STALE
        with suppress(FileNotFoundError):
            for entry in os.scandir(self._parts):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < limit:
                        Path(entry.path).unlink()

    def refusal(self, error: OSError) -> ArtifactError:
        """What to raise when the store cannot be written."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return ArtifactError(
            f"the artifact store {str(self.folder)!r} cannot be written: {error.strerror or error}",
            "free some space (lamina clean), then resume the run"
            if full
            else "see that the folder can be written, then resume the run",
        )

    def _unreadable(self, error: OSError, digest: str) -> ArtifactError:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        why = "is missing" if missing else f"cannot be read: {error.strerror or error}"
        spoilt = error.errno in _SPOILT
        if spoilt:
            with suppress(OSError):
                self._put_away(Path(self.path(digest)))
        return ArtifactError(
            f"artifact {digest[:12]} {why} in {str(self.folder)!r} (digest {digest})",
            self._made_anew() if spoilt else "run again: its producer makes it anew",
            digest,
        )

    def _opened(self, digest: str) -> tuple[int, os.stat_result]:
        """The file of a digest. Raises ArtifactError: missing, no file, not readable."""
        try:
            # A pipe that stands there would be waited for.
            handle = os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            found = os.fstat(handle)
            if stat.S_ISREG(found.st_mode):
                return handle, found
            os.close(handle)
            raise IsADirectoryError(errno.EISDIR, "it is no file")
        except OSError as error:
            raise self._unreadable(error, digest) from error

    def _put_away(self, path: Path) -> None:
        """Moves what stands in the place of a file to quarantine. Raises OSError."""
        away = self.folder / "quarantine" / f"{path.parent.name}{path.name}.{time.time_ns()}"
        away.parent.mkdir(parents=True, exist_ok=True)
        path.rename(away)

    def _made_anew(self) -> str:
        place = str(self.folder / "quarantine")
        return f"run again: its producer makes it anew; the damaged file is kept in {place!r}"

    def _there(self, path: str, size: int) -> bool:
        """Whether these bytes are kept already; says that they are still in use."""
        try:
            found = os.stat(path)  # noqa: PTH116 - a Path costs more than the call
            if found.st_size != size or not _is_readable(found):
                return False
            os.utime(path)
        except OSError as error:
            return isinstance(error, PermissionError)
        return True

    def _part(self) -> str:
        """A new name for a temporary file."""
        return f"{self._parts}/{os.getpid()}-{secrets.token_hex(6)}"

    def _begun(self) -> tuple[int, str]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        part = self._part()
        try:
            return os.open(part, flags, 0o444), part
        except FileNotFoundError:
            Path(self._parts).mkdir(parents=True, exist_ok=True)
            return os.open(part, flags, 0o444), part

    def _rename(self, part: str, path: str) -> None:
        try:
            os.rename(part, path)  # noqa: PTH104 - a Path costs more than the call
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(part).rename(path)
        except IsADirectoryError:
            self._put_away(Path(path))
            Path(part).rename(path)

    def _remembered(self, digest: str, found: os.stat_result) -> bool:
        return self._verified.get(digest) == _state(found)

    def _remember(self, digest: str, found: os.stat_result) -> None:
        newest = max(found.st_mtime_ns, found.st_ctime_ns)
        if found.st_size <= _SMALL or time.time_ns() - newest < _SETTLED:
            return
        if len(self._verified) >= _REMEMBERED:
            self._verified.pop(next(iter(self._verified)))
        self._verified[digest] = _state(found)


def _is_readable(found: os.stat_result) -> bool:
    """Whether it is a file that its owner may read."""
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & stat.S_IRUSR)


def _state(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def digest_of_file(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file's bytes. Raises OSError."""
    state = hashlib.sha256()
    size = 0
    with path.open("rb", buffering=0) as file:
        while part := file.read(CHUNK):
            state.update(part)
            size += len(part)
    return state.hexdigest(), size
