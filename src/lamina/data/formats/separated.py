"""Text tables: csv, tsv and their kin; separator, header and encoding are found."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lamina.data.columns import EMPTY, NUMBER, Column, from_texts
from lamina.data.formats import ReadOptions, distinct, named
from lamina.errors import DataError

SEPARATORS = ",;\t|"
SAMPLE_ROWS = 200
SAMPLE_BYTES = 1 << 18
FOREIGN = {
    b"PK\x03\x04": "a zip archive or Excel file",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "a NumPy file",
    b"\x1f\x8b": "a gzip archive",
    b"\xfd7zXZ": "an xz archive",
    b"BZh": "a bzip2 archive",
    b"%PDF": "a PDF document",
    b"SQLite": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old or encrypted Excel file",
    b"\x89PNG": "a picture",
    b"\x89HDF": "an HDF5 file",
}


class Separated:
    """The csv family."""

    def read(self, path: Path, options: ReadOptions) -> dict[str, Column]:
        """Columns of a text file; see `read_bytes`."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{str(path)!r} cannot be read: {error.strerror}", "check its permissions"
            ) from error
        return read_bytes(data, options, path.name, path.suffix.lower())

    def write(self, columns: Mapping[str, Column], path: Path, suffix: str) -> None:
        """Comma or (for tsv) tab, quoted where needed, numbers with all their digits."""
        import pyarrow
        from pyarrow.csv import WriteOptions, write_csv

        arrays = [pyarrow.array(values, from_pandas=True) for values in columns.values()]
        table = pyarrow.Table.from_arrays(arrays, names=list(columns))
        separator = "\t" if suffix in (".tsv", ".tab") else ","
        write_csv(table, str(path), WriteOptions(delimiter=separator))


CSV = Separated()


