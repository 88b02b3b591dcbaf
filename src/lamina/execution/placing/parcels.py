"""Values of a task on their way to a pod and back: references, and the bytes that they stand for.

What would have to run code when it is read (a pickle) does not travel: neither side takes it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from lamina.data.artifacts import lists
from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import ArtifactError, UsageError

MOST = 45_000_000
"""Bytes that travel at once: as text they are a third more, and a pod takes 64 MB of a request."""


def packed(artifacts: Artifacts, refs: Mapping[str, Ref]) -> dict[str, Any]:
    """Values as plain data: `refs` by port, `blobs` by digest, and the items of `lists` by theirs,
    which is that of the items and not of the bytes.

    Args:
        artifacts: the store that holds all of them.
        refs: by port.

    Raises:
        UsageError: they are too large, or of a kind that runs code when it is read.
        ArtifactError: one is missing or damaged.
    """
    found = artifacts.within(refs.values())
    listed = {
        ref.digest: [item.to_json() for item in artifacts.items(ref)]
        for ref in found
        if ref.codec == "list"
    }
    blobs: dict[str, str] = {}
    size = 0
    for digest in sorted(artifacts.digests(refs.values()) - listed.keys()):
        data = artifacts.objects.raw(digest)
        size += len(data)
        if size > MOST:
            sizes = ", ".join(f"{name} {ref.size / 1e6:.1f} MB" for name, ref in refs.items())
            raise UsageError(
                f"its values are more than {MOST / 1e6:.0f} MB, which go to a pod at once: {sizes}",
                "divide it with `placement: {items: PORT}`, or keep it on other runtimes by labels",
            )
        blobs[digest] = base64.b64encode(data).decode("ascii")
    for name, ref in refs.items():
        _read(artifacts, name, ref)
    told = {name: ref.to_json() for name, ref in refs.items()}
    return {"refs": told, "blobs": blobs, "lists": listed}


def unpacked(artifacts: Artifacts, parcel: Mapping[str, Any]) -> dict[str, Ref]:
    """References by port, once their bytes are in a store: each is what its digest says.

    Raises:
        UsageError: a parcel that is none, or holds what runs code when it is read.
        ArtifactError: bytes that are not those that were promised.
    """
    try:
        refs = {str(name): Ref.from_json(one) for name, one in parcel["refs"].items()}
        _keep(artifacts, parcel)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise UsageError(f"what came is no parcel of values: {error!r}") from error
    for name, ref in refs.items():
        for part in artifacts.within([ref]):
            if part.origin or Path(part.name).name != part.name:
                raise UsageError(
                    f"port {name!r} came as a place ({part.origin or part.name!r}), not as bytes",
                    "send its bytes, and a file's own name alone",
                )
        _read(artifacts, name, ref)
    return refs


def _keep(artifacts: Artifacts, parcel: Mapping[str, Any]) -> None:
    """Puts bytes and lists into a store, if they are what their digests say."""
    for digest, text in parcel["blobs"].items():
        data = base64.b64decode(text, validate=True)
        if sha256(data).hexdigest() != digest:
            raise _other(digest)
        artifacts.objects.add(data)
    for digest, told in parcel["lists"].items():
        items = [Ref.from_json(one) for one in told]
        if lists.digest_of(items) != digest:
            raise _other(digest)
        lists.pack(artifacts.objects, items)


def _other(digest: str) -> ArtifactError:
    return ArtifactError(f"artifact {digest[:12]} came with other bytes", "send it again")


def _read(artifacts: Artifacts, name: str, ref: Ref) -> Any:
    """The value; what would run code is refused."""
    try:
        return artifacts.get(ref, trusted=False)
    except ArtifactError as error:
        raise UsageError(
            f"port {name!r} cannot go between here and a pod: {error.message}",
            "hand over plain values, arrays, tables or files; or keep the task on other runtimes",
        ) from error
