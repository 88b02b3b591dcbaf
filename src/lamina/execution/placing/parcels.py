"""Values of a task on their way to a pod and back: references, and the bytes that they stand for.

What would have to run code when it is read (a pickle) does not travel: neither side takes it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import ArtifactError, UsageError

MOST = 45_000_000
"""Bytes that travel at once: as text they are a third more, and a pod takes 64 MB of a request."""


def packed(artifacts: Artifacts, refs: Mapping[str, Ref]) -> dict[str, Any]:
    """Values as plain data: `refs` by port, `blobs` by digest.

    Args:
        artifacts: the store that holds all of them.
        refs: by port.

    Raises:
        UsageError: they are too large, or of a kind that runs code when it is read.
        ArtifactError: one is missing or damaged.
    """
    digests = sorted(artifacts.digests(refs.values()))
    blobs: dict[str, str] = {}
    size = 0
    for digest in digests:
        data = artifacts.objects.raw(digest)
        size += len(data)
        if size > MOST:
            told = ", ".join(f"{name} {ref.size / 1e6:.1f} MB" for name, ref in refs.items())
            raise UsageError(
                f"its values are more than {MOST / 1e6:.0f} MB, which go to a pod at once: {told}",
                "divide it with `placement: {items: PORT}`, or keep it on other runtimes by labels",
            )
        blobs[digest] = base64.b64encode(data).decode("ascii")
    for name, ref in refs.items():
        _read(artifacts, name, ref)
    return {"refs": {name: ref.to_json() for name, ref in refs.items()}, "blobs": blobs}


def unpacked(artifacts: Artifacts, parcel: Mapping[str, Any]) -> dict[str, Ref]:
    """References by port, once their bytes are in a store: each is what its digest says.

    Raises:
        UsageError: a parcel that is none, or holds what runs code when it is read.
        ArtifactError: bytes that are not those that were promised.
    """
    try:
        blobs = {name: base64.b64decode(one, validate=True) for name, one in
                 parcel["blobs"].items()}  # fmt: skip
        refs = {str(name): Ref.from_json(one) for name, one in parcel["refs"].items()}
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise UsageError(f"what came is no parcel of values: {error!r}") from error
    for digest, data in blobs.items():
        if sha256(data).hexdigest() != digest:
            raise ArtifactError(f"artifact {digest[:12]} came with other bytes", "send it again")
        artifacts.objects.add(data)
    for name, ref in refs.items():
        if ref.origin:
            raise UsageError(f"port {name!r} came as a place, not as bytes", "send its bytes")
        _read(artifacts, name, ref)
    return refs


def _read(artifacts: Artifacts, name: str, ref: Ref) -> Any:
    """The value; what would run code is refused."""
    try:
        return artifacts.get(ref, trusted=False)
    except ArtifactError as error:
        raise UsageError(
            f"port {name!r} cannot go between here and a pod: {error.message}",
            "hand over plain values, arrays, tables or files; or keep the task on other runtimes",
        ) from error
