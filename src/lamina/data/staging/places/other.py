"""Files of any other protocol that fsspec knows, with what all its file systems can."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamina.data.staging.address import Address
from lamina.data.staging.places import Place, Stat, Write, forbidden, missing
from lamina.data.staging.policy import Policy
from lamina.errors import MissingExtraError, StagingError

_VERSIONS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "mtime", "created")


class Other(Place):
    """A file system of fsspec, with its own settings from the environment.

    Raises:
        StagingError: a protocol that fsspec does not know.
        MissingExtraError: one whose library is not installed.
    """

    def __init__(self, protocol: str) -> None:
        import fsspec

        try:
            self._system: Any = fsspec.filesystem(protocol)
        except ImportError as error:
            raise MissingExtraError(error.name or "a library", "remote", protocol) from error
        except ValueError as error:
            raise StagingError(
                f"no library knows the protocol {protocol!r}", "use https, s3 or sftp"
            ) from error

    def stat(self, files: Sequence[Address], policy: Policy) -> list[Stat | StagingError]:
        """One after the other."""
        return [self._stat(file) for file in files]

    def read(self, file: Address, part: tuple[int, int | None], version: str, write: Write) -> None:
        """A part, in memory."""
        try:
            write(self._system.cat_file(file.url, start=part[0], end=part[1]))
        except FileNotFoundError:
            raise missing(file) from None
        except PermissionError as error:
            raise forbidden(file, str(error)) from error

    def send(self, source: Path, target: Address, policy: Policy) -> None:
        """A whole file."""
        policy.tried(lambda: self._system.put_file(str(source), target.url), f"writing {target}")

    def _stat(self, file: Address) -> Stat | StagingError:
        try:
            told = self._system.info(file.url)
        except FileNotFoundError:
            return missing(file)
        except PermissionError as error:
            return forbidden(file, str(error))
        version = next((str(told[key]) for key in _VERSIONS if told.get(key)), "")
        return Stat(told.get("size"), version)
