"""Frames: the items of a stream as bytes, one after the other, each checked on its own."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
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
JSON = b"json"
"""Name of plain items."""

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
        return _frame(JSON, [_TEXT(item).encode()], 0)
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
    word, body = _parted(head, rest)
    return (False, int(bytes(body))) if word == _END else (True, _read(word, body))


def items_of(data: Buffer) -> Iterator[Any]:
    """The items of a whole stream. Raises ArtifactError where it is damaged or not whole."""
    view, at = memoryview(data), 0

    def piece(size: int) -> memoryview:
        nonlocal at
        found = view[at : at + size]
        at += len(found)
        return found

    return (_read(word, body) for word, body in _frames(piece))


def items_in(file: BufferedReader) -> Iterator[Any]:
    """The items of a whole stream, of which no more than one is in memory.

    Args:
        file: at its beginning; closed at the end.

    Raises:
        ArtifactError: it is damaged, or not whole.
    """
    return (_read(word, body) for word, body in kept_in(file))


def kept_in(file: BufferedReader) -> Iterator[tuple[bytes, Buffer]]:
    """The items of a whole stream as they are kept: name of the codec, bytes; nothing is run.

    Args:
        file: as for `items_in`.
    """
    whole = os.fstat(file.fileno()).st_size

    def piece(size: int) -> memoryview:
        found = bytearray(min(size, max(0, whole - file.tell())))
        return memoryview(found)[: file.readinto(found)]

    with file:
        yield from _frames(piece)


def _frames(piece: Callable[[int], memoryview]) -> Iterator[tuple[bytes, Buffer]]:
    """The frames of a stream up to its end; `piece` gives so many bytes, or what is left."""
    if bytes(piece(len(MARK))) != MARK:
        raise _damaged("it does not begin as a stream")
    count = 0
    while len(begin := piece(HEAD.size)) == HEAD.size:
        head = head_of(begin)
        rest = piece(head.rest)
        if len(rest) < head.rest:
            break
        word, body = _parted(head, rest)
        if word == _END:
            if int(bytes(body)) != count:
                raise _damaged(f"it has {count} items and says {int(bytes(body))}")
            return
        count += 1
        yield word, body
    raise _damaged("it has no end")


def _parted(head: Head, rest: Buffer) -> tuple[bytes, Buffer]:
    view = memoryview(rest)
    word, body = bytes(view[: head.name]), view[head.name + head.filling :]
    if crc32(body, crc32(word)) != head.checksum:
        raise _damaged("the checksum of a frame is wrong")
    return word, body


def _read(word: bytes, body: Buffer) -> Any:
    if word == JSON:
        return json.loads(bytes(body))
    try:
        return CODECS.get(word.decode()).read(body)
    except ArtifactError:
        raise
    except Exception as error:  # what a codec raises for odd bytes cannot be listed
        raise _damaged(f"an item of codec {word!r} cannot be read: {error}") from error


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
