"""Lists of any values: a file of references, whose digest is made of the items' digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from lamina.data.artifacts.objects import Objects
from lamina.data.artifacts.reference import Ref


def digest_of(refs: Sequence[Ref]) -> str:
    """The digest of a list: of its items' codecs, digests and names, not of where they lie."""
    state = hashlib.sha256(b"lamina list\n")
    for ref in refs:
        state.update(f"{ref.codec} {ref.digest} {json.dumps(ref.name)}\n".encode())
    return state.hexdigest()


def pack(objects: Objects, refs: Sequence[Ref]) -> Ref:
    """Keeps a list. Written anew also where it is there: its files may lie elsewhere now."""
    digest = digest_of(refs)
    deposit = objects.deposit()
    try:
        deposit.write(_sealed(json.dumps([ref.to_json() for ref in refs]).encode()))
        objects.keep(deposit, digest)
    except OSError as error:
        raise objects.refusal(error) from error
    finally:
        deposit.drop()
    return Ref("list", digest, sum(ref.size for ref in refs), count=len(refs))


def unpack(objects: Objects, ref: Ref) -> list[Ref]:
    """The items. Raises ArtifactError: missing or damaged."""
    try:
        found = [Ref.from_json(entry) for entry in json.loads(_unsealed(objects.raw(ref.digest)))]
        short = [item for item in found if item.inline is not None]
        whole = digest_of(found) == ref.digest and all(
            hashlib.sha256(str(item.inline).encode()).hexdigest() == item.digest for item in short
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise objects.damaged(ref.digest)
    return found


def _sealed(body: bytes) -> bytes:
    """With a line that tells every change of it: the digest of the list leaves out where items
    lie, and whether they stand in the file itself."""
    return body + b"\n" + hashlib.sha256(body).hexdigest().encode()


def _unsealed(data: bytes) -> bytes:
    """The text of a file; those of earlier versions have no seal. Raises ValueError: changed."""
    body, line, seal = data.partition(b"\n")
    if line and hashlib.sha256(body).hexdigest().encode() != seal:
        raise ValueError("the list was changed")
    return body