def read_bytes(
    data: bytes, options: ReadOptions, origin: str, suffix: str = ".csv"
) -> dict[str, Column]:
    """Columns of a text table in memory.

    UTF-8 (with or without a byte order mark), UTF-16 with one, else Latin-1. Quoted cells,
    any line ends. Empty lines are skipped.

    Raises:
        DataError: empty, binary, ragged (with the line), a header without rows.
    """
    text = _decoded(data, origin)
    separator = options.separator or _separator(text, suffix)
    sample = _sample(text, separator, origin)
    if not sample:
        raise DataError(f"{origin} is empty", "give a table with at least one row")
    header = has_header(sample) if options.header == "auto" else bool(options.header)
    names = _header_names(sample[0], origin, options) if header else None
    arrays = _parsed(text, separator, len(sample[0]), origin)
    texts = [array.slice(1) if header else array for array in arrays]
    if not len(texts[0]):
        raise DataError(
            f"{origin} has a header and no rows",
            "give a table with at least one row, or header=False if its first line is data",
        )
    columns = [_column(array) for array in texts]
    if names is None:
        return named(columns, options.names, origin)
    return named(dict(zip(names, columns, strict=True)), options.names, origin)


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row holds names.

    A number in the first row makes it data. Otherwise it is a header, unless all columns are
    texts and one of its cells comes again further down in its own column.
    """
    first, rest = [cell.strip() for cell in rows[0]], rows[1:]
    if any(NUMBER.fullmatch(cell) for cell in first):
        return False
    below = [
        {row[i].strip() for row in rest if i < len(row)} - set(EMPTY) for i in range(len(first))
    ]
    if any(cells and all(NUMBER.fullmatch(c) for c in cells) for cells in below):
        return True
    return not any(cell and cell in cells for cell, cells in zip(first, below, strict=True))


def _decoded(data: bytes, origin: str) -> str:
    foreign = next((what for magic, what in FOREIGN.items() if data.startswith(magic)), None)
    if foreign:
        raise DataError(
            f"{origin} is {foreign}, not a text table",
            "give it its own suffix (.xlsx, .parquet, .npy), or unpack or convert it",
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        text = _utf8_or_latin(data)
    if "\x00" in text or _control_share(text) > 0.1:
        raise DataError(
            f"{origin} is binary, not a text table",
            "give a csv, tsv, parquet, xlsx, npy or npz file with its own suffix",
        )
    return text


def _utf8_or_latin(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _control_share(text: str) -> float:
    start = text[:4096]
    odd = sum(1 for c in start if (c < " " and c not in "\t\r\n\f") or "\x7f" <= c <= "\x9f")
    return odd / max(1, len(start))


def _separator(text: str, suffix: str) -> str:
    lines = [line for line in re.split(r"\r\n|\r|\n", text[:SAMPLE_BYTES])[:30] if line.strip()]
    best, best_score = "\t" if suffix in (".tsv", ".tab") else ",", (0.0, 0.0)
    for separator in "\t,;|" if suffix in (".tsv", ".tab") else SEPARATORS:
        counts = _counts(lines, separator)
        if not counts or not any(counts):
            continue
        usual = max(set(counts), key=counts.count)
        score = (counts.count(usual) / len(counts) if usual else 0.0, float(usual > 0))
        if score > best_score:
            best, best_score = separator, score
    return best


def _counts(lines: list[str], separator: str) -> list[int]:
    try:
        return [len(row) - 1 for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return []


def _sample(text: str, separator: str, origin: str) -> list[list[str]]:
    whole = len(text) <= SAMPLE_BYTES
    reader = csv.reader(io.StringIO(text[:SAMPLE_BYTES], newline=""), delimiter=separator)
    try:
        rows = list(islice((row for row in reader if row), SAMPLE_ROWS))
    except csv.Error as error:
        raise DataError(
            f"{origin}, line {reader.line_num}: {error}", "check the quotes in that line"
        ) from error
    return rows if whole or len(rows) == SAMPLE_ROWS or len(rows) < 2 else rows[:-1]


def _header_names(cells: list[str], origin: str, options: ReadOptions) -> list[str]:
    names = [cell.strip() or f"c{i}" for i, cell in enumerate(cells)]
    if options.names is None:
        distinct(names, origin)
    else:
        names = [f"c{i}" for i in range(len(cells))]
    return names


def _parsed(text: str, separator: str, width: int, origin: str) -> list[Any]:
    import pyarrow
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

    data = text.encode("utf-8", errors="replace")
    names = [f"c{i}" for i in range(width)]
    if '"' in text:
        _refuse_open_quotes(text, separator, origin)
    ragged: list[Any] = []

    def note(row: Any) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = read_csv(
            pyarrow.py_buffer(data),
            ReadOptions(column_names=names, block_size=1 << 24),
            ParseOptions(
                delimiter=separator,
                newlines_in_values='"' in text,
                invalid_row_handler=note,
            ),
            ConvertOptions(
                column_types={name: pyarrow.string() for name in names},
                null_values=list(EMPTY),
                strings_can_be_null=True,
            ),
        )
    except pyarrow.ArrowException as error:
        raise _ragged(text, separator, width, origin) or DataError(
            f"{origin} cannot be read as a table: {str(error).splitlines()[0]:.200}",
            "check its separator and quotes; say separator=... if it is an unusual one",
        ) from error
    if ragged:
        raise _ragged(text, separator, width, origin) or DataError(
            f"{origin} has {len(ragged)} rows whose number of cells is not {width}: "
            f"{ragged[0].text:.80}",
            "give every row the same number of cells",
        )
    return [chunked.combine_chunks() for chunked in table.columns]


def _refuse_open_quotes(text: str, separator: str, origin: str) -> None:
    """A quote that is never closed would swallow the rest of the file as one cell."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    before = 0
    try:
        for _ in reader:
            before = reader.line_num
    except csv.Error as error:
        what = "a quote is never closed" if "unexpected end" in str(error) else str(error)
        raise DataError(
            f"{origin}, in the row that begins on line {before + 1}: {what}",
            'close the quote there; a quote inside a quoted cell is written twice ("")',
        ) from error


def _ragged(text: str, separator: str, width: int, origin: str) -> DataError | None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    wrong: list[tuple[int, int]] = []
    before = 0
    try:
        for row in reader:
            if row and len(row) != width:
                wrong.append((before + 1, len(row)))
            before = reader.line_num
    except csv.Error as error:
        return DataError(f"{origin}, line {reader.line_num}: {error}", "check that line's quotes")
    if not wrong:
        return None
    said = ", ".join(f"line {line} has {cells}" for line, cells in wrong[:5])
    return DataError(
        f"{origin}: the first row has {width} cells, and {len(wrong)} rows differ: {said}",
        "give every row the same number of cells (a cell with the separator in it needs quotes)",
    )


def _column(texts: Any) -> Column:
    import pyarrow
    from pyarrow import compute

    if texts.null_count == len(texts):
        return np.full(len(texts), np.nan)
    head = texts.slice(0, SAMPLE_ROWS)
    whole = [] if texts.null_count else [pyarrow.int64()]
    for kind in (*whole, pyarrow.float64()):
        try:
            compute.cast(head, kind)
            numbers = compute.cast(texts, kind)
        except pyarrow.ArrowInvalid:
            continue
        # Arrow's own to_numpy loads pandas where that is installed, for as long as all else takes.
        full = numbers.fill_null(float("nan")) if texts.null_count else numbers
        return np.array(np.from_dlpack(full))
    coded = texts.dictionary_encode()
    distinct_texts = coded.dictionary.to_pylist()
    codes = coded.indices.fill_null(len(distinct_texts)).to_numpy(zero_copy_only=False)
    found = from_texts([*distinct_texts, None] if texts.null_count else distinct_texts)
    values: Column = found[codes]
    return values
