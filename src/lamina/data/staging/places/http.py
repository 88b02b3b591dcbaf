"""Files of web servers, through fsspec's sessions: ranges of one version, where a server can."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
from fsspec.asyn import sync
from fsspec.implementations.http import HTTPFileSystem

from lamina.data.staging.address import Address
from lamina.data.staging.places import Place, Stat, Write, changed, forbidden, missing
from lamina.data.staging.policy import NoPartsError, Policy
from lamina.errors import StagingError

_PIECE = 1 << 18
_AT_ONCE = 32
_PLAIN = {"Accept-Encoding": "identity"}
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=30)


class Http(Place):
    """Web servers. Proxies and credentials are those of the environment and of ~/.netrc."""

    def __init__(self) -> None:
        self._system = HTTPFileSystem(
            client_kwargs={"trust_env": True, "timeout": _TIMEOUT}, skip_instance_cache=True
        )

    def stat(self, files: Sequence[Address], policy: Policy) -> list[Stat | StagingError]:
        """One request per file, many at once."""
        found: list[Stat | StagingError] = sync(self._system.loop, self._stats, files)
        return found

    def read(self, file: Address, part: tuple[int, int | None], version: str, write: Write) -> None:
        """A part, or the whole where it begins at 0 and has no end."""
        sync(self._system.loop, self._read, file, part, version, write)

    def send(self, source: Path, target: Address, policy: Policy) -> None:
        """One PUT request."""
        policy.tried(
            lambda: sync(self._system.loop, self._put, source, target), f"writing {target}"
        )

    async def _stats(self, files: Sequence[Address]) -> list[Stat | StagingError]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(file: Address) -> Stat | StagingError:
            async with room:
                try:
                    return await self._stat(file)
                except StagingError as error:
                    return error

        return list(await asyncio.gather(*map(one, files)))

    async def _stat(self, file: Address) -> Stat:
        session = await self._system.set_session()
        async with session.head(file.url, headers=_PLAIN, allow_redirects=True) as answer:
            if answer.status not in (403, 405, 501):
                _check(answer, file)
                return _told(answer, answer.headers.get("Content-Length"))
        # Some servers know no HEAD, or sign addresses for GET alone: the first byte tells too.
        async with session.get(file.url, headers={**_PLAIN, "Range": "bytes=0-0"}) as answer:
            _check(answer, file)
            whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
            size = whole if answer.status == 206 else answer.headers.get("Content-Length")
            return _told(answer, size)

    async def _read(
        self, file: Address, part: tuple[int, int | None], version: str, write: Write
    ) -> None:
        start, end = part
        headers = dict(_PLAIN)
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        session = await self._system.set_session()
        async with session.get(file.url, headers=headers) as answer:
            _check(answer, file)
            if version and (found := _version(answer)) and found != version:
                raise changed(file)
            if "Range" in headers and answer.status != 206:
                raise NoPartsError("its server said that it gives parts, and gives none")
            async for data in answer.content.iter_chunked(_PIECE):
                write(data)

    async def _put(self, source: Path, target: Address) -> None:
        session = await self._system.set_session()
        with source.open("rb") as file:
            async with session.put(
                target.url, data=file, headers={"Content-Length": str(source.stat().st_size)}
            ) as answer:
                _check(answer, target)


def _check(answer: Any, file: Address) -> None:
    """Raises for an answer that is none: StagingError where it will stay so."""
    status = answer.status
    if status < 400:
        return
    if status in (404, 410):
        raise missing(file)
    if status in (401, 403, 407):
        raise forbidden(file, f"{status} {answer.reason}")
    if status in (412, 416):
        raise changed(file)
    if status in (408, 425, 429) or status >= 500:
        answer.raise_for_status()
    raise StagingError(f"{file}: its server answers {status} {answer.reason}", "check the address")


def _version(answer: Any) -> str:
    found: str = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
    return found


def _told(answer: Any, size: str | None) -> Stat:
    packed = answer.headers.get("Content-Encoding", "identity") not in ("", "identity")
    ranges = "bytes" in answer.headers.get("Accept-Ranges", "") or answer.status == 206
    known = size is not None and size.isdigit() and not packed
    return Stat(int(size or 0) if known else None, _version(answer), ranges and known)
