"""Frames: the items of a stream as bytes, one after the other, each checked on its own."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from zlib import crc32

from lamina.data.artifacts.codecs import CODECS, Codec, Sink, codec_of
from lamina.data.artifacts.deposit import Buffer
from lamina.errors import ArtifactError
from lamina.workflow.ports import keepable

MARK = b"lamina-stream/1\n"
"""How a stream begins."""

HEAD = struct.Struct("<2sBBIQ")
"""Before every item: a mark, bytes of the codec's name, bytes of filling, checksum, bytes."""

_MARK = b"\xd7F"
_JSON = b"json"
_END = b"end"
_LINE = 64
_TEXT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before an item.

    Args:
        name: bytes of the codec's name, that follow the head.
        filling: zeros between name and item, so that arrays begin where they are read fast.
        checksum: CRC-32 of name and item.
        size: bytes of the item.
    """

    name: int
    filling: int
    checksum: int
    size: int

    @property
    def rest(self) -> int:
        """Bytes of the frame behind its head."""
        return self.name + self.filling + self.size


class _Pieces:
    """A sink that keeps what is written into it."""

    closed = False

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: Buffer) -> int:
        view = memoryview(data).cast("B")
        self.pieces.append(bytes(view))
        return view.nbytes

    def flush(self) -> None:
        """Nothing: a file-like object has it."""

    def close(self) -> None:
        """Nothing: a file-like object has it."""


def framed(item: Any, at: int) -> list[bytes]:
    """An item as the pieces of a frame that begins at byte `at` of its stream.

    Raises:
        ArtifactError: an item that cannot be kept.
    """
    if _is_plain(item):
        return _frame(_JSON, [_TEXT(item).encode()], 0)
    name = codec_of(item)
    sink = _Pieces()
    CODECS.get(name).write(item, sink)
    word = name.encode()
    return _frame(word, sink.pieces, -(at + HEAD.size + len(word)) % _LINE)


def end_frame(count: int) -> list[bytes]:
    """The frame that ends a stream of `count` items."""
    return _frame(_END, [str(count).encode()], 0)


def head_of(data: Buffer) -> Head:
    """The head that these bytes are. Raises ArtifactError for others."""
    mark, *fields = HEAD.unpack(data)
    if mark != _MARK:
        raise _damaged("a frame does not begin as it should")
    return Head(*fields)


def item_of(head: Head, rest: Buffer) -> tuple[bool, Any]:
    """Whether the frame is an item, and the item; the count of items for the end.

    Raises:
        ArtifactError: the bytes are not those that were written.
    """
    view = memoryview(rest)
    word, body = bytes(view[: head.name]), view[head.name + head.filling :]
    if crc32(body, crc32(word)) != head.checksum:
        raise _damaged("the checksum of a frame is wrong")
    if word == _JSON:
        return True, json.loads(bytes(body))
    if word == _END:
        return False, int(bytes(body))
    try:
        return True, CODECS.get(word.decode()).read(body)
    except ArtifactError:
        raise
    except Exception as error:  # what a codec raises for odd bytes cannot be listed
        raise _damaged(f"an item of codec {word!r} cannot be read: {error}") from error


def items_of(data: Buffer) -> Iterator[Any]:
    """The items of a whole stream. Raises ArtifactError where it is damaged or not whole."""
    view = memoryview(data)
    if bytes(view[: len(MARK)]) != MARK:
        raise _damaged("it does not begin as a stream")
    at, count = len(MARK), 0
    while at + HEAD.size <= len(view):
        head = head_of(view[at : at + HEAD.size])
        at += HEAD.size
        if at + head.rest > len(view):
            break
        more, item = item_of(head, view[at : at + head.rest])
        at += head.rest
        if not more:
            if item != count:
                raise _damaged(f"it has {count} items and says {item}")
            return
        count += 1
        yield item
    raise _damaged("it has no end")


class Streams(Codec):
    """Finished streams; as a value, the list of their items."""

    safe: ClassVar[bool] = False

    def write(self, value: Any, sink: Sink) -> None:
        """The frames of the items, and the end."""
        at, count = sink.write(MARK), 0
        for item in value:
            at += sum(sink.write(piece) for piece in framed(item, at))
            count += 1
        for piece in end_frame(count):
            sink.write(piece)

    def read(self, data: Buffer) -> Any:
        """All items."""
        return list(items_of(data))


def _frame(word: bytes, pieces: list[bytes], filling: int) -> list[bytes]:
    checksum = crc32(word)
    for piece in pieces:
        checksum = crc32(piece, checksum)
    size = sum(map(len, pieces))
    head = HEAD.pack(_MARK, len(word), filling, checksum, size)
    return [head + word + bytes(filling), *pieces]


def _is_plain(item: Any) -> bool:
    """Whether JSON gives the very same item back: no tuples, no infinities."""
    kind = type(item)
    if kind in (list, dict):
        return _no_tuples(item) and keepable(item)
    return kind in (int, str, bool, float, type(None)) and keepable(item)


def _no_tuples(item: Any) -> bool:
    kind = type(item)
    if kind is dict:
        return all(map(_no_tuples, item.values()))
    if kind is list:
        return all(map(_no_tuples, item))
    return kind in (int, str, bool, float, type(None))


def _damaged(why: str) -> ArtifactError:
    return ArtifactError(f"a stream is damaged: {why}", "run again: its producer makes it anew")


STREAMS = Streams()
