"""Examples: features and targets that fit a network, made from a table or from arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.normalise import NORMALISATIONS, fit_columns
from lamina.data.preparation import Preparation
from lamina.data.prepare import learn
from lamina.data.tables import Table, read_table
from lamina.errors import DataError, SettingsError
from lamina.nets.layers.base import size
from lamina.nets.network import Network
from lamina.nets.zoo_names import takes
from lamina.training.target_scale import TARGET_SCALES

Floats = NDArray[np.float64]
Statistics = Mapping[str, Floats | None]
"""shift, scale, target_shift, target_scale; None for none."""


@dataclass(frozen=True)
class Reading:
    """How a table or arrays become examples.

    Args:
        kind: of the target: "binary", "classes", "regression", or "auto".
        normalise: "min-max" (the papers'), "standard" or "none"; statistics come from the
            training rows of each fold.
        encode: text categories as "code" (one number) or "one-hot".
        features: names of the feature columns; empty for all but the target.
        target_scale: of a regression: "standard" trains on targets with mean 0 and deviation 1
            over the training rows of each fold, "min-max" on targets between 0 and 1 (a Tanh
            last: -1 and 1), "none" on the targets as they are; "auto" is "standard", or
            "min-max" where the network's last layer bounds what it can give.
    """

    kind: str = "auto"
    normalise: str = "min-max"
    encode: str = "code"
    features: tuple[str, ...] = ()
    target_scale: str = "auto"


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows to learn from, not yet normalised.

    Args:
        features: (rows, *input shape), float64 (int64 for category codes).
        targets: class numbers int64 (rows,), or float64 (rows,) or (rows, outputs).
        task: "binary", "classes" or "regression".
        labels: class names in the order of class numbers; empty for regression.
        normalise: how features are normalised.
        preparation: how a table becomes features; None for arrays.
        target: name of the target column; empty for arrays.
        origin: where the rows come from.
        digest: "sha256:..." of the data.
        repairs: what was mended on reading, in words.
        target_scale: how targets of a regression are scaled; see `Reading`.
    """

    features: NDArray[Any]
    targets: NDArray[Any]
    task: str
    labels: tuple[str, ...]
    normalise: str = "min-max"
    preparation: Preparation | None = None
    target: str = ""
    origin: str = "arrays"
    digest: str = ""
    repairs: tuple[str, ...] = field(default=())
    target_scale: str = "auto"

    @property
    def classes(self) -> NDArray[np.int64] | None:
        """Class numbers for stratified splits; None for regression."""
        return None if self.task == "regression" else self.targets

    def statistics(self, rows: NDArray[np.int64]) -> tuple[Floats | None, Floats | None]:
        """Shift and scale fitted on some rows, each of a row's shape; None for none.

        Rows with more than one axis (images) share one shift and scale per first axis (channel).
        """
        if self.normalise == "none" or self.features.dtype.kind == "i":
            return None, None
        return fit_columns(self.normalise, self.features[rows])

    def fitted_document(self, statistics: Statistics) -> dict[str, Any]:
        """The preparation with its statistics, as a bundle stores it."""
        flat = {key: None if a is None else a.ravel().tolist() for key, a in statistics.items()}
        if self.preparation is None:
            return {"arrays": {**flat, "normalise": self.normalise}}
        document = dict(self.preparation.to_document())
        width = self.preparation.width
        empty: dict[str, list[float]] = {"shift": [0.0] * width, "scale": [1.0] * width}
        told = {k: empty.get(k, []) if values is None else values for k, values in flat.items()}
        return {**document, **told}


def as_examples(network: Network, data: Any, target: str, reading: Reading) -> Examples:
    """Examples that fit the network.

    Args:
        network: one input, one output.
        data: Examples; a pair (features, targets) of arrays; or what `read_table` reads.
        target: name of the target column of a table.
        reading: kind of target, normalisation, encoding.

    Raises:
        SettingsError: width or outputs do not fit the network.
        DataError: the table or arrays cannot be used.
    """
    mistakes = []
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        mistakes.append(
            f"it has {len(network.inputs)} inputs and {len(network.outputs)} outputs; "
            "training takes one of each"
        )
    if reading.normalise not in NORMALISATIONS:
        known = ", ".join(NORMALISATIONS)
        mistakes.append(f"normalise = {reading.normalise!r}: choose from {known}")
    if reading.target_scale not in TARGET_SCALES:
        known = ", ".join(TARGET_SCALES)
        mistakes.append(f"target_scale = {reading.target_scale!r}: choose from {known}")
    if mistakes:
        raise SettingsError(f"network {network.name!r} cannot be trained so", mistakes)
    if isinstance(data, Examples):
        return data
    if isinstance(data, tuple):
        return examples_from_arrays(network, *_pair(data), reading)
    table = data if isinstance(data, Table) else read_table(data)
    return examples_from_table(network, table, target, reading)


def examples_from_table(network: Network, table: Table, target: str, reading: Reading) -> Examples:
    """Examples from a table: categories encoded, rows with empty values dropped and counted."""
    if not target:
        raise DataError(
            f"{table.origin}: no target column is named",
            f"name one of: {', '.join(table.names[:30])}",
        )
    preparation, prepared = learn(
        table,
        target,
        kind=reading.kind,
        normalise=reading.normalise,
        encode=reading.encode,
        features=reading.features or None,
    )
    given = network.inputs[0]
    width = prepared.features.shape[1]
    if width != size(given.shape):
        left_out = [str(line) for line in prepared.report if "left out" in str(line)]
        raise SettingsError(
            "network and table do not fit",
            [
                f"network {network.name!r} takes {size(given.shape)} features; "
                f"the table has {width}: {_some([f.name for f in preparation.features])}",
                *left_out,
            ],
            f"name the columns to use as features, or {_of_width(network, width)}",
        )
    features: NDArray[Any] = prepared.features.reshape(len(prepared.features), *given.shape)
    if given.values == "int":
        features = features.astype(np.int64)
    assert prepared.targets is not None
    labels = tuple(preparation.labels)
    return Examples(
        features=features,
        targets=prepared.targets,
        task=preparation.kind,
        labels=labels,
        normalise="none" if given.values == "int" else reading.normalise,
        preparation=preparation,
        target=target,
        origin=table.origin,
        digest=table.digest(),
        repairs=tuple(str(line) for line in prepared.report),
        target_scale=reading.target_scale,
    )


def examples_from_arrays(
    network: Network, features: NDArray[Any], targets: NDArray[Any], reading: Reading
) -> Examples:
    """Examples from arrays: features (rows, *input shape) and one target per row."""
    given = network.inputs[0]
    if features.ndim < 2 or features.shape[1:] != given.shape:
        raise SettingsError(
            "network and arrays do not fit",
            [
                f"network {network.name!r} takes rows of shape {given.shape}; "
                f"the features have {features.shape[1:]}"
            ],
            "reshape the features to (rows, *shape of the input)",
        )
    if len(features) != len(targets):
        raise DataError(
            f"{len(features)} rows of features and {len(targets)} targets",
            "give one target per row",
        )
    wanted = np.int64 if given.values == "int" else np.float64
    made = np.ascontiguousarray(features, dtype=wanted)
    if made.dtype.kind == "f" and not np.isfinite(made).all():
        bad = int((~np.isfinite(made.reshape(len(made), -1)).all(axis=1)).sum())
        raise DataError(
            f"{bad} rows of features hold values that are not finite", "drop or fill them"
        )
    numbers, labels = _targets(np.asarray(targets), reading.kind)
    digest = hashlib.sha256(made.tobytes())
    digest.update(np.ascontiguousarray(numbers).tobytes())
    return Examples(
        features=made,
        targets=numbers,
        task=reading.kind if reading.kind != "auto" else task_of(labels),
        labels=labels,
        normalise="none" if given.values == "int" else reading.normalise,
        digest=f"sha256:{digest.hexdigest()}",
        target_scale=reading.target_scale,
    )


def task_of(labels: tuple[str, ...]) -> str:
    """The task that a number of classes makes."""
    return {0: "regression", 2: "binary"}.get(len(labels), "classes")


def _pair(data: tuple[Any, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    if len(data) != 2:
        raise DataError(f"{len(data)} arrays are given", "give (features, targets)")
    return np.asarray(data[0]), np.asarray(data[1])


def _targets(targets: NDArray[Any], kind: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Class numbers and labels, or floats and no labels."""
    if kind not in ("auto", "binary", "classes", "regression"):
        raise DataError(f"kind {kind!r} of target", "known: auto, binary, classes, regression")
    if targets.dtype.kind == "f" and not np.isfinite(targets).all():
        raise DataError("targets hold values that are not finite", "drop those rows")
    whole = targets.dtype.kind in "iubUSO" or bool(np.all(targets == np.round(targets)))
    if kind == "regression" or (kind == "auto" and (targets.ndim > 1 or not whole)):
        return targets.astype(np.float64), ()
    if targets.ndim > 1:
        raise DataError(f"class targets of shape {targets.shape}", "give one class per row")
    known, numbers = np.unique(targets, return_inverse=True)
    if len(known) < 2 or (kind == "binary" and len(known) != 2):
        wanted = "two classes" if kind == "binary" else "at least two classes"
        raise DataError(f"the targets hold {len(known)} classes; {wanted} are needed")
    labels = tuple(str(int(k)) if targets.dtype.kind in "fiub" else str(k) for k in known)
    return numbers.astype(np.int64), labels


def _of_width(network: Network, width: int) -> str:
    """How a network comes to take rows of another width."""
    if not takes(network.name, "shape"):
        return "take a network of that width"
    side = isqrt(width)
    shape = f"1x{side}x{side}" if side * side == width else "CHANNELSxHEIGHTxWIDTH"
    return f"a network for pictures takes their size: {network.name}:shape={shape}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
