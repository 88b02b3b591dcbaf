"""K-means (Lloyd 1982) until no centre moves: a loop whose body is a map and a reduction."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamina import run
from lamina.data.tables import Table
from lamina.workflow import Builder, Workflow, loop, task, workflow

Floats = NDArray[np.float64]


class Moved(NamedTuple):
    """Centres after an iteration, and whether they are where they were."""

    centres: NDArray[np.float64]
    done: bool


@task
def points(table: Table, target: str) -> NDArray[np.float64]:
    """The numbers of a table as rows, each column brought to [0, 1]."""
    columns = [table[name] for name in table.names if name != target]
    rows = np.stack([column.astype(np.float64) for column in columns], axis=1)
    return (rows - rows.min(axis=0)) / np.ptp(rows, axis=0)


@task
def start(points: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """The first centres: each as far as possible from those before it."""
    chosen = [points[0]]
    while len(chosen) < k:
        chosen.append(points[int(distances(points, np.array(chosen)).min(axis=1).argmax())])
    return np.array(chosen)


@task
def cut(points: NDArray[np.float64], parts: int) -> list[NDArray[np.float64]]:
    """The rows in parts."""
    return np.array_split(points, parts)


@task
def sums(points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map: for each centre the sum of its points, and in the last column their number."""
    nearest = distances(points, centres).argmin(axis=1)
    one = np.eye(len(centres))[nearest]
    return np.hstack([one.T @ points, one.sum(axis=0)[:, None]])


@task
def move(sums: list[NDArray[np.float64]], centres: NDArray[np.float64]) -> Moved:
    """Reduce: every centre goes to the mean of its points; one without points stays."""
    total = np.sum(sums, axis=0)
    counts = total[:, -1:]
    moved = np.where(counts > 0, total[:, :-1] / np.maximum(counts, 1), centres)
    return Moved(moved, bool(np.array_equal(moved, centres)))


@task
def summary(
    points: NDArray[np.float64], centres: NDArray[np.float64], table: Table, target: str
) -> dict[str, Any]:
    """Points per centre, and how many of them carry their centre's most frequent label."""
    nearest = distances(points, centres).argmin(axis=1)
    sizes = [int((nearest == k).sum()) for k in range(len(centres))]
    labels = [table[target][nearest == k].tolist() for k in range(len(centres))]
    agreed = sum(max(map(own.count, set(own)), default=0) for own in labels)
    return {"sizes": sizes, "agreed": agreed, "of": len(points)}


def distances(points: Floats, centres: Floats) -> Floats:
    """Squared distance of every point from every centre."""
    apart: Floats = points[:, None, :] - centres[None, :, :]
    return (apart * apart).sum(axis=2)


def iteration() -> Builder:
    """The body of the loop: `centres` is carried, `done` ends it."""
    with workflow("iteration") as w:
        chunks = w.input("chunks", "list[array]")
        centres = w.input("centres", "array")
        moved = move(sums.map(chunks, centres=centres), centres)
        w.output("centres", moved.centres)
        w.output("done", moved.done)
    return w


def k_means() -> Workflow:
    """The same workflow as k-means.yaml."""
    with workflow("k-means", folder=Path(__file__).parent) as w:
        data = w.input("data", "table", default="iris")
        target = w.input("target", "str", default="species")
        k = w.input("k", "int", default=3)
        parts = w.input("parts", "int", default=2)
        found = points(data, target)
        cluster = loop(iteration(), until="done", most=100, name="cluster")
        centres = cluster(chunks=cut(found, parts), centres=start(found, k))
        w.output("centres", centres)
        w.output("summary", summary(found, centres, data, target))
    return w.workflow


if __name__ == "__main__":
    print(run(k_means()).outputs["summary"])  # noqa: T201
