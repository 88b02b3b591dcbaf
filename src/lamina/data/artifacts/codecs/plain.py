"""Bytes as they are."""

from __future__ import annotations

from typing import Any

from lamina.data.artifacts.codecs import Codec, Sink, hold
from lamina.data.artifacts.deposit import Buffer


class Bytes(Codec):
    """Bytes objects."""

    def write(self, value: Any, sink: Sink) -> None:
        """The bytes."""
        hold(sink, value)

    def read(self, data: Buffer) -> Any:
        """The bytes."""
        return bytes(data)


BYTES = Bytes()
