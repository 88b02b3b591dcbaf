"""Trainings from specifications: data found by name or path, functions of taps imported."""

from __future__ import annotations

from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from lamina.data.sources import catalogue, load
from lamina.data.tables import Table, read_table
from lamina.errors import DataError, SettingsError
from lamina.training.pretrained import FROM_ADDRESS
from lamina.training.result import TrainingResult, bundle
from lamina.training.specification import Specification, TapChoice
from lamina.training.taps import Tap
from lamina.training.trainer import train


def train_specified(told: Specification, folder: str | Path = "", **options: Any) -> TrainingResult:
    """Trains what a specification says, and writes the model where it says so.

    Args:
        told: the specification.
        folder: where its relative paths (data, weights, output, checkpoints) begin; the working
            folder if empty.
        options: of `lamina.training.trainer.train`, in front of the specification's (progress,
            resume, device, ...).

    Raises:
        LaminaError: as `train`; DataError for data that are not there; SettingsError for taps
            whose function cannot be imported.
    """
    base = Path(folder)
    table, target = table_of(told, base)
    given = {**told.options(), "taps": taps_of(told), **options}
    if isinstance(given.get("checkpoint"), str):
        given["checkpoint"] = base / given["checkpoint"]
    if given["weights"] not in ("", FROM_ADDRESS):
        given["weights"] = base / given["weights"]
    result = train(told.network, table, target, told.settings, told.plan, **given)
    if told.output:
        bundle(result, told.name).save(base / told.output)
    return result


def table_of(told: Specification, folder: Path) -> tuple[Table, str]:
    """The table that a specification trains on, and the name of its target column.

    Raises:
        DataError: no data are named, or they cannot be read; no target is named.
    """
    known = catalogue()
    if not told.data:
        raise DataError(
            f"specification {told.name!r} names no data",
            f"data: the path of a table, or one of {', '.join(known)}",
        )
    if told.data in known:
        return load(told.data), told.target or known[told.data].target
    return read_table(folder / told.data), told.target


def taps_of(told: Specification) -> tuple[Tap, ...]:
    """The specification's taps with their functions imported.

    Raises:
        SettingsError: all functions that cannot be imported.
    """
    mistakes: list[str] = []
    taps = [
        Tap(tap.layer, function, tap.every, tap.part, tap.limit)
        for tap in told.taps
        if (function := _function(tap, mistakes)) is not None
    ]
    if mistakes:
        raise SettingsError(
            f"taps of {told.name!r} cannot be used",
            mistakes,
            "name a file beside the document (file.py:function), or install the module",
        )
    return tuple(taps)


def _function(tap: TapChoice, mistakes: list[str]) -> Any:
    where, _, attribute = tap.function.partition(":")
    try:
        found = _loaded(tap.folder, where) if where.endswith(".py") else import_module(where)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever a user's module does while it is imported
        kind = "" if isinstance(error, (ImportError, AttributeError)) else type(error).__name__
        said = f"{kind}: {error}".removeprefix(": ")
        mistakes.append(f"tap on {tap.layer!r}: {tap.function} cannot be imported: {said}")
        return None
    if not callable(found):
        mistakes.append(f"tap on {tap.layer!r}: {tap.function} is no function")
        return None
    return found


def _loaded(folder: Path | None, file: str) -> Any:
    """The module in a file, imported anew."""
    path = (folder or Path()).absolute() / file
    if not path.is_file():
        raise ImportError(f"there is no file {path}")
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
