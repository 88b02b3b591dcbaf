"""What a model sees of a table: columns checked, prepared and normalised as in its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.columns import empty
from lamina.data.normalise import restore
from lamina.data.preparation import FORMAT, Preparation
from lamina.data.tables import Table
from lamina.errors import BundleError, DataError, DocumentError
from lamina.nets.bundle import Bundle
from lamina.nets.layers.base import Shape, size
from lamina.training.forward import layer_outputs


@dataclass(frozen=True, eq=False)
class ModelInput:
    """Rows of a table as a model sees them.

    Args:
        model: which model.
        features: (kept rows, *input shape), float32 (int64 for category codes), normalised.
        kept: numbers of the rows without empty values.
        targets: class numbers or float64; None when they were not asked for or are not there.
        target: name of the target column.
        target_shift, target_scale: of the target it learned; None for the target as it is.
    """

    model: Bundle
    features: NDArray[Any]
    kept: NDArray[np.int64]
    targets: NDArray[Any] | None = None
    target: str = ""
    target_shift: NDArray[np.float64] | None = None
    target_scale: NDArray[np.float64] | None = None

    def outputs(self, layer: str = "") -> NDArray[np.float32]:
        """Output of the network, or of one of its layers, for each kept row, as it gives it."""
        network = self.model.network
        name = layer or network.outputs[0]
        return layer_outputs(network, self.model.weights, self.features, (name,))[name]

    def predictions(self) -> NDArray[np.float32] | NDArray[np.float64]:
        """Output of the network for each kept row, in the target's own units."""
        values = self.outputs()
        if self.target_shift is None or self.target_scale is None:
            return values
        return restore(values, self.target_shift, self.target_scale)


def model_input(model: Bundle, table: Table, with_target: bool = False) -> ModelInput:
    """The rows of a table that a model can take.

    A model without column names (trained on arrays) takes the table's columns in their order.

    Raises:
        BundleError: the model needs other columns, or another number of them.
        DataError: values that the preparation cannot take.
    """
    document = model.preparation
    if document.get("format") != FORMAT:
        return _from_columns(model, table)
    try:
        preparation = Preparation.from_document(document)
    except DocumentError as error:
        raise BundleError(f"model {model.name!r}: {error.message}", error.way_out) from error
    missing = [name for name in preparation.columns if name not in table.columns]
    if missing:
        needs = ", ".join(preparation.columns)
        raise BundleError(
            f"model {model.name!r} needs column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(map(repr, missing))}, which {table.origin} does not have",
            f"it needs: {needs}; the table has: {', '.join(table.names[:30])}",
        )
    prepared = preparation.apply(table, target=with_target)
    shaped = prepared.features.reshape(len(prepared.features), *model.network.inputs[0].shape)
    if model.network.inputs[0].values == "int":
        features: NDArray[Any] = shaped.astype(np.int64)
    else:
        features = preparation.normalised(prepared.features).reshape(shaped.shape)
    return _with_scale(
        model, features, prepared.kept, document, prepared.targets, preparation.target
    )


def array_input(model: Bundle, features: NDArray[Any]) -> ModelInput:
    """Rows given as an array (rows, *input shape), for a model that was trained on arrays.

    Raises:
        BundleError: another shape.
    """
    given = model.network.inputs[0]
    if features.ndim < 1 or features.shape[1:] != given.shape:
        raise BundleError(
            f"model {model.name!r} takes rows of shape {given.shape}; "
            f"the array has {features.shape[1:]}",
            "reshape it to (rows, *shape of the input)",
        )
    document, rows = model.preparation, np.arange(len(features))
    integral = given.values == "int"
    values = features.astype(np.int64) if integral else normalised(document, features)
    return _with_scale(model, values, rows, document.get("arrays") or {})


def normalised(document: Mapping[str, Any], features: NDArray[Any]) -> NDArray[np.float32]:
    """(x - shift) * scale in float64, then float32, by the statistics of an array preparation."""
    statistics = document.get("arrays") or {}
    if statistics.get("shift") is None:
        return np.ascontiguousarray(features, dtype=np.float32)
    row = features.shape[1:]
    shift, scale = (np.asarray(statistics[k], np.float64).reshape(row) for k in ("shift", "scale"))
    return np.ascontiguousarray((features - shift) * scale, dtype=np.float32)


def _from_columns(model: Bundle, table: Table) -> ModelInput:
    """All number columns in their order as the features of a row."""
    given = model.network.inputs[0]
    texts = [name for name, column in table.columns.items() if column.dtype.kind == "O"]
    if len(table.names) != size(given.shape) or texts:
        odd = f", {', '.join(map(repr, texts[:5]))} being text" if texts else ""
        raise BundleError(
            f"model {model.name!r} takes {size(given.shape)} number columns; "
            f"{table.origin} has {len(table.names)} columns{odd}",
            "leave out the columns that it was not trained on (such as the target)",
        )
    gone = np.zeros(table.rows, dtype=np.bool_)
    for column in table.columns.values():
        gone |= empty(column)
    kept = np.flatnonzero(~gone)
    values = np.column_stack([column[kept].astype(np.float64) for column in table.columns.values()])
    if not np.isfinite(values).all():
        raise DataError(
            f"{table.origin} holds infinite values", "replace them, or leave them empty"
        )
    made = array_input(model, values.reshape(len(kept), *given.shape))
    return replace(made, kept=kept)


def _with_scale(
    model: Bundle,
    features: NDArray[Any],
    kept: NDArray[np.int64],
    statistics: Mapping[str, Any],
    targets: NDArray[Any] | None = None,
    target: str = "",
) -> ModelInput:
    """The input with the statistics of its target, in the shape of the network's output."""
    shape = model.network.shapes[model.network.outputs[0]]
    pair = [statistics.get(key) for key in ("target_shift", "target_scale")]
    if not all(pair):
        return ModelInput(model, features, kept, targets, target)
    try:
        shift, scale = (np.asarray(values, np.float64).reshape(shape) for values in pair)
    except (TypeError, ValueError) as error:
        raise _wrong_statistics(model, shape) from error
    if not np.isfinite([shift, scale]).all():
        raise _wrong_statistics(model, shape)
    return ModelInput(model, features, kept, targets, target, shift, scale)


def _wrong_statistics(model: Bundle, shape: Shape) -> BundleError:
    return BundleError(
        f"model {model.name!r}: the statistics of its target are not numbers of the shape {shape} "
        "that its output has",
        "train it again",
    )
