"""Values of any kind as files, as JSON, and in one line for a terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any

_PLAIN = frozenset({NoneType, bool, int, float, str, list, tuple, dict})
"""Classes of which no value has a form of its own."""


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
        _Form(_is_file, lambda given: str(given.suffix), _copy, str),
    )


def write_value(name: str, given: Any, folder: Path) -> Path:
    """Writes a value below a folder and returns where.

    Tables become CSV, models bundles, networks YAML, arrays .npy, files are copied; other values
    become JSON. A list in which such values stand becomes a folder of numbered files.
    """
    if _holds_files(given):
        inner = folder / name
        inner.mkdir(parents=True, exist_ok=True)
        for number, item in enumerate(given):
            write_value(str(number), item, inner)
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
        if isinstance(given, (list, tuple)):
            return [shown(item) for item in given]
        return given.tolist() if hasattr(given, "tolist") else brief(given)
    return given


def brief(given: Any) -> str:
    """A value in one line."""
    form = _form(given)
    if form is not None:
        return form.brief(given)
    if _holds_files(given):
        listed = "; ".join(brief(item) for item in given[:3])
        return f"{len(given)} values: {listed}" + ("; ..." if len(given) > 3 else "")
    text = str(given) if isinstance(given, (str, Path)) else json.dumps(given, default=_word)
    return text if len(text) <= 200 else text[:197] + "..."


def _is_file(given: Any) -> bool:
    return isinstance(given, Path) and given.is_file()


def _form(given: Any) -> _Form | None:
    if type(given) in _PLAIN:
        return None
    return next((form for form in _forms() if form.holds(given)), None)


def _holds_files(given: Any) -> bool:
    """Whether a value is a list in which something stands that is written as a file."""
    if not isinstance(given, (list, tuple)):
        return False
    return any(_form(item) is not None or _holds_files(item) for item in given)


def _copy(given: Path, target: Path) -> None:
    if given.resolve() != target.resolve():
        shutil.copyfile(given, target)


def _word(given: Any) -> Any:
    return str(given) if isinstance(given, Path) else repr(given)
