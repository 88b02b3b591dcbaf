"""Named sources: where data sets come from, checked by digest; a mirror, a cache, a download."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache, partial
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from lamina.data import recipes
from lamina.data.describe import describe_table
from lamina.data.download import TIMEOUT, check_digest, download, write_whole
from lamina.data.formats import ReadOptions
from lamina.data.formats.separated import read_bytes
from lamina.data.prepare import learn
from lamina.data.tables import Table, read_table
from lamina.errors import ChecksumError, DataError, DocumentError, LaminaError, UnknownNameError

MIRROR = "LAMINA_DATA"
"""The environment variable that names a folder with local copies of the catalogue's files."""


@dataclass(frozen=True)
class Download:
    """An address, and the recipe that makes the source's file from what comes from there."""

    address: str
    recipe: str = "as-is"


@dataclass(frozen=True)
class Source:
    """One entry of the catalogue.

    Args:
        name, title: how it is asked for, and what it is.
        address: the public page of the set.
        sha256: digest of the file, whichever way it came.
        licence, citation: of the set's authors.
        target, kind: the label column, and "binary", "classes" or "regression".
        header: whether the file's first line holds names.
        names: all columns, in the file's order, the target among them.
        rows: number of rows.
        version: which form of the set this file is.
        mirror_path: the file's place in the folder LAMINA_DATA; "" for none.
        builtin: name in `recipes.LIBRARY` if scikit-learn ships it; "" if not.
        downloads: addresses, tried in order.
        notes: what to know before use.
    """

    name: str
    title: str
    address: str
    sha256: str
    licence: str
    citation: str
    target: str
    kind: str
    header: bool
    names: tuple[str, ...]
    rows: int
    version: str = ""
    mirror_path: str = ""
    builtin: str = ""
    downloads: tuple[Download, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def features(self) -> int:
        """Number of columns beside the target."""
        return len(self.names) - 1

    @property
    def file_name(self) -> str:
        """The file's name in the cache."""
        return f"{self.name}.csv"

    def to_document(self) -> dict[str, Any]:
        """Plain values, as `lamina data list --json` prints them."""
        document = {f.name: getattr(self, f.name) for f in fields(self)}
        downloads = [{"address": d.address, "recipe": d.recipe} for d in self.downloads]
        listed = {"names": list(self.names), "downloads": downloads, "notes": list(self.notes)}
        return {**document, **listed, "features": self.features}


@cache
def _packaged() -> dict[str, Source]:
    text = files("lamina.data").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    return read_catalogue(text)


def catalogue() -> dict[str, Source]:
    """All sources that come with the package, by name."""
    return dict(_packaged())


def read_catalogue(text: str) -> dict[str, Source]:
    """Sources from a catalogue's YAML text.

    Raises:
        DocumentError: all entries that do not hold.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DocumentError("catalogue cannot be read", [str(error)]) from error
    if not isinstance(document, Mapping):
        raise DocumentError("catalogue cannot be read", ["it is no mapping of names to entries"])
    made, mistakes = {}, []
    for name, entry in document.items():
        try:
            made[str(name)] = _source(str(name), entry)
        except (TypeError, KeyError, ValueError) as error:
            mistakes.append(f"{name}: {error}")
    if mistakes:
        raise DocumentError("catalogue does not hold", mistakes)
    return made


def source(name: str) -> Source:
    """The entry called `name`.

    Raises:
        UnknownNameError: no such name; lists the known ones.
    """
    known = _packaged()
    if name not in known:
        raise UnknownNameError("data set", name, known)
    return known[name]


def cache_folder() -> Path:
    """Where fetched files are kept: $XDG_CACHE_HOME/lamina/data, or ~/.cache/lamina/data."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "lamina" / "data"


def fetch(
    name: str | Source,
    *,
    mirror: str | Path | None = None,
    folder: str | Path | None = None,
    timeout: float = TIMEOUT,
    offline: bool = False,
) -> Path:
    """The file of a source, its digest checked.

    Looked for in this order: the local mirror, the cache folder, scikit-learn (for the sets that
    it ships), the addresses of the catalogue. What did not come from the mirror is kept in the
    cache folder.

    Args:
        name: a name of the catalogue, or a Source of your own.
        mirror: folder of local copies; the environment variable LAMINA_DATA without it.
        folder: cache folder; `cache_folder()` without it.
        timeout: seconds for each address.
        offline: True never asks the network.

    Raises:
        UnknownNameError: no such name.
        ChecksumError: a file that is not the promised one; says both digests.
        DataError: not found anywhere; says what was tried and the three ways to get it.
    """
    entry = source(name) if isinstance(name, str) else name
    cached = _cached(entry, folder)
    path, _ = _found(entry, mirror, cached)
    if path is not None:
        return path
    write_whole(_gathered(entry, timeout, offline), cached)
    return cached


def load(
    name: str | Source,
    *,
    mirror: str | Path | None = None,
    folder: str | Path | None = None,
    timeout: float = TIMEOUT,
    offline: bool = False,
) -> Table:
    """The table of a source, its columns called by their names in the catalogue.

    Arguments and errors as for `fetch`; a set that scikit-learn ships is read without writing
    a file.
    """
    entry = source(name) if isinstance(name, str) else name
    cached = _cached(entry, folder)
    path, data = _found(entry, mirror, cached)
    if path is None:
        data = _gathered(entry, timeout, offline)
        if not entry.builtin:
            write_whole(data, cached)
    options = ReadOptions(header=entry.header, names=entry.names)
    return Table(read_bytes(data, options, entry.name), entry.name)


def told_table(told: str | Mapping[str, Any], folder: Path) -> Table:
    """The table that a workflow tells of: a named set, a file, or columns in place.

    Args:
        told: a name of the catalogue, the path of a file, or a mapping of names to columns.
        folder: what a relative path begins in.

    Raises:
        UnknownNameError: neither a named set nor a file; lists the named sets.
        DataError: it cannot be read.
    """
    if isinstance(told, Mapping):
        return read_table(told)
    if told in _packaged():
        return load(told)
    path = folder / told
    if not path.exists() and not path.suffix:
        raise UnknownNameError("data set or file", told, _packaged())
    return read_table(path)


def load_arrays(name: str, **how: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features and class numbers of a source as arrays, not normalised.

    Returns:
        "digits": images of shape (rows, 1, 8, 8) with grey values from 0 to 16. Other sets:
        features of shape (rows, features). float32, and int64 class numbers.

    Raises:
        DataError: a source without classes.
    """
    entry = source(name)
    if entry.kind == "regression":
        raise DataError(f"{name!r} has quantities, not classes", "use load(name) and prepare.learn")
    _, prepared = learn(load(name, **how), entry.target, normalise="none")
    features = prepared.features.astype(np.float32)
    if entry.builtin == "digits":
        features = features.reshape(-1, 1, 8, 8)
    return features, np.asarray(prepared.targets, dtype=np.int64)


def where(name: str | Source, *, mirror: str | Path | None = None) -> str:
    """Where a source would be read from without the network; no digest is checked.

    Returns:
        "LAMINA_DATA", "cache", "scikit-learn", or "" for nowhere.
    """
    entry = source(name) if isinstance(name, str) else name
    mirrored = _mirrored(entry, mirror)
    if mirrored is not None and mirrored.is_file():
        return MIRROR
    if _cached(entry, None).is_file():
        return "cache"
    return "scikit-learn" if entry.builtin and find_spec("sklearn") else ""


def describe(data: str | Path, target: str | None = None) -> dict[str, Any]:
    """What is in a named set or a table file; see `describe.describe_table` for the keys.

    Args:
        data: a name of the catalogue, or a file that `read_table` reads.
        target: the label column; the catalogue's for a named set.

    Returns:
        The description, and under `source` the catalogue's entry (None for a file).
    """
    entry = _packaged().get(str(data))
    if entry is None and not Path(data).suffix and not Path(data).exists():
        raise UnknownNameError("data set or file", str(data), _packaged())
    table = read_table(data) if entry is None else load(entry)
    label = target or (entry.target if entry else "")
    told = None if entry is None else entry.to_document()
    return {"source": told, **describe_table(table, label)}


def _source(name: str, entry: Mapping[str, Any]) -> Source:
    values = dict(entry)
    downloads = tuple(Download(**d) for d in values.pop("downloads", ()))
    for key in ("names", "notes"):
        values[key] = tuple(values.get(key, ()))
    made = Source(name=name, downloads=downloads, **values)
    if made.target not in made.names:
        raise ValueError(f"target {made.target!r} is not among its names")
    if len(made.sha256) != 64:
        raise ValueError("sha256 has 64 hexadecimal digits")
    return made


def _mirrored(entry: Source, mirror: str | Path | None) -> Path | None:
    base = mirror if mirror is not None else os.environ.get(MIRROR, "")
    return Path(base).expanduser() / entry.mirror_path if base and entry.mirror_path else None


def _cached(entry: Source, folder: str | Path | None) -> Path:
    return (Path(folder).expanduser() if folder else cache_folder()) / entry.file_name


def _found(entry: Source, mirror: str | Path | None, cached: Path) -> tuple[Path | None, bytes]:
    """The first copy on this machine, its digest checked; None and nothing without one."""
    for path in (_mirrored(entry, mirror), cached):
        if path is None or not path.is_file():
            continue
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{str(path)!r} cannot be read: {error.strerror}", "check its permissions"
            ) from error
        way_out = f"remove {str(path)!r} and fetch {entry.name!r} again"
        check_digest(data, entry.sha256, str(path), way_out)
        return path, data
    return None, b""


def _gathered(entry: Source, timeout: float, offline: bool) -> bytes:
    """The bytes of a source from the first way that gives the promised ones."""
    ways: list[Callable[[], tuple[str, bytes]]] = []
    if entry.builtin:
        ways.append(lambda: ("scikit-learn's copy", _from_library(entry)))
    for place in entry.downloads if not offline else ():
        ways.append(partial(_downloaded, place, timeout))
    tried: list[LaminaError] = []
    for way in ways:
        try:
            what, data = way()
            check_digest(data, entry.sha256, what, _three_ways(entry))
        except LaminaError as error:
            tried.append(error)
        else:
            return data
    said = "".join(f"\n  - {error.message}" for error in tried)
    kind = ChecksumError if any(isinstance(e, ChecksumError) for e in tried) else DataError
    raise kind(f"data set {entry.name!r} is not on this machine{said}", _three_ways(entry))


def _from_library(entry: Source) -> bytes:
    return recipes.from_library(entry.builtin, entry.names if entry.header else ())


def _downloaded(place: Download, timeout: float) -> tuple[str, bytes]:
    data = download(place.address, timeout=timeout)
    recipe = recipes.RECIPES.get(place.recipe)
    try:
        return place.address, recipe(data)
    except LaminaError:
        raise
    except Exception as error:  # what a recipe does with foreign bytes cannot be foreseen
        raise DataError(
            f"{place.address} gives something that recipe {place.recipe!r} cannot use: {error!r}",
            "try another mirror",
        ) from error


def _three_ways(entry: Source) -> str:
    ways = []
    named = os.environ.get(MIRROR, "")
    if named and not Path(named).expanduser().is_dir():
        ways.append(f"correct {MIRROR}={named!r}, which is no folder")
    if entry.mirror_path:
        ways.append(f"set {MIRROR} to a folder that holds {entry.mirror_path}")
    ways.append(f"put the file at {cache_folder() / entry.file_name}")
    if entry.builtin:
        ways.append("pip install 'lamina[datasets]', which ships it")
    if entry.downloads:
        ways.append(
            f"`lamina data fetch {entry.name}` where {entry.downloads[0].address} is reached"
        )
    return "; or ".join(ways) + f" (sha256 {entry.sha256})"
