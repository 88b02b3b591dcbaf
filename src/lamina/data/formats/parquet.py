"""Parquet files, through pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lamina.data.columns import Column
from lamina.data.formats import ReadOptions, named
from lamina.data.formats.memory import from_arrow
from lamina.errors import DataError


class Parquet:
    """The parquet format."""

    def read(self, path: Path, options: ReadOptions) -> dict[str, Column]:
        """All columns of a Parquet file."""
        import pyarrow
        from pyarrow import parquet

        if path.stat().st_size == 0:
            raise DataError(f"{path.name} is empty", "write or fetch the file again")
        try:
            table = parquet.read_table(path, partitioning=None)
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(
                f"{path.name} is not a whole Parquet file: {str(error).splitlines()[0]:.200}",
                "write or fetch the file again; a csv file needs the suffix .csv",
            ) from error
        return named(from_arrow(table, path.name), options.names, path.name)

    def write(self, columns: Mapping[str, Column], path: Path, suffix: str) -> None:
        """All columns; texts as strings, NaN as it is."""
        import pyarrow
        from pyarrow import parquet

        arrays = [
            pyarrow.array(values, type=pyarrow.string() if values.dtype.kind == "O" else None)
            for values in columns.values()
        ]
        parquet.write_table(pyarrow.Table.from_arrays(arrays, names=list(columns)), str(path))


PARQUET = Parquet()
