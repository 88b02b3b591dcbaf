"""Trainings from specifications: data found by name or path, functions of taps imported."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from lamina.data.sources import catalogue, load
from lamina.data.tables import Table, read_table
from lamina.errors import DataError, SettingsError
from lamina.training.result import TrainingResult, bundle
from lamina.training.specification import Specification, TapChoice
from lamina.training.taps import Tap
from lamina.training.trainer import train


def train_specified(told: Specification, folder: str | Path = "", **options: Any) -> TrainingResult:
    """Trains what a specification says, and writes the model where it says so.

    Args:
        told: the specification.
        folder: where its relative paths (data, output, checkpoints) begin; the working folder
            if empty.
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
            "install the module, or run from its folder",
        )
    return tuple(taps)


def _function(tap: TapChoice, mistakes: list[str]) -> Any:
    module, _, attribute = tap.function.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        mistakes.append(f"tap on {tap.layer!r}: {tap.function} cannot be imported: {error}")
        return None
    if not callable(found):
        mistakes.append(f"tap on {tap.layer!r}: {tap.function} is no function")
        return None
    return found
