"""Messages between processes: JSON with its length before it, over a socket."""

from __future__ import annotations

import json
import struct
from typing import Any

_LENGTH = struct.Struct("!I")
_MOST = 256 * 1024 * 1024
"""Bytes of the longest message; values of any size travel through the store of artifacts."""

LARGE = ("numpy", "lamina.data.artifacts.codecs.arrays")
"""Modules that many tasks need and that cost every process: a worker tells when it had to import
one, and its zygote imports it once for those that come later."""

_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)


def packed(message: dict[str, Any]) -> bytes:
    """The bytes of a message. Raises TypeError or ValueError for what JSON cannot hold."""
    body = _encoder.encode(message).encode("ascii")
    return _LENGTH.pack(len(body)) + body


class Inbox:
    """Puts the pieces that a socket gives together into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def take(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that are complete with these bytes.

        Raises:
            ValueError: no message of ours; whoever sent it cannot be listened to any more.
        """
        rest = self._rest
        rest += data
        found = []
        start = 0
        while len(rest) - start >= 4:
            (length,) = _LENGTH.unpack_from(rest, start)
            if length > _MOST:
                raise ValueError(f"a message of {length} bytes")
            end = start + 4 + length
            if len(rest) < end:
                break
            message = json.loads(rest[start + 4 : end])
            if not isinstance(message, dict):
                raise ValueError("a message that is no mapping")
            found.append(message)
            start = end
        if start:
            del rest[:start]
        return found
