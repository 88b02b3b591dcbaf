"""A preparation: what turns a table into features and targets, kept with the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lamina.data.columns import empty
from lamina.data.features import ENCODINGS, UNKNOWN, Feature, Repair, filled_rows
from lamina.data.labels import Targets, class_numbers, quantities
from lamina.data.normalise import NORMALISATIONS, fit_normalisation, restore
from lamina.data.tables import Table, missing_columns
from lamina.errors import DataError, DocumentError

FORMAT = "lamina: preparation/1"


@dataclass(frozen=True, eq=False)
class Prepared:
    """Features and targets of a table's usable rows.

    Args:
        features: float64 of shape (kept rows, width), before normalisation.
        targets: int64 class numbers or float64 quantities, shape (kept rows,); None without
            a target column.
        kept: int64 numbers of the rows that were kept, ascending.
        report: every repair, counted.
        read: rows of the table, the dropped ones among them.
    """

    features: NDArray[np.float64]
    targets: Targets | None
    kept: NDArray[np.int64]
    report: tuple[Repair, ...] = ()
    read: int = 0

    @property
    def rows(self) -> int:
        """Number of kept rows."""
        return len(self.kept)

    @property
    def dropped(self) -> int:
        """Rows dropped for empty values or an empty target."""
        return self.read - len(self.kept)


@dataclass(frozen=True)
class Preparation:
    """How a table becomes features and targets: the same for one row or a million.

    Args:
        target: the target column; "" for none.
        kind: "binary", "classes", "regression", or "" without a target.
        features: the columns that become features, in order.
        labels: class names in the order of their numbers; empty for regression.
        normalise: "min-max", "standard" or "none".
        shift, scale: fitted on training rows, one number per feature; empty until fitted.
        target_shift, target_scale: of a regression's target, fitted on training rows; empty
            when the target is learned as it is. A scale of 0 marks a constant target.
        unknown: what becomes of a category never seen in training: "error" or "code".
    """

    target: str
    kind: str
    features: tuple[Feature, ...]
    labels: tuple[str, ...] = ()
    normalise: str = "min-max"
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    unknown: str = "error"
    target_shift: tuple[float, ...] = ()
    target_scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        mistakes = _mistakes(self)
        if mistakes:
            raise DocumentError("preparation does not hold", mistakes)

    @property
    def width(self) -> int:
        """Number of features that a network sees."""
        return sum(feature.width for feature in self.features)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that a table must have."""
        return tuple(feature.name for feature in self.features)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, one-hot ones spread out; length `width`."""
        return tuple(name for feature in self.features for name in feature.names)

    @property
    def is_fitted(self) -> bool:
        """Whether shift and scale are there."""
        return bool(self.shift)

    def fitted(self, training: ArrayLike, targets: ArrayLike | None = None) -> Preparation:
        """The same preparation with shift and scale fitted on training rows.

        Args:
            training: float64 of shape (rows, width): features of the training rows only.
            targets: (rows,) of the same rows: standardises the target of a regression too.
        """
        values = np.asarray(training, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.width:
            raise DataError(
                f"training features have shape {values.shape}",
                f"give shape (rows, {self.width}), as `apply` returns them",
            )
        shift, scale = fit_normalisation(self.normalise, values)
        found = replace(self, shift=tuple(shift.tolist()), scale=tuple(scale.tolist()))
        if targets is None or self.kind != "regression":
            return found
        given = np.asarray(targets, dtype=np.float64).reshape(-1, 1)
        middle, spread = fit_normalisation("standard", given, "target")
        return replace(
            found, target_shift=tuple(middle.tolist()), target_scale=tuple(spread.tolist())
        )

    def with_unknown(self, unknown: str) -> Preparation:
        """The same preparation with another rule for unseen categories: "error" or "code"."""
        if unknown not in UNKNOWN:
            raise DataError(f"unknown = {unknown!r}", f"choose from {', '.join(UNKNOWN)}")
        return replace(self, unknown=unknown)

    def apply(self, table: Table, *, target: bool = True) -> Prepared:
        """Features and targets of a table, row by row independent of the other rows.

        Args:
            table: with at least the columns of this preparation; others are ignored.
            target: False leaves the target column alone, as a prediction does.

        Returns:
            Raw features (see `normalised`), targets (None without the column, or if all its
            cells are empty), and the rows kept.

        Raises:
            DataError: missing columns (all named), texts where numbers must be, unknown
                categories or labels.
        """
        missing = [name for name in self.columns if name not in table.columns]
        if missing:
            raise missing_columns(missing, table)
        wanted = {name: table.columns[name] for name in self.columns}
        with_target = target and self._has_target(table)
        if with_target:
            wanted[self.target] = table.columns[self.target]
        kept, report = filled_rows(wanted)
        blocks: list[NDArray[np.float64]] = [np.empty((len(kept), 0))]
        for feature in self.features:
            values, repairs = feature.values(wanted[feature.name][kept], self.unknown)
            blocks.append(values)
            report.extend(repairs)
        targets: Targets | None = None
        if with_target:
            targets, repairs = self._targets(table, kept)
            report.extend(repairs)
        features = np.concatenate(blocks, axis=1)
        return Prepared(features, targets, kept, tuple(report), table.rows)

    def normalised(self, features: ArrayLike) -> NDArray[np.float32]:
        """What a network sees: (x - shift) * scale in float64, then float32.

        Raises:
            DataError: the preparation is not fitted yet.
        """
        if not self.is_fitted:
            raise DataError(
                "the preparation is not fitted", "use preparation.fitted(training_features) first"
            )
        values = np.asarray(features, dtype=np.float64)
        moved = (values - np.array(self.shift)) * np.array(self.scale)
        return np.ascontiguousarray(moved, dtype=np.float32)

    def scaled(self, targets: ArrayLike) -> NDArray[np.float32]:
        """What a network learns: (y - target_shift) * target_scale in float64, then float32."""
        values = np.asarray(targets, dtype=np.float64)
        if self.target_shift:
            values = (values - self.target_shift[0]) * self.target_scale[0]
        return np.ascontiguousarray(values, dtype=np.float32)

    def restored(self, outputs: ArrayLike) -> NDArray[np.float64]:
        """What a network gives, in the target's own units: the inverse of `scaled`, float64."""
        values = np.asarray(outputs, dtype=np.float64)
        if not self.target_shift:
            return values
        return restore(values, np.array(self.target_shift[0]), np.array(self.target_scale[0]))

    def to_document(self) -> dict[str, Any]:
        """Plain values for a document; numbers survive JSON bit for bit."""
        return {
            "format": FORMAT,
            "target": self.target,
            "kind": self.kind,
            "features": [feature.to_document() for feature in self.features],
            "labels": list(self.labels),
            "normalise": self.normalise,
            "shift": list(self.shift),
            "scale": list(self.scale),
            "unknown": self.unknown,
            "target_shift": list(self.target_shift),
            "target_scale": list(self.target_scale),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Preparation:
        """A preparation from `to_document`'s values.

        Documents from before targets were scaled lack `target_shift` and `target_scale`: the
        target is then as it is.

        Raises:
            DocumentError: another format, missing or wrong entries.
        """
        if not isinstance(document, Mapping) or document.get("format") != FORMAT:
            found = document.get("format") if isinstance(document, Mapping) else document
            raise DocumentError(
                "preparation cannot be read",
                [f"format is {found!r:.60}, not {FORMAT!r}"],
                "save it again with this version of lamina",
            )
        try:
            return cls(
                target=str(document["target"]),
                kind=str(document["kind"]),
                features=tuple(Feature.from_document(f) for f in document["features"]),
                labels=tuple(str(label) for label in document["labels"]),
                normalise=str(document["normalise"]),
                shift=tuple(float(v) for v in document["shift"]),
                scale=tuple(float(v) for v in document["scale"]),
                unknown=str(document.get("unknown", "error")),
                target_shift=tuple(float(v) for v in document.get("target_shift", ())),
                target_scale=tuple(float(v) for v in document.get("target_scale", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DocumentError(
                "preparation cannot be read",
                [f"{type(error).__name__}: {error}"],
                "save it again with `to_document`",
            ) from error

    def _has_target(self, table: Table) -> bool:
        column = table.columns.get(self.target)
        return bool(self.target) and column is not None and not empty(column).all()

    def _targets(self, table: Table, kept: NDArray[np.int64]) -> tuple[Targets, list[Repair]]:
        column = table.columns[self.target][kept]
        if self.kind == "regression":
            return quantities(self.target, column)
        return class_numbers(self.target, column, self.labels), []


def _mistakes(preparation: Preparation) -> list[str]:
    p = preparation
    fitted = len(p.shift), len(p.scale)
    target = len(p.target_shift), len(p.target_scale)
    statistics = [*p.shift, *p.scale, *p.target_shift, *p.target_scale]
    checks = {
        f"kind {p.kind!r}: binary, classes, regression or nothing": p.kind
        in ("", "binary", "classes", "regression"),
        f"normalise {p.normalise!r}: choose from {', '.join(NORMALISATIONS)}": p.normalise
        in NORMALISATIONS,
        f"unknown {p.unknown!r}: choose from {', '.join(UNKNOWN)}": p.unknown in UNKNOWN,
        "no features": bool(p.features),
        f"{fitted[0]} shifts and {fitted[1]} scales for {p.width} features": fitted
        in ((0, 0), (p.width, p.width)),
        f"{target[0]} target shifts and {target[1]} target scales: one each, of a regression": (
            target == (0, 0) or (target == (1, 1) and p.kind == "regression")
        ),
        "shift and scale are finite numbers": bool(np.isfinite(statistics).all()),
        "a feature is a number, or a category with codes or one-hot": all(
            f.kind in ("number", "category") and f.encode in ENCODINGS and f.decimal in (".", ",")
            for f in p.features
        ),
        "binary needs two labels, classes at least two": len(p.labels)
        == {"binary": 2, "classes": max(2, len(p.labels))}.get(p.kind, 0),
        "labels and feature names stand once": len(set(p.labels)) == len(p.labels)
        and len(set(p.columns)) == len(p.columns),
    }
    return [mistake for mistake, holds in checks.items() if not holds]
