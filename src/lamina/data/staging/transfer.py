"""Bringing files here and sending them away, timed; many asked after at once."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lamina.data.staging.address import Address, address, unlike
from lamina.data.staging.partial import Partial, Range
from lamina.data.staging.places import Place, Stat, place_of
from lamina.data.staging.policy import NoPartsError, Policy
from lamina.errors import StagingError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Transfer:
    """A file that was brought or sent.

    Args:
        url: without secrets.
        path: here.
        size: bytes of the whole file.
        resumed: bytes of it that an earlier transfer had brought.
        seconds: that it took.
        sha256: of its content, in hexadecimal.
    """

    url: str
    path: Path
    size: int
    resumed: int
    seconds: float
    sha256: str


DEFAULT = Policy()


def stat_many(urls: Iterable[str], policy: Policy = DEFAULT) -> dict[str, Stat | StagingError]:
    """What is known of many files: one listing, or many requests at once, per host or bucket.

    Returns:
        Address as given -> what its place says, or why there is no such file.

    Raises:
        StagingError: a place that cannot be reached at all, or an address that is none.
    """
    given = {url: address(url) for url in urls}
    groups: dict[str, list[str]] = defaultdict(list)
    for url, file in given.items():
        groups[file.site].append(url)

    def asked(members: list[str]) -> list[Stat | StagingError]:
        files = [given[url] for url in members]
        place = place_of(files[0].protocol)
        return policy.tried(lambda: place.stat(files, policy), f"asking {files[0].site}")

    found: dict[str, Stat | StagingError] = {}
    with ThreadPoolExecutor(max(1, min(8, len(groups))), "lamina-stat") as pool:
        for members, answers in zip(groups.values(), pool.map(asked, groups.values()), strict=True):
            found.update(zip(members, answers, strict=True))
    return {url: found[url] for url in given}


def stat(file: Address, policy: Policy = DEFAULT) -> Stat:
    """What is known of one file. Raises StagingError."""
    place = place_of(file.protocol)
    found = policy.tried(lambda: place.stat([file], policy), f"asking for {file}")[0]
    if isinstance(found, StagingError):
        raise found
    return found


def identity(file: Address, found: Stat) -> str:
    """A digest that stands for the content of a file nobody has read: of its address, size and
    version. Empty where the place tells no version: only the content itself tells then."""
    if file.sha256:
        return file.sha256
    if not found.version or found.size is None:
        return ""
    text = json.dumps(["lamina remote", file.url, found.size, found.version])
    return hashlib.sha256(text.encode()).hexdigest()


def at_once(action: Callable[[T], R], items: Sequence[T], most: int) -> list[R]:
    """What an action gives for each item, in order; the first error ends what has not begun.

    Args:
        most: how many go at the same time.
    """
    failed: list[BaseException] = []

    def one(item: T) -> R:
        if failed:
            raise failed[0]
        try:
            return action(item)
        except BaseException as error:
            failed.append(error)
            raise

    with ThreadPoolExecutor(max(1, min(most, len(items))), "lamina-fetch") as pool:
        try:
            return list(pool.map(one, items))
        except BaseException as error:  # a Ctrl-C here ends the others too
            failed.append(error)
            raise


def fetch(url: str, target: Path, policy: Policy = DEFAULT, found: Stat | None = None) -> Transfer:
    """Brings a file: parts of it at once, whole or not at all.

    What has come stays in a partial file beside the target until it is whole, also when this
    process is killed, and is not brought again while the file there is the same.

    Args:
        url: may promise the content: `...#sha256=<64 digits>`.
        target: path to be written; an old file there is replaced.
        found: what its place has just said of it; it is asked when None.

    Raises:
        StagingError: it is not there, may not be read, does not come, or changes meanwhile; or
            the disk does not take it.
        ChecksumError: its content is not the promised one.
        MissingExtraError: the protocol's library is not installed.
    """
    began = time.monotonic()
    file = address(url)
    if found is None:
        found = stat(file, policy)
    place = place_of(file.protocol)
    try:
        partial = Partial(target, f"{file.url} {found.version}", found.size)
        keep = found.size is not None
        try:
            _fill(place, file, found, partial, policy)
            digest = partial.digest()
            if file.sha256 and digest != file.sha256:
                keep = False
                raise unlike(file, str(file), digest)
            size = partial.finish()
        finally:
            partial.close(keep)
    except OSError as error:
        raise StagingError(
            f"{str(target)!r} cannot be written: {error.strerror or error}",
            "mend that, then resume the run: what has come stays",
        ) from error
    return Transfer(str(file), target, size, partial.resumed, time.monotonic() - began, digest)


def send(path: Path, url: str, policy: Policy = DEFAULT) -> Transfer:
    """Sends a file; parts of a large one at once where the protocol can.

    Raises:
        StagingError: it cannot be written there, or the place has another size than was sent.
        MissingExtraError: the protocol's library is not installed.
    """
    began = time.monotonic()
    file = address(url)
    with path.open("rb", buffering=0) as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    if file.sha256 and file.sha256 != digest:
        raise unlike(file, str(path), digest)
    place_of(file.protocol).send(path, file, policy)
    size = path.stat().st_size
    there = stat(file, policy).size
    if there is not None and there != size:
        raise StagingError(f"{file} has {there} bytes, and {size} were sent", "send it again")
    return Transfer(str(file), path, size, 0, time.monotonic() - began, digest)


def _fill(place: Place, file: Address, found: Stat, partial: Partial, policy: Policy) -> None:
    """Brings all that is missing."""
    missing = partial.missing(policy.block) if found.size is not None and found.ranges else None
    try:
        if missing is not None and len(missing) > 1:
            _parts(place, file, found, partial, missing, policy)
        elif missing is not None:
            for part in missing:
                _part(place, file, found, partial, part, policy)
    except NoPartsError as error:
        policy.told(f"reading {file}: {error}; it is read as a whole")
        missing = None
    if missing is None:
        policy.tried(lambda: _stream(place, file, found, partial), f"reading {file}")


def _parts(
    place: Place, file: Address, found: Stat, partial: Partial, missing: list[Range], policy: Policy
) -> None:
    """Brings parts, several at once."""
    at_once(
        lambda part: _part(place, file, found, partial, part, policy), missing, policy.connections
    )


def _part(
    place: Place, file: Address, found: Stat, partial: Partial, part: Range, policy: Policy
) -> None:
    """Brings one part; after a lost connection it goes on where that ended."""
    start, end = part
    at = start

    def write(data: bytes) -> None:
        nonlocal at
        if at + len(data) > end:
            raise ConnectionError("more bytes come than were asked for")
        partial.write(at, data)
        at += len(data)

    def read() -> None:
        place.read(file, (at, end), found.version, write)
        if at < end:
            raise ConnectionError(f"the connection ended at byte {at} of {end}")

    try:
        policy.tried(read, f"reading {file}", lambda: at)
    finally:
        partial.came(start, at)


def _stream(place: Place, file: Address, found: Stat, partial: Partial) -> None:
    """Brings all of a file that cannot be read in parts."""
    partial.anew()
    at = 0

    def write(data: bytes) -> None:
        nonlocal at
        partial.write(at, data)
        at += len(data)

    place.read(file, (0, None), found.version, write)
    if found.size is not None and at != found.size:
        raise ConnectionError(f"{at} of {found.size} bytes came")
