"""Files of any other protocol that fsspec knows, with what all its file systems can."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamina.data.staging.address import Address
from lamina.data.staging.places import Place, Stat, Write, forbidden, missing
from lamina.data.staging.policy import Policy
from lamina.errors import StagingError

_VERSIONS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "mtime", "modify", "created")


class Other(Place):
    """A file system of fsspec, with its own settings from the environment.

    Raises:
        StagingError: a protocol that fsspec does not know, or whose library is not installed.
    """

    def __init__(self, protocol: str) -> None:
        import fsspec

        try:
            fsspec.get_filesystem_class(protocol)
        except ImportError as error:
            raise StagingError(
                f"files of {protocol}:// need a library that is not installed: {error}",
                "install it beside Lamina, or use https, s3 or sftp",
            ) from error
        except ValueError as error:
            raise StagingError(
                f"no library knows the protocol {protocol!r}", "use https, s3 or sftp"
            ) from error
        self._systems: dict[str, Any] = {}
        # Not every file system may be used by several threads at once.
        self._lock = threading.Lock()

    def stat(self, files: Sequence[Address], policy: Policy) -> list[Stat | StagingError]:
        """One after the other."""
        return [self._stat(file) for file in files]

    def read(self, file: Address, part: tuple[int, int | None], version: str, write: Write) -> None:
        """A part, in memory."""
        try:
            with self._lock:
                system, path = self._system(file)
                data = system.cat_file(path, start=part[0], end=part[1])
        except FileNotFoundError:
            raise missing(file) from None
        except PermissionError as error:
            raise forbidden(file, str(error)) from error
        write(data)

    def send(self, source: Path, target: Address, policy: Policy) -> None:
        """A whole file."""

        def put() -> None:
            with self._lock:
                system, path = self._system(target)
                with suppress(NotImplementedError, OSError):
                    system.makedirs(path.rpartition("/")[0], exist_ok=True)
                system.put_file(str(source), path)

        policy.tried(put, f"writing {target}")

    def _system(self, file: Address) -> tuple[Any, str]:
        """The file system of a host, connected once, and the path there."""
        from fsspec.core import url_to_fs

        if file.site not in self._systems:
            self._systems[file.site] = url_to_fs(file.url)[0]
        system = self._systems[file.site]
        return system, str(system._strip_protocol(file.url))

    def _stat(self, file: Address) -> Stat | StagingError:
        try:
            with self._lock:
                system, path = self._system(file)
                told = system.info(path)
        except FileNotFoundError:
            return missing(file)
        except PermissionError as error:
            return forbidden(file, str(error))
        version = next((str(told[key]) for key in _VERSIONS if told.get(key)), "")
        return Stat(told.get("size"), version)
