"""Splits of labelled runs: at random, as most papers do, and with whole batches held out.

Runs of one batch ran one after the other on the same machines. Where a batch has one label, a
random split lets a detector recognise the batch and pass for one that recognises the anomaly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lamina.data.split import holdout
from lamina.diagnosis.runs import Collection, Numbers
from lamina.errors import DataError


class Split(NamedTuple):
    """Row numbers of the runs to learn from, to stop and calibrate by, and to test on."""

    train: Numbers
    held: Numbers
    test: Numbers


def random_split(runs: Collection, seed: int = 0, held: float = 0.1, test: float = 0.1) -> Split:
    """Each class keeps its share in each part; 80/10/10 as in the Gantt-chart paper.

    Args:
        runs: all with a known label.
        seed: equal seeds give equal splits on every machine.
        held, test: shares of the two smaller parts.

    Raises:
        DataError: too few runs, shares outside (0, 1) or together no less than 1.
    """
    if not 0.0 < held + test < 1.0:
        raise DataError(
            f"shares {held} and {test} leave nothing to learn from", "give less than 1 together"
        )
    rest, tested = holdout(len(runs), test, seed, runs.targets)
    rest = np.sort(rest)
    learnt, kept = holdout(len(rest), held / (1.0 - test), seed, runs.targets[rest])
    return Split(rest[learnt], rest[kept], tested)


def batch_splits(runs: Collection) -> Iterator[tuple[str, Split]]:
    """Each batch held out in turn that has another batch of its class: its name, and the split.

    Nothing is held for stopping or calibrating; a detector that needs some takes whole batches
    of the rest. Batches whose class has no other are always learnt from.
    """
    batches, targets = np.array(runs.batches), runs.targets
    others: dict[int, set[str]] = defaultdict(set)
    for batch, target in zip(runs.batches, targets.tolist(), strict=True):
        others[target].add(batch)
    for batch in dict.fromkeys(runs.batches):
        tested = np.flatnonzero(batches == batch)
        if all(len(others[target]) > 1 for target in set(targets[tested].tolist())):
            none = np.empty(0, dtype=np.int64)
            yield batch, Split(np.flatnonzero(batches != batch), none, tested)


def warning_of(runs: Collection) -> str:
    """What to beware of in a random split of these runs; empty where batches mix the classes."""
    classes: dict[str, set[int]] = defaultdict(set)
    sizes: dict[str, int] = defaultdict(int)
    for batch, target in zip(runs.batches, runs.targets.tolist(), strict=True):
        classes[batch].add(target)
        sizes[batch] += 1
    several = {batch for batch, size in sizes.items() if size > 1}
    pure = [batch for batch in several if len(classes[batch]) == 1]
    if not pure or sum(sizes[one] for one in pure) * 2 < len(runs):
        return ""
    return (
        f"{len(pure)} of {len(several)} batches have one class only: on a random split a detector "
        "may recognise the batch in place of what went wrong. Hold whole batches out as well: "
        "--split batch"
    )


def held_batches(runs: Collection, seed: int = 0, share: float = 0.1) -> tuple[Numbers, Numbers]:
    """Rows to learn from, and rows of whole batches to stop by; classes keep a batch to learn from.

    Where no class has a batch to spare, runs are held at random.
    """
    batches = np.array(runs.batches)
    spare: dict[int, int] = defaultdict(int)
    target = {batch: int(runs.targets[batches == batch][0]) for batch in dict.fromkeys(batches)}
    for of in target.values():
        spare[of] += 1
    held: list[str] = []
    order = np.random.default_rng(seed).permutation(list(target))
    for batch in order.tolist():
        if np.isin(batches, held).sum() >= share * len(runs):
            break
        if spare[target[batch]] > 1:
            spare[target[batch]] -= 1
            held.append(batch)
    if not held:
        return holdout(len(runs), share, seed, runs.targets)
    kept = np.isin(batches, held)
    return np.flatnonzero(~kept), np.flatnonzero(kept)
