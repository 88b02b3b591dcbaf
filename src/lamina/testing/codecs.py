"""Conformance of codecs: what any entry of `lamina.codecs` must keep."""

from __future__ import annotations

import io
import mmap
from collections.abc import Callable
from typing import Any

from lamina.data.artifacts.codecs import Codec


def check_codec(made: Codec, value: Any, same: Callable[[Any, Any], bool]) -> None:
    """Holds a codec to its contract.

    What it writes it reads back, from bytes and from a mapped file; the bytes of a safe codec are
    the same each time; writing changes nothing; bytes that are cut short give no other value.

    Args:
        made: the codec under test.
        value: one that fits it.
        same: whether two values are the same.

    Raises:
        AssertionError: says what does not hold.
    """
    assert made.fits(value), f"it does not take {value!r:.60}"
    data = _written(made, value)
    assert same(made.read(data), value), f"{value!r:.60} changed on its way"
    assert not made.safe or _written(made, value) == data, "the same value gives other bytes"
    with mmap.mmap(-1, max(1, len(data))) as mapped:
        mapped.write(data)
        if data:
            found = made.read(memoryview(mapped)[:].toreadonly().tobytes())
            assert same(found, value), "it reads other values from a mapped file"
    assert same(made.read(_written(made, value)), value), "writing changed the value"
    for end in {len(data) // 2, 1} - {0, len(data)}:
        _refuses(made, data[:end], value, same)


def _written(made: Codec, value: Any) -> bytes:
    sink = io.BytesIO()
    made.write(value, sink)
    return sink.getvalue()


def _refuses(made: Codec, data: bytes, value: Any, same: Callable[[Any, Any], bool]) -> None:
    try:
        found = made.read(data)
    except Exception:  # the store words what a codec raises
        return
    assert len(data) == 0 or not same(found, value), f"{len(data)} bytes are enough for the value"
