"""Downloads: bytes of an address, within a time and a size; digests; files that appear whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

from lamina.errors import ChecksumError, DataError

TIMEOUT = 60.0
"""Seconds for one address in all."""

LARGEST = 256 << 20
"""Bytes of one download at most."""

CHUNK = 1 << 16


def download(address: str, *, timeout: float = TIMEOUT, largest: int = LARGEST) -> bytes:
    """The bytes behind an http or https address.

    Args:
        address: where; redirects are followed.
        timeout: seconds for the whole of it, also when the other side keeps dripping.
        largest: more bytes than this are refused.

    Raises:
        DataError: not reached, too slow, too large, cut short, or refused by the other side.
    """
    if not address.startswith(("http://", "https://")):
        raise DataError(f"address {address!r}", "give an http or https address")
    deadline = time.monotonic() + timeout
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "lamina"})
        with urllib.request.urlopen(request, timeout=timeout) as response:
            data = _received(response, address, deadline, largest)
            promised = response.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(
            f"{address} answers {error.code} {error.reason}", "try another mirror"
        ) from error
    except TimeoutError as error:
        raise _too_slow(address, timeout) from error
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, TimeoutError):
            raise _too_slow(address, timeout) from error
        raise DataError(f"{address} was not reached: {cause}", "is there a network?") from error
    if data is None:
        raise _too_slow(address, timeout)
    if promised is not None and promised.isdigit() and len(data) != int(promised):
        raise DataError(
            f"{address} was cut short: {len(data)} of {promised} bytes came", "try again"
        )
    return data


def digest_of(data: bytes) -> str:
    """The sha256 of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def check_digest(data: bytes, sha256: str, what: str, way_out: str) -> None:
    """Raises ChecksumError with both digests if the bytes are not the promised ones."""
    found = digest_of(data)
    if found != sha256:
        raise ChecksumError(
            f"{what} is not the promised file: sha256 is {found}, and {sha256} was promised",
            way_out,
        )


def write_whole(data: bytes, path: Path) -> None:
    """Writes a file so that it appears whole or not at all.

    Raises:
        DataError: a folder that cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise DataError(
            f"{str(path)!r} cannot be written: {error.strerror or error}",
            "give another folder, or set XDG_CACHE_HOME",
        ) from error
    finally:
        if partial.exists():
            partial.unlink()


def _received(
    response: http.client.HTTPResponse, address: str, deadline: float, largest: int
) -> bytes | None:
    """All bytes, or None past the deadline. read1 returns what is there, so drips are seen."""
    parts: list[bytes] = []
    size = 0
    while part := response.read1(CHUNK):
        parts.append(part)
        size += len(part)
        if size > largest:
            raise DataError(
                f"{address} gives more than {largest} bytes",
                "check the address, or raise `largest`",
            )
        if time.monotonic() > deadline:
            return None
    return b"".join(parts)


def _too_slow(address: str, timeout: float) -> DataError:
    return DataError(
        f"{address} did not answer whole within {timeout:g} s", "try again, or allow more time"
    )
