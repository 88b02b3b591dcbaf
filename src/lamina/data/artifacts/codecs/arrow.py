"""Tables as Arrow files, numbers mapped when they are read.

Arrow rather than Parquet: measured on a table of 118 MB (13 columns, a million rows), it writes
2 to 3 times and reads 1.2 to 1.5 times as fast, and its number columns need no copy.
"""

from __future__ import annotations

from typing import Any

from lamina.data.artifacts.codecs import Codec, Sink
from lamina.data.artifacts.deposit import Buffer
from lamina.data.columns import Column
from lamina.data.tables import Table

_ORIGIN = b"lamina.origin"


class SinkFile:
    """A sink as Arrow wants it: a file, which it closes."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self.write = sink.write

    def flush(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing: the sink is not Arrow's."""


class Tables(Codec):
    """Lamina's tables."""

    def fits(self, value: Any) -> bool:
        """Whether all texts can be written as UTF-8."""
        try:
            value.origin.encode()
            for name, cells in value.columns.items():
                name.encode()
                if cells.dtype.kind == "O":
                    "".join(filter(None, cells.tolist())).encode()
        except UnicodeEncodeError:
            return False
        return True

    def write(self, value: Any, sink: Sink) -> None:
        """One record batch, so that every column is in one piece."""
        import pyarrow
        from pyarrow import ipc

        arrays = [
            pyarrow.array(cells, type=_type(cells), from_pandas=False)
            for cells in value.columns.values()
        ]
        kinds = [(name, cells.type) for name, cells in zip(value.columns, arrays, strict=True)]
        schema = pyarrow.schema(kinds, metadata={_ORIGIN: value.origin.encode()})
        batch = pyarrow.record_batch(arrays, schema=schema)
        with (
            pyarrow.PythonFile(SinkFile(sink), mode="w") as file,
            ipc.new_file(file, schema) as writer,
        ):
            writer.write_batch(batch)

    def read(self, data: Buffer) -> Any:
        """The same columns in the same types."""
        import pyarrow
        from pyarrow import ipc

        with ipc.open_file(pyarrow.py_buffer(data)) as reader:
            batch = reader.get_batch(0)
            schema = reader.schema
        batch.validate(full=True)
        columns = {
            field.name: _column(cells) for field, cells in zip(schema, batch.columns, strict=True)
        }
        return Table(columns, schema.metadata[_ORIGIN].decode())


def _type(cells: Column) -> Any:
    """Texts get wide offsets: a column may hold more than 2 GiB."""
    import pyarrow

    return pyarrow.large_string() if cells.dtype.kind == "O" else None


def _column(cells: Any) -> Column:
    found: Column = cells.to_numpy(zero_copy_only=False)
    return found


TABLES = Tables()
