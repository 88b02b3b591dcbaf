"""Files of S3 and of servers that speak like it, through fsspec's s3fs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, NoCredentialsError, PartialCredentialsError
from fsspec.asyn import sync
from s3fs import S3FileSystem

from lamina.data.staging.address import Address
from lamina.data.staging.places import Place, Stat, Write, changed, forbidden, missing
from lamina.data.staging.policy import Policy
from lamina.errors import StagingError

_PIECE = 1 << 18
_AT_ONCE = 32
_LISTED = 50
_PAGE = 1000
_SMALL = 16 << 20
_PART = 8 << 20
_PARTS = 10_000
_CONFIG = {
    "connect_timeout": 15,
    "read_timeout": 30,
    "max_pool_connections": 64,
    "retries": {"total_max_attempts": 1},
}


class S3(Place):
    """Buckets. Keys, region and endpoint are those of the environment (AWS_...) and ~/.aws."""

    def __init__(self) -> None:
        self._system = S3FileSystem(config_kwargs=_CONFIG, skip_instance_cache=True)
        self._system.retries = 1

    def stat(self, files: Sequence[Address], policy: Policy) -> list[Stat | StagingError]:
        """Many files of a bucket are found in its listing, a thousand at a time."""
        buckets: dict[str, list[int]] = defaultdict(list)
        for number, file in enumerate(files):
            buckets[file.site].append(number)
        found: list[Stat | StagingError] = [missing(file) for file in files]
        for numbers in buckets.values():
            wanted = [files[number] for number in numbers]
            told = sync(self._system.loop, self._bucket, wanted)
            for number, file in zip(numbers, wanted, strict=True):
                found[number] = told[file.url]
        return found

    def read(self, file: Address, part: tuple[int, int | None], version: str, write: Write) -> None:
        """A part of one version, by its entity tag."""
        sync(self._system.loop, self._read, file, part, version, write)

    def send(self, source: Path, target: Address, policy: Policy) -> None:
        """In one request, or in parts at once; the server checks the MD5 of each."""
        size = source.stat().st_size
        if size <= _SMALL:
            body = source.read_bytes()
            policy.tried(
                lambda: self._call("put_object", target, Body=body, ContentMD5=_md5(body)),
                f"writing {target}",
            )
        else:
            self._in_parts(source, size, target, policy)

    def _in_parts(self, source: Path, size: int, target: Address, policy: Policy) -> None:
        upload = policy.tried(
            lambda: self._call("create_multipart_upload", target)["UploadId"], f"writing {target}"
        )
        length = max(_PART, -(-size // _PARTS))

        def one(number: int) -> dict[str, Any]:
            with source.open("rb") as file:
                body = os.pread(file.fileno(), length, (number - 1) * length)
            answer = policy.tried(
                lambda: self._call(
                    "upload_part",
                    target,
                    UploadId=upload,
                    PartNumber=number,
                    Body=body,
                    ContentMD5=_md5(body),
                ),
                f"writing part {number} of {target}",
            )
            return {"PartNumber": number, "ETag": answer["ETag"]}

        try:
            with ThreadPoolExecutor(policy.connections, "lamina-send") as pool:
                parts = list(pool.map(one, range(1, -(-size // length) + 1)))
            policy.tried(
                lambda: self._call(
                    "complete_multipart_upload",
                    target,
                    UploadId=upload,
                    MultipartUpload={"Parts": parts},
                ),
                f"ending {target}",
            )
        except BaseException:
            with suppress(Exception):
                self._call("abort_multipart_upload", target, UploadId=upload)
            raise

    def _call(self, name: str, file: Address, **entries: Any) -> Any:
        return sync(self._system.loop, self._called, name, file, entries)

    async def _called(self, name: str, file: Address, entries: dict[str, Any]) -> Any:
        """One request; what is lasting becomes a StagingError."""
        try:
            return await self._system._call_s3(
                name, Bucket=_bucket(file), **{"Key": _key(file), **entries}
            )
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise forbidden(file, str(error)) from error
        except FileNotFoundError:
            raise missing(file) from None
        except PermissionError as error:
            raise forbidden(file, str(error)) from error
        except OSError as error:
            code = _code(error)
            if code in ("PreconditionFailed", "412", "InvalidRange"):
                raise changed(file) from error
            if code in ("InvalidBucketName", "MethodNotAllowed", "InvalidRequest"):
                raise StagingError(f"{file}: {error}", "check the address") from error
            raise

    async def _read(
        self, file: Address, part: tuple[int, int | None], version: str, write: Write
    ) -> None:
        start, end = part
        entries = {"IfMatch": version} if version else {}
        if start or end is not None:
            entries["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        answer = await self._called("get_object", file, entries)
        async with answer["Body"] as body:
            while data := await body.read(_PIECE):
                write(data)

    async def _bucket(self, files: Sequence[Address]) -> dict[str, Stat | StagingError]:
        found: dict[str, Stat | StagingError] = {}
        if len(files) >= _LISTED:
            with suppress(StagingError):  # one may be allowed to read, and not to list
                found = await self._listed(files)
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(file: Address) -> None:
            async with room:
                try:
                    answer = await self._called("head_object", file, {})
                    found[file.url] = Stat(answer["ContentLength"], answer.get("ETag", ""))
                except StagingError as error:
                    found[file.url] = error

        await asyncio.gather(*(one(file) for file in files if file.url not in found))
        return found

    async def _listed(self, files: Sequence[Address]) -> dict[str, Stat | StagingError]:
        """What a listing tells; it ends where asking for each file is the shorter way."""
        by_key: dict[str, list[Address]] = defaultdict(list)
        for file in files:
            by_key[_key(file)].append(file)
        first, last = min(by_key), max(by_key)
        prefix = os.path.commonprefix([first, last])  # noqa: RUF071 - of letters, not folders
        found: dict[str, Stat | StagingError] = {}
        entries: dict[str, Any] = {"Prefix": prefix, "MaxKeys": _PAGE}
        for _ in range(len(by_key) // _LISTED + 2):
            answer = await self._called("list_objects_v2", files[0], entries)
            seen = ""
            for item in answer.get("Contents", ()):
                seen = item["Key"]
                for file in by_key.get(seen, ()):
                    found[file.url] = Stat(item["Size"], item.get("ETag", ""))
            if not answer.get("IsTruncated") or seen >= last:
                return {**{file.url: missing(file) for file in files}, **found}
            entries["ContinuationToken"] = answer["NextContinuationToken"]
        return found


def _bucket(file: Address) -> str:
    return urlsplit(file.url).netloc


def _key(file: Address) -> str:
    return file.path.removeprefix("/")


def _md5(data: bytes) -> str:
    """The checksum that S3 asks for; nothing is kept secret by it."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _code(error: BaseException) -> str:
    cause = error.__cause__
    if isinstance(cause, ClientError):
        return str(cause.response.get("Error", {}).get("Code", ""))
    return ""
