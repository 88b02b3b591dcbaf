"""The table of engines that the overhead is measured of, one file each."""

from __future__ import annotations

from dataclasses import dataclass

from lamina.benchmark.overhead.noops import first, step, total
from lamina.benchmark.overhead.peers.base import SHAPES, Peer
from lamina.registry import Registry

_HERE = "lamina.benchmark.overhead.peers"

PEERS: Registry[type[Peer]] = Registry(
    "overhead_peers",
    "engine",
    {
        "warm": f"{_HERE}.ours:Warm",
        "process": f"{_HERE}.ours:OfItsOwn",
        "pool": f"{_HERE}.process_pool:ProcessPool",
        "dask": f"{_HERE}.dask_distributed:Dask",
        "parsl": f"{_HERE}.parsl_htex:Parsl",
        "ray": f"{_HERE}.ray_core:Ray",
        "prefect": f"{_HERE}.prefect_flow:Prefect",
        "snakemake": f"{_HERE}.snakemake_jobs:Snakemake",
    },
)


@dataclass(frozen=True)
class Card:
    """An engine in brief.

    Args:
        title: in tables.
        package: its name for pip; empty for what is always there.
        module: what must be importable; empty for what is always there.
        counts: tasks per shape (see SHAPES), as many as take a few seconds.
        starts: whether every run starts the engine anew; the time of a run of one task is then
            taken off, in its favour. Ours start with every run, too, and nothing is taken off.
    """

    title: str
    package: str = ""
    module: str = ""
    counts: tuple[int, int, int] = (2000, 500, 2000)
    starts: bool = False

    def tasks(self, quick: bool) -> dict[str, int]:
        """Shape -> tasks; a tenth in the quick form."""
        part = 10 if quick else 1
        return {
            shape: max(10, count // part) for shape, count in zip(SHAPES, self.counts, strict=True)
        }


CARDS = {
    "warm": Card("Lamina, warm workers", counts=(5000, 2000, 5000)),
    "process": Card("Lamina, a process per task", counts=(1000, 300, 1000)),
    "pool": Card("ProcessPoolExecutor (keeps no record)", counts=(10000, 5000, 10000)),
    "dask": Card("Dask distributed", "distributed", "distributed"),
    "parsl": Card("Parsl, HTEX", "parsl", "parsl"),
    "ray": Card("Ray", "ray", "ray"),
    "prefect": Card("Prefect", "prefect", "prefect", (500, 100, 500), starts=True),
    "snakemake": Card(
        "Snakemake, shell jobs", "snakemake", "snakemake", (200, 30, 200), starts=True
    ),
}
OURS = ("warm", "process")


def title_of(engine: str) -> str:
    """How tables and pictures call an engine."""
    return CARDS.get(engine, Card(engine)).title


__all__ = ["CARDS", "OURS", "PEERS", "SHAPES", "Card", "Peer", "first", "step", "title_of", "total"]
