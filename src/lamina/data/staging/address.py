"""Addresses of files elsewhere: what is remote, what was promised, what must not be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from lamina.errors import ChecksumError, StagingError

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SECRET = re.compile(
    r"sig$|signature|credential|token|secret|password|passwd|api[-_]?key|access[-_]?key", re.I
)
_SHA256 = re.compile(r"sha-?256=([0-9a-f]{64})", re.I)
_PROMISE = re.compile(r"(sha|md\d|crc|blake)[\w-]*=", re.I)
HIDDEN = "***"


@dataclass(frozen=True)
class Address:
    """Where a file is.

    Args:
        url: without what was promised of it.
        protocol: "s3", "https", ...
        sha256: promised digest in hexadecimal; empty when none is.
    """

    url: str
    protocol: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """The file's own name."""
        return unquote(PurePosixPath(urlsplit(self.url).path).name) or "file"

    @property
    def site(self) -> str:
        """Protocol and host, or bucket: what one connection serves."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def path(self) -> str:
        """What comes after the site; of a local file, its path."""
        parts = urlsplit(self.url)
        return unquote(parts.path)

    def __str__(self) -> str:
        return shown(self.url)


def is_remote(value: Any) -> bool:
    """Whether a value is the address of a file elsewhere: a text such as s3://bucket/key."""
    return isinstance(value, str) and bool(_REMOTE.match(value)) and not is_local(value)


def is_local(value: Any) -> bool:
    """Whether a value is the address of a file here: file:///folder/name."""
    return isinstance(value, str) and value.lower().startswith("file://")


def address(url: str) -> Address:
    """What an address says: `https://host/name#sha256=<64 digits>` promises the content too.

    Raises:
        StagingError: no address, a promise that is no SHA-256, or a secret in it: addresses
            stand in the records of runs.
    """
    parts = urlsplit(url)
    promised = ""
    if _PROMISE.match(parts.fragment) or parts.fragment.startswith("sha256"):
        found = _SHA256.fullmatch(parts.fragment)
        if found is None:
            raise StagingError(
                f"{shown(url)!r} promises no SHA-256, and nothing else can be checked",
                "write #sha256= and 64 hexadecimal digits",
            )
        promised = found[1].lower()
        parts = parts._replace(fragment="")
        url = urlunsplit(parts)
    if not parts.scheme or not (parts.netloc or parts.scheme == "file"):
        raise StagingError(f"{shown(url)!r} is no address", "write one such as s3://bucket/key")
    if shown(url) != url:
        raise StagingError(
            f"the address {shown(url)} holds a secret, and addresses stand in the records of runs",
            "leave it out; credentials come from the environment, from fsspec's configuration, "
            "from ~/.netrc or ~/.ssh",
        )
    return Address(url, parts.scheme.lower(), promised)


def unlike(file: Address, what: str, digest: str) -> ChecksumError:
    """The error for a file whose content is not the promised one."""
    return ChecksumError(
        f"{what} is not the promised file: its SHA-256 is {digest}, and {file.sha256} was promised",
        "correct the promise, or find the file that it was made for",
    )


def local_path(url: str) -> Path:
    """The path of a file:// address."""
    return Path(unquote(urlsplit(url).path))


def shown(url: str) -> str:
    """An address with its secrets hidden: a password, the signature of a signed one."""
    try:
        parts = urlsplit(url)
        user, mark, host = parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
        netloc = f"{name}{colon}{HIDDEN if colon else ''}{mark}{host}"
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return HIDDEN
    query = parts.query
    if any(_SECRET.search(key) for key, _ in pairs):
        safe = [(key, HIDDEN if _SECRET.search(key) else value) for key, value in pairs]
        query = urlencode(safe, safe="*/:")
    return urlunsplit(parts._replace(netloc=netloc, query=query))
