"""Learning a preparation from a table: which columns become features, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lamina.data.columns import empty
from lamina.data.features import ENCODINGS, Repair, filled_rows, learn_feature
from lamina.data.labels import learn_labels
from lamina.data.normalise import NORMALISATIONS
from lamina.data.preparation import Preparation, Prepared
from lamina.data.tables import Table, missing_columns
from lamina.errors import DataError


def learn(
    table: Table,
    target: str | int,
    *,
    kind: str = "auto",
    normalise: str = "min-max",
    encode: str | Mapping[str, str] = "code",
    features: Sequence[str] | None = None,
) -> tuple[Preparation, Prepared]:
    """Learns from a table how its columns become features and targets.

    Rows with an empty cell are dropped and counted. Texts become categories in sorted order,
    texts that are all numbers become numbers. Normalisation is not fitted here, but by
    `Preparation.fitted` on the training rows.

    Args:
        table: all rows at hand; only categories and labels are learned from them.
        target: name or number of the target column (-1 or "-1": the last one); "" for none.
        kind: "auto", "binary", "classes" or "regression"; see `labels.learn_labels`.
        normalise: "min-max", "standard" or "none".
        encode: "code" or "one-hot" for all text columns, or a mapping column -> encoding;
            columns named in it are categories even when they hold numbers.
        features: the columns to use; all but the target without it.

    Raises:
        DataError: unknown columns, no rows left, labels that do not fit `kind`.
    """
    _check_words(normalise, encode, table)
    name = _target_name(table, target)
    chosen = _chosen(table, name, features)
    report = _without_empty(table, chosen) if features is None else []
    wanted = {n: table.columns[n] for n in chosen}
    kept, _ = filled_rows({**wanted, **({name: table.columns[name]} if name else {})})
    if not len(kept):
        raise _no_rows(table, [*chosen, *([name] if name else [])])
    made = []
    for column_name, values in wanted.items():
        how = encode.get(column_name) if isinstance(encode, Mapping) else None
        feature, repairs = learn_feature(column_name, values[kept], how)
        if feature.kind == "category" and isinstance(encode, str):
            feature = replace(feature, encode=encode)
        made.append(feature)
        report.extend(repairs)
    found, labels = learn_labels(name, table.columns[name][kept], kind) if name else ("", ())
    preparation = Preparation(name, found, tuple(made), labels, normalise)
    prepared = preparation.apply(table)
    whole = (*report, *prepared.report, *_constant(preparation, prepared))
    return preparation, replace(prepared, report=whole)


def _without_empty(table: Table, chosen: list[str]) -> list[Repair]:
    """Takes columns without any value out of `chosen`, and says so."""
    hollow = [name for name in chosen if table.rows and empty(table.columns[name]).all()]
    if not hollow or len(hollow) == len(chosen):
        return []
    for name in hollow:
        chosen.remove(name)
    return [_of_columns("{} column{} without any value left out: {}", hollow)]


def _no_rows(table: Table, names: list[str]) -> DataError:
    gaps = sorted(((int(empty(table.columns[n]).sum()), n) for n in names), reverse=True)
    said = ", ".join(f"{name} {count}" for count, name in gaps[:5] if count)
    return DataError(
        f"{table.origin} has no row without an empty cell ({table.rows} rows; {said or 'none'})",
        "fill the cells, or leave the emptiest columns out with features=[...]",
    )


def _constant(preparation: Preparation, prepared: Prepared) -> list[Repair]:
    values = prepared.features
    same = np.flatnonzero(values.min(axis=0) == values.max(axis=0))
    if not len(same):
        return []
    names = [preparation.names[i] for i in same]
    return [_of_columns("{} constant column{} kept, contributing 0: {}", names)]


def _of_columns(what: str, names: Sequence[str]) -> Repair:
    """One repair of several columns; what: with places for their number, an "s" and the names."""
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return Repair(what.format(len(names), "s" if len(names) > 1 else "", listed), len(names))


def _check_words(normalise: str, encode: str | Mapping[str, str], table: Table) -> None:
    if normalise not in NORMALISATIONS:
        raise DataError(f"normalise = {normalise!r}", f"choose from {', '.join(NORMALISATIONS)}")
    words = encode.values() if isinstance(encode, Mapping) else [encode]
    wrong = [word for word in words if word not in ENCODINGS]
    if wrong:
        raise DataError(f"encode = {wrong[0]!r}", f"choose from {', '.join(ENCODINGS)}")
    if isinstance(encode, Mapping):
        missing = [name for name in encode if name not in table.columns]
        if missing:
            raise missing_columns(missing, table)


def _target_name(table: Table, target: str | int) -> str:
    if isinstance(target, str):
        if not target or target in table.columns:
            return target
        if not target.removeprefix("-").isdecimal():
            raise missing_columns([target], table)
        target = int(target)
    names = table.names
    if not -len(names) <= target < len(names):
        raise DataError(
            f"{table.origin} has no column number {target}",
            f"it has {len(names)} columns, counted from 0: {', '.join(names[:30])}",
        )
    return names[target]


def _chosen(table: Table, target: str, features: Sequence[str] | None) -> list[str]:
    if isinstance(features, str):
        raise DataError(f"features = {features!r}", "give a list of column names")
    chosen = [n for n in table.names if n != target] if features is None else list(features)
    missing = [name for name in chosen if name not in table.columns]
    if missing:
        raise missing_columns(missing, table)
    if target in chosen:
        raise DataError(
            f"target {target!r} is among the features", "leave it out: it gives the answer away"
        )
    if not chosen or len(set(chosen)) < len(chosen):
        raise DataError(
            f"features = {chosen!r}: {'a name stands twice' if chosen else 'none is left'}",
            f"choose from {', '.join(n for n in table.names if n != target) or 'more columns'}",
        )
    return chosen
