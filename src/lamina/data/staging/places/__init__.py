"""Places that files come from and go to: one file per protocol, all through fsspec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lamina.data.staging.address import Address
from lamina.data.staging.policy import Policy
from lamina.errors import StagingError
from lamina.registry import Registry


@dataclass(frozen=True)
class Stat:
    """What a place says of a file.

    Args:
        size: bytes; None when it does not say.
        version: what changes with the content: an entity tag, else a time; empty when there is
            neither.
        ranges: whether parts of it can be read.
    """

    size: int | None
    version: str
    ranges: bool = True


class Write(Protocol):
    """Takes bytes that follow those before; raises OSError."""

    def __call__(self, data: bytes) -> object: ...


class Place(ABC):
    """Reads and writes files of one protocol; safe for many threads.

    Its methods raise StagingError for what will not change by trying again: no such file, no
    right to it, another version of it; `read` raises NoPartsError. They may raise anything else,
    and are tried again then.
    """

    @abstractmethod
    def stat(self, files: Sequence[Address], policy: Policy) -> list[Stat | StagingError]:
        """What is there, in order; asked for many at once."""

    @abstractmethod
    def read(self, file: Address, part: tuple[int, int | None], version: str, write: Write) -> None:
        """Reads bytes from begin to end (None: all that follow) of one version of a file."""

    @abstractmethod
    def send(self, source: Path, target: Address, policy: Policy) -> None:
        """Puts a file there, whole or not at all where the protocol can."""


PLACES: Registry[Callable[[], Place]] = Registry(
    "places",
    "protocol",
    {
        "file": "lamina.data.staging.places.local:Local",
        "http": "lamina.data.staging.places.http:Http",
        "https": "lamina.data.staging.places.http:Http",
        "s3": "lamina.data.staging.places.s3:S3",
        "s3a": "lamina.data.staging.places.s3:S3",
        "sftp": "lamina.data.staging.places.sftp:Sftp",
        "ssh": "lamina.data.staging.places.sftp:Sftp",
    },
    dict.fromkeys(("http", "https", "s3", "s3a", "sftp", "ssh"), "remote"),
)
"""Protocol -> class of its place. Protocols that stand here not go to fsspec as they are."""

_OPEN: dict[str, Place] = {}


def place_of(protocol: str) -> Place:
    """The place of a protocol, made once in a process.

    Raises:
        MissingExtraError: its library is not installed.
        StagingError: neither Lamina nor fsspec knows it.
    """
    if protocol not in _OPEN:
        if protocol in PLACES:
            _OPEN[protocol] = PLACES.get(protocol)()
        else:
            from lamina.data.staging.places.other import Other

            _OPEN[protocol] = Other(protocol)
    return _OPEN[protocol]


def missing(file: Address) -> StagingError:
    """The error for a file that is not there."""
    return StagingError(f"{file} is not there", "check the address")


def forbidden(file: Address, why: str = "") -> StagingError:
    """The error for a file that one may not read or write."""
    return StagingError(
        f"{file} is refused{f': {why}' if why else ''}",
        "see that the credentials in the environment, in fsspec's configuration, in ~/.netrc or "
        "~/.ssh are those of somebody who may",
    )


def changed(file: Address) -> StagingError:
    """The error for a file that is another one than when its transfer began."""
    return StagingError(
        f"{file} was replaced while it was read", "run again when it does not change any more"
    )
