"""Values of any kind as files, as JSON, and in one line for a terminal."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any

_PLAIN = frozenset({NoneType, bool, int, float, str, list, tuple, dict})
"""Classes of which no value has a form of its own."""

_FILE_NAME = re.compile(r"[\w-][\w .=+,@-]{0,99}")
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_LONGEST = 6


@dataclass(frozen=True)
class _Form:
    """How values of a kind that JSON cannot hold are written and named."""

    holds: Callable[[Any], bool]
    ending: Callable[[Any], str]
    write: Callable[[Any, Path], object]
    brief: Callable[[Any], str]


@cache
def _forms() -> tuple[_Form, ...]:
    """All of them, loaded when there is a value that may have one: most outputs are plain."""
    import numpy as np

    from lamina.data.tables import Table, write_table
    from lamina.nets.bundle import Bundle
    from lamina.nets.document import write_network
    from lamina.nets.network import Network

    return (
        _Form(
            lambda given: isinstance(given, Table),
            lambda given: ".csv",
            write_table,
            lambda given: f"table of {given.rows} rows: {', '.join(given.names)}",
        ),
        _Form(
            lambda given: _is_frame(given, "pandas"),
            lambda given: ".parquet",
            lambda given, path: given.to_parquet(path),
            lambda given: _frame(given, given.columns),
        ),
        _Form(
            lambda given: _is_frame(given, "pyarrow"),
            lambda given: ".parquet",
            _write_parquet,
            lambda given: _frame(given, given.column_names),
        ),
        _Form(
            lambda given: isinstance(given, Bundle),
            lambda given: ".lamina",
            lambda given, path: given.save(path),
            lambda given: f"model {given.name}, {given.network.parameter_count()} parameters",
        ),
        _Form(
            lambda given: isinstance(given, Network),
            lambda given: ".yaml",
            write_network,
            lambda given: f"network {given.name}, {given.parameter_count()} parameters",
        ),
        _Form(
            lambda given: isinstance(given, np.ndarray) and given.dtype.kind not in "OV",
            lambda given: ".npy",
            lambda given, path: np.save(path, given, allow_pickle=False),
            lambda given: f"array of {' x '.join(map(str, given.shape)) or 'one number'}",
        ),
        _Form(
            _is_tensor,
            lambda given: ".npy",
            lambda given, path: np.save(path, given.detach().cpu().numpy(), allow_pickle=False),
            lambda given: f"tensor of {' x '.join(map(str, given.shape)) or 'one number'}",
        ),
        _Form(
            lambda given: isinstance(given, bytes),
            lambda given: ".bin",
            lambda given, path: path.write_bytes(given),
            lambda given: f"{len(given)} bytes",
        ),
        _Form(_is_file, _ending, _copy, str),
        _Form(_is_folder, lambda given: "", _copy_folder, str),
    )


def write_value(name: str, given: Any, folder: Path) -> Path:
    """Writes a value below a folder and returns where.

    Tables become CSV, data frames Parquet, models bundles, networks YAML, arrays and tensors
    .npy, bytes .bin; files and folders are copied; other values become JSON. A list in which such
    values stand becomes a folder of numbered files, a mapping one of files by its keys.
    """
    if _holds_files(given):
        inner = folder / name
        inner.mkdir(parents=True, exist_ok=True)
        for own, item in _named(given):
            write_value(own, item, inner)
        return inner
    form = _form(given)
    if form is not None:
        target = folder / f"{name}{form.ending(given)}"
        form.write(given, target)
        return target
    target = folder / f"{name}.json"
    target.write_text(json.dumps(shown(given), indent=2) + "\n", encoding="utf-8")
    return target


def shown(given: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(given, Path):
        return str(given)
    try:
        json.dumps(given)
    except (TypeError, ValueError):
        if isinstance(given, Mapping):
            return {str(key): shown(item) for key, item in given.items()}
        if isinstance(given, (list, tuple)):
            return [shown(item) for item in given]
        if isinstance(given, (set, frozenset)):
            return [shown(item) for item in sorted(given, key=repr)]
        return given.tolist() if hasattr(given, "tolist") else brief(given)
    return given


def brief(given: Any) -> str:
    """A value in one line."""
    form = _form(given)
    if form is not None:
        return form.brief(given)
    if _holds_files(given):
        mapped = isinstance(given, Mapping)
        said = [f"{own}: {brief(item)}" if mapped else brief(item) for own, item in _named(given)]
        return f"{len(given)} values: {'; '.join(said[:3])}" + ("; ..." if len(said) > 3 else "")
    text = str(given) if isinstance(given, (str, Path)) else json.dumps(given, default=_word)
    return text if len(text) <= 200 else text[:197] + "..."


def _is_frame(given: Any, library: str) -> bool:
    """Whether it is a table of a library; none is loaded to find out."""
    kind = type(given)
    return kind.__name__ in ("DataFrame", "Table") and kind.__module__.split(".")[0] == library


def _frame(given: Any, names: Iterable[Any]) -> str:
    return f"table of {len(given)} rows: {', '.join(map(str, names))}"


def _write_parquet(given: Any, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(given, path)


def _is_file(given: Any) -> bool:
    return isinstance(given, Path) and given.is_file()


def _is_folder(given: Any) -> bool:
    return isinstance(given, Path) and given.is_dir()


def _is_tensor(given: Any) -> bool:
    """Whether it is a tensor of torch that NumPy has a type for; torch is not loaded for it."""
    kind = type(given)
    if (kind.__module__, kind.__name__) != ("torch", "Tensor"):
        return False
    return "strided" in str(given.layout) and "bfloat16" not in str(given.dtype)


def _form(given: Any) -> _Form | None:
    if type(given) in _PLAIN:
        return None
    return next((form for form in _forms() if form.holds(given)), None)


def _holds_files(given: Any) -> bool:
    """Whether a value is a list or mapping in which something stands that is written as a file.

    Keys that are no names of files keep a mapping in one piece: none leads out of its folder.
    """
    if isinstance(given, Mapping):
        if not all(isinstance(key, str) and _FILE_NAME.fullmatch(key) for key in given):
            return False
        return any(_form(item) is not None or _is_lost(item) for item in given.values())
    if not isinstance(given, (list, tuple)):
        return False
    return any(_form(item) is not None or _holds_files(item) for item in given)


def _is_lost(given: Any) -> bool:
    """Whether something stands in a list or mapping that JSON can only say a line of."""
    if isinstance(given, Mapping):
        return any(_is_lost(item) for item in given.values())
    if isinstance(given, (list, tuple)):
        return any(_is_lost(item) for item in given)
    return _form(given) is not None and not hasattr(given, "tolist")


def _named(given: Any) -> list[tuple[str, Any]]:
    """The items of a list or mapping with the names of their files."""
    if isinstance(given, Mapping):
        return list(given.items())
    return [(str(number), item) for number, item in enumerate(given)]


def _ending(given: Path) -> str:
    """ ".csv" of table.csv, ".tar.gz" of source.tar.gz."""
    inner = Path(given.stem).suffix
    packed = given.suffix.lower() in _PACKED and inner[1:].isalnum() and len(inner) <= _LONGEST
    return f"{inner}{given.suffix}" if packed else given.suffix


def _copy(given: Path, target: Path) -> None:
    if given.resolve() != target.resolve():
        shutil.copyfile(given, target)


def _copy_folder(given: Path, target: Path) -> None:
    """Copies what is in a folder; what else lies at the target stays. Links stay links."""
    if given.resolve() == target.resolve():
        return
    found = sorted(given.rglob("*"))  # before the target, which may lie inside, has anything in it
    target.mkdir(parents=True, exist_ok=True)
    for path in found:
        place = target / path.relative_to(given)
        if path.is_symlink():
            place.unlink(missing_ok=True)
            place.symlink_to(path.readlink())
        elif path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            shutil.copyfile(path, place)
            place.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _word(given: Any) -> Any:
    """What stands for a value inside of one that is told in one line."""
    form = _form(given)
    if form is not None:
        return form.brief(given)
    told = isinstance(given, (Mapping, set, frozenset)) or hasattr(given, "tolist")
    return shown(given) if told else str(given) if isinstance(given, Path) else repr(given)
