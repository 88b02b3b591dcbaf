"""Any other Python object: a pickle that the same user signed, opened where user code runs.

A pickle can run anything when it is opened. So it is opened only by workers and by the user's own
program, and only if it carries the signature (HMAC-SHA256) of the key that lies in this user's
home: one that came from elsewhere, with a copied project say, is refused.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, ClassVar

from lamina.data.artifacts.codecs import Codec, Sink
from lamina.data.artifacts.deposit import Buffer
from lamina.data.artifacts.signing import key
from lamina.errors import ArtifactError

_MAGIC = b"lamina-pickle/1\n"
_KEY = len(_MAGIC)
_MAC = _KEY + 8
_BODY = _MAC + 32


class Pickles(Codec):
    """Objects that can be pickled, functions and classes of `__main__` included."""

    safe: ClassVar[bool] = False

    def write(self, value: Any, sink: Sink) -> None:
        """Mark, name of the key, signature, pickle. Raises ArtifactError."""
        import cloudpickle

        try:
            body: bytes = cloudpickle.dumps(value, protocol=5)
        except Exception as error:  # what objects raise when they are pickled cannot be listed
            raise ArtifactError(
                f"a {type(value).__name__} cannot be kept: {type(error).__name__}: {error!s:.200}",
                "return plain values, arrays, tables, models or files, or an object that pickles",
            ) from error
        secret = key(make=True)
        sink.write(_MAGIC + _name(secret) + _signature(secret, body))
        sink.write(body)

    def read(self, data: Buffer) -> Any:
        """The object. Raises ArtifactError without this user's signature."""
        import pickle

        view = memoryview(data)
        if bytes(view[:_KEY]) != _MAGIC:
            raise ArtifactError("it is no signed pickle", "run again to make it anew")
        secret = key(make=False)
        if bytes(view[_KEY:_MAC]) != _name(secret):
            raise ArtifactError(
                "it is a pickle that carries the signature of another user or machine",
                "pickles of others are never opened: run again to make it anew",
            )
        body = view[_BODY:]
        if not hmac.compare_digest(_signature(secret, body), bytes(view[_MAC:_BODY])):
            raise ArtifactError("the signature of its pickle is wrong", "run again")
        return pickle.loads(body)


def _name(secret: bytes) -> bytes:
    """Which key it is, without giving it away."""
    return hashlib.sha256(b"name of key " + secret).digest()[:8]


def _signature(secret: bytes, body: Buffer) -> bytes:
    return hmac.digest(secret, body, "sha256")


PICKLES = Pickles()
