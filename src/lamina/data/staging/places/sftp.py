"""Files of other machines over SSH, through fsspec and paramiko."""

from __future__ import annotations

import hashlib
import logging
import posixpath
import stat as modes
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from lamina.data.staging.address import Address
from lamina.data.staging.places import Place, Stat, Write, changed, forbidden, missing
from lamina.data.staging.policy import Policy
from lamina.errors import StagingError

T = TypeVar("T")

# Its errors are raised too: nobody needs to read them twice.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

_PIECE = 32768
_LISTED = 8
_WAIT = 30.0
_CONNECTIONS = 8
"""To one server at a time: a server with its usual settings turns more than ten newcomers away."""


class _System(SFTPFileSystem):  # type: ignore[misc]
    """fsspec's file system, with the hosts, names and keys that `ssh` itself would use."""

    cachable = False

    def _connect(self) -> None:
        settings = _ssh_config(self.host)
        self.client = paramiko.SSHClient()
        self.client.load_system_host_keys()
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.client.connect(
            settings.get("hostname", self.host),
            port=int(self.ssh_kwargs.get("port") or settings.get("port", 22)),
            username=self.ssh_kwargs.get("username") or settings.get("user"),
            key_filename=settings.get("identityfile"),
            timeout=_WAIT,
            banner_timeout=_WAIT,
            auth_timeout=_WAIT,
        )
        self.ftp = self.client.open_sftp()
        self.ftp.get_channel().settimeout(_WAIT)


class Sftp(Place):
    """SSH servers. A few connections to each of them serve all threads, one at a time.

    A host that ~/.ssh/known_hosts does not know is refused.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: dict[str, list[_System]] = defaultdict(list)
        self._room: dict[str, threading.Semaphore] = defaultdict(
            lambda: threading.BoundedSemaphore(_CONNECTIONS)
        )

    def stat(self, files: Sequence[Address], policy: Policy) -> list[Stat | StagingError]:
        """A folder of which several files are asked for is listed once."""
        folders: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, file in enumerate(files):
            folders[file.site, posixpath.dirname(file.path)].append(number)
        found: list[Stat | StagingError] = [missing(file) for file in files]
        for (_, folder), numbers in folders.items():
            wanted = [files[number] for number in numbers]
            for number, one in zip(numbers, self._folder(wanted, folder), strict=True):
                found[number] = one
        return found

    def read(self, file: Address, part: tuple[int, int | None], version: str, write: Write) -> None:
        """A part; many requests are on their way at once."""

        def run(ftp: Any) -> None:
            with ftp.open(file.path, "rb") as source:
                found = source.stat()
                if version != str(found.st_mtime):
                    raise changed(file)
                start, end = part[0], found.st_size if part[1] is None else part[1]
                pieces = [(at, min(_PIECE, end - at)) for at in range(start, end, _PIECE)]
                source._prefetch_thread = _quiet(source._prefetch_thread)
                for data in source.readv(pieces, max_concurrent_prefetch_requests=64):
                    write(data)

        self._with(file, run)

    def send(self, source: Path, target: Address, policy: Policy) -> None:
        """Under a name that says its content first, then renamed; a lost line goes on there."""
        with source.open("rb", buffering=0) as file:
            mark = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        folder, name = posixpath.split(target.path)
        part = f"{folder}/.{name}.{mark}.part"
        sent = 0

        def run(ftp: Any) -> None:
            nonlocal sent
            _make_folder(ftp, folder)
            with ftp.open(part, "ab") as there, source.open("rb") as file:
                there.set_pipelined(True)
                done = there.stat().st_size
                file.seek(done)
                while data := file.read(_PIECE):
                    there.write(data)
                    sent += len(data)
            if ftp.stat(part).st_size != source.stat().st_size:
                ftp.remove(part)
                raise ConnectionError("fewer or more bytes are there than were sent")
            ftp.posix_rename(part, target.path)

        policy.tried(lambda: self._with(target, run), f"writing {target}", lambda: sent)

    def _folder(self, files: Sequence[Address], folder: str) -> list[Stat | StagingError]:
        def run(ftp: Any) -> list[Stat | StagingError]:
            if len(files) < _LISTED:
                return [_one(ftp, file) for file in files]
            try:
                entries = {entry.filename: entry for entry in ftp.listdir_attr(folder)}
            except FileNotFoundError:
                return [missing(file) for file in files]
            return [
                _told(entries[name], file)
                if (name := posixpath.basename(file.path)) in entries
                and not modes.S_ISLNK(entries[name].st_mode)
                else _one(ftp, file)
                for file in files
            ]

        return self._with(files[0], run)

    def _with(self, file: Address, run: Callable[[Any], T]) -> T:
        """Runs with a connection of its own, which is closed when something goes wrong."""
        with self._lock:
            room = self._room[file.site]
        with room:
            system = self._system(file)
            try:
                found = run(system.ftp)
            except Exception as error:
                if isinstance(error, (StagingError, FileNotFoundError, PermissionError)):
                    self._keep(file, system)
                else:
                    _close(system)
                raise _told_error(file, error) from error
            self._keep(file, system)
            return found

    def _system(self, file: Address) -> _System:
        """A connection that nobody uses, else a new one."""
        with self._lock:
            while self._free[file.site]:
                system = self._free[file.site].pop()
                transport = system.client.get_transport()
                if transport is not None and transport.is_active():
                    return system
        parts = urlsplit(file.url)
        try:
            return _System(parts.hostname, port=parts.port, username=parts.username)
        except Exception as error:
            raise _told_error(file, error) from error

    def _keep(self, file: Address, system: _System) -> None:
        with self._lock:
            self._free[file.site].append(system)


def _close(system: _System) -> None:
    with suppress(Exception):
        system.client.close()


def _told_error(file: Address, error: Exception) -> Exception:
    """What a failure means; the failure itself where another attempt may mend it."""
    if isinstance(error, FileNotFoundError):
        return missing(file)
    refused = (PermissionError, paramiko.BadHostKeyException, paramiko.AuthenticationException)
    if isinstance(error, refused):
        return forbidden(file, str(error))
    if isinstance(error, paramiko.SSHException) and "known_hosts" in str(error):
        host = urlsplit(file.url).hostname
        return StagingError(
            f"{file}: the host {host} is not in ~/.ssh/known_hosts",
            f"log in once with ssh {host}, and look at the key that it shows",
        )
    return error


def _quiet(ask: Callable[..., object]) -> Callable[..., None]:
    """The thread that asks for data ahead, without its last words on a line that broke: the
    reading thread gets the same error, and tells it."""

    def asking(*given: Any) -> None:
        with suppress(Exception):
            ask(*given)

    return asking


def _one(ftp: Any, file: Address) -> Stat | StagingError:
    try:
        return _told(ftp.stat(file.path), file)
    except FileNotFoundError:
        return missing(file)
    except PermissionError as error:
        return forbidden(file, str(error))


def _told(entry: Any, file: Address) -> Stat | StagingError:
    if modes.S_ISDIR(entry.st_mode):
        return StagingError(f"{file} is a folder", "give the address of a file")
    return Stat(entry.st_size, str(entry.st_mtime))


def _make_folder(ftp: Any, folder: str) -> None:
    for depth in range(2, folder.count("/") + 2):
        with suppress(OSError):
            ftp.mkdir("/".join(folder.split("/")[:depth]))


def _ssh_config(host: str) -> dict[str, Any]:
    path = Path("~/.ssh/config").expanduser()
    if not path.is_file():
        return {}
    with path.open() as file:
        config = paramiko.SSHConfig()
        config.parse(file)
    return dict(config.lookup(host))
