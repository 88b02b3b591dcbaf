"""Arrays as NumPy's own files, mapped when they are read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from lamina.data.artifacts.codecs import Codec, Sink, hold
from lamina.data.artifacts.deposit import CHUNK, Buffer


class Arrays(Codec):
    """NumPy arrays of any type but Python objects."""

    def fits(self, value: Any) -> bool:
        """Whether the type can be written in a .npy file and nothing of it is lost."""
        kind = value.dtype
        if kind.hasobject or kind.metadata is not None or kind.kind == "T":
            return False
        told = npy.dtype_to_descr(kind)
        # The header of a .npy file of these versions is a short text of Latin letters.
        text = str(told)
        return len(text) < 1 << 15 and _latin(text) and bool(npy.descr_to_dtype(told) == kind)

    def write(self, value: Any, sink: Sink) -> None:
        """Header and elements; an array that is not in one piece is copied piece by piece."""
        array: NDArray[Any] = np.asarray(value)
        head = io.BytesIO()
        npy.write_array_header_1_0(head, npy.header_data_from_array_1_0(array))
        sink.write(head.getvalue())
        if array.size == 0 or array.dtype.itemsize == 0:
            return
        if array.flags.c_contiguous:
            hold(sink, _raw(array))
        elif array.flags.f_contiguous:
            hold(sink, _raw(array.T))
        else:
            for piece in _pieces(array):
                sink.write(_raw(np.ascontiguousarray(piece)))

    def read(self, data: Buffer) -> Any:
        """An array over the mapped bytes: writing to it changes this process's pages only."""
        file = io.BytesIO(memoryview(data)[: 1 << 16])
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version} of .npy")
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = header(file)
        if dtype.hasobject:
            raise ValueError("an array of Python objects")
        buffer = bytearray(data) if isinstance(data, bytes) else data
        order: Any = "F" if fortran else "C"
        return np.ndarray(shape, dtype, buffer, file.tell(), order=order)


def _latin(text: str) -> bool:
    return text.isascii() or max(text) < "\u0100"


def _raw(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _pieces(array: NDArray[Any]) -> Any:
    """Slices along the first axis of a few megabytes each; the whole where there is one row."""
    row = max(1, array[:1].nbytes)
    step = max(1, CHUNK // row)
    return (array[start : start + step] for start in range(0, len(array), step))


ARRAYS = Arrays()
