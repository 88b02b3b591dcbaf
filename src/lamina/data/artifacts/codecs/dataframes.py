"""Tables of other libraries as Arrow files: pandas DataFrames, pyarrow Tables.

Arrow notes what pandas knows besides the values (index, categories, time zones). A frame that
would come back otherwise, say with lists or numbers among its texts, is pickled.
"""

from __future__ import annotations

from typing import Any

from lamina.data.artifacts.codecs import Codec, Sink
from lamina.data.artifacts.codecs.arrow import SinkFile
from lamina.data.artifacts.deposit import Buffer

_NAMES = ("string", "integer", "empty")
"""What names of columns may be, all of them alike."""

_FEW = 1000
"""Rows by which most frames that Arrow cannot hold are found out."""


class ArrowTables(Codec):
    """Tables of pyarrow."""

    def fits(self, value: Any) -> bool:
        """Whether its values are what its schema says, and its types are Arrow's own."""
        import pyarrow

        try:
            value.validate()
        except pyarrow.ArrowException:
            return False
        return not any(isinstance(field.type, pyarrow.BaseExtensionType) for field in value.schema)

    def write(self, value: Any, sink: Sink) -> None:
        """Record batches as they are."""
        import pyarrow
        from pyarrow import ipc

        with (
            pyarrow.PythonFile(SinkFile(sink), mode="w") as file,
            ipc.new_file(file, value.schema) as writer,
        ):
            writer.write_table(value)

    def read(self, data: Buffer) -> Any:
        """The same columns, that share memory with the bytes."""
        import pyarrow
        from pyarrow import ipc

        with ipc.open_file(pyarrow.py_buffer(data)) as reader:
            found = reader.read_all()
        found.validate(full=True)
        return found


class DataFrames(Codec):
    """Frames of pandas."""

    def fits(self, value: Any) -> bool:
        """Whether the very same frame comes back: values, types, index, names of columns."""
        names = value.columns
        if value.attrs or not names.is_unique or names.inferred_type not in _NAMES:
            return False
        if not _plain_texts(value):
            return False
        return _comes_back(value.head(_FEW)) and (len(value) <= _FEW or _comes_back(value))

    def write(self, value: Any, sink: Sink) -> None:
        """As an Arrow table with pandas' own notes."""
        ARROW_TABLES.write(_table(value), sink)

    def read(self, data: Buffer) -> Any:
        """The frame, with memory of its own."""
        return ARROW_TABLES.read(data).to_pandas()


def _table(frame: Any) -> Any:
    import pyarrow

    return pyarrow.Table.from_pandas(frame)


def _comes_back(frame: Any) -> bool:
    import pyarrow

    try:
        found = _table(frame).to_pandas()
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        return False
    same = found.dtypes.equals(frame.dtypes) and found.equals(frame)
    alike = _identical(found.index, frame.index) and _identical(found.columns, frame.columns)
    return bool(same and alike)


def _identical(one: Any, other: Any) -> bool:
    """Whether two indexes are of one kind, with the same values, types and names."""
    return type(one) is type(other) and bool(one.identical(other))


def _plain_texts(frame: Any) -> bool:
    """Whether columns of objects hold texts and None only: Arrow makes one of None and NaN."""
    return all(
        all(cell is None or type(cell) is str for cell in frame[name].array)
        for name in frame.columns[[getattr(kind, "hasobject", False) for kind in frame.dtypes]]
    )


ARROW_TABLES = ArrowTables()
DATAFRAMES = DataFrames()
