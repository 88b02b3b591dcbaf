"""Recipes: how the exact file of a source is made from what a public address or library gives."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.download import LARGEST
from lamina.data.shipped import shipped
from lamina.errors import DataError
from lamina.registry import Registry

Recipe = Callable[[bytes], bytes]
"""Downloaded bytes -> the bytes of the source's file. The source's digest judges the result."""

RECIPES: Registry[Recipe] = Registry(
    "recipes",
    "recipe",
    {
        "as-is": "lamina.data.recipes:as_is",
        "lines-lf": "lamina.data.recipes:lines_lf",
        "lines-crlf": "lamina.data.recipes:lines_crlf",
        "banknote-zip": "lamina.data.recipes:banknote_zip",
        "bank-text": "lamina.data.recipes:bank_text",
        "bank-codes": "lamina.data.recipes:bank_codes",
    },
)

LIBRARY: Registry[Callable[..., Any]] = Registry(
    "library_sets",
    "data set of scikit-learn",
    {
        "breast-cancer": "sklearn.datasets:load_breast_cancer",
        "iris": "sklearn.datasets:load_iris",
        "wine": "sklearn.datasets:load_wine",
        "digits": "sklearn.datasets:load_digits",
        "diabetes": "sklearn.datasets:load_diabetes",
    },
    dict.fromkeys(("breast-cancer", "iris", "wine", "digits", "diabetes"), "datasets"),
)

BANK_TEXT_HEADER = (
    "poutcome,job,marital,education,default,housing,loan,contact,day,month,campaign,duration,"
    "pdays,previous,age,balance,y"
)

BANK_CODES = {
    "job": "unknown admin. blue-collar entrepreneur housemaid management retired self-employed "
    "services student technician unemployed",
    "marital": "divorced married single",
    "education": "unknown primary secondary tertiary",
    "default": "no yes",
    "housing": "no yes",
    "loan": "no yes",
    "contact": "unknown cellular telephone",
    "month": "jan feb mar apr may jun jul aug sep oct nov dec",
    "poutcome": "unknown failure other success",
    "y": "no yes",
}
"""Texts of the papers' file in the order of their codes 0, 1, ..."""


def as_is(data: bytes) -> bytes:
    """The bytes themselves."""
    return data


def lines_lf(data: bytes) -> bytes:
    """The lines, parted by LF, no end after the last."""
    return b"\n".join(data.split())


def lines_crlf(data: bytes) -> bytes:
    """The lines, parted by CR LF, no end after the last."""
    return b"\r\n".join(data.split())


def banknote_zip(data: bytes) -> bytes:
    """The banknote file out of UCI's zip archive."""
    return lines_crlf(member(data, "data_banknote_authentication.txt"))


def bank_text(data: bytes) -> bytes:
    """UCI's bank-full.csv with commas, without quotes, in another order of columns."""
    names, rows = _bank(data)
    order = [names.index(name) for name in BANK_TEXT_HEADER.split(",")]
    lines = [BANK_TEXT_HEADER, *(",".join(row[i] for i in order) for row in rows)]
    return "\r\n".join(lines).encode()


def bank_codes(data: bytes) -> bytes:
    """UCI's bank-full.csv with the texts as whole numbers, without a header."""
    names, rows = _bank(data)
    tables = {
        names.index(name): {text: str(code) for code, text in enumerate(texts.split())}
        for name, texts in BANK_CODES.items()
    }
    lines = [
        ",".join(tables[i][cell] if i in tables else cell for i, cell in enumerate(row))
        for row in rows
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def member(data: bytes, name: str) -> bytes:
    """A file of a zip archive, also when it lies in an archive inside it.

    Raises:
        DataError: no archive, or no such file in it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.namelist():
                if entry.rpartition("/")[2] == name:
                    return _unpacked(archive, entry)
            inner = [entry for entry in archive.namelist() if entry.endswith(".zip")]
            for entry in inner:
                with zipfile.ZipFile(io.BytesIO(_unpacked(archive, entry))) as nested:
                    if name in nested.namelist():
                        return _unpacked(nested, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DataError(f"the download is no zip archive: {error}", "try another mirror") from error
    raise DataError(f"the archive has no file {name!r}", "try another mirror")


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LARGEST:
        raise DataError(f"{name!r} unpacks to more than {LARGEST} bytes", "try another mirror")
    return archive.read(name)


def from_library(name: str, header: Sequence[str]) -> bytes:
    """The file of a source that scikit-learn ships, under a header (or none).

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    features, targets = shipped(name) or _loaded(name)
    if name == "breast-cancer":
        features = features[:, :5]
    return _csv(features, targets, header)


def _loaded(name: str) -> tuple[NDArray[np.float64], Sequence[Any]]:
    """Features and targets from scikit-learn's own loader."""
    load = LIBRARY.get(name)
    bunch = load(scaled=False) if name == "diabetes" else load()
    targets = bunch.target.tolist()
    if name == "iris":
        targets = [str(bunch.target_names[k]) for k in targets]
    return bunch.data, targets


def _csv(features: NDArray[np.float64], targets: Sequence[Any], header: Sequence[str]) -> bytes:
    lines = [",".join(header)] if header else []
    for row, target in zip(features.tolist(), targets, strict=True):
        lines.append(",".join([*(_number(value) for value in row), _number(target)]))
    return "".join(f"{line}\r\n" for line in lines).encode()


def _number(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str) else repr(value)


def _bank(data: bytes) -> tuple[list[str], list[list[str]]]:
    text = member(data, "bank-full.csv").decode("utf-8")
    names, *rows = [row for row in csv.reader(io.StringIO(text), delimiter=";") if row]
    if sorted(names) != sorted(BANK_TEXT_HEADER.split(",")):
        raise DataError(
            f"bank-full.csv has other columns than expected: {', '.join(names)[:200]}",
            "try another mirror",
        )
    return names, rows
