"""The bars of the overhead: what was measured, what was wanted, whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.benchmark.bars import Bar
from lamina.benchmark.results import look

Results = Mapping[str, Any]

PEERS_TO_BEAT = ("ray", "parsl", "dask", "prefect", "snakemake")

GROWTH = 1.25
"""How much dearer a task may be in the largest run than in the one before, for noise."""


def bars(results: Results) -> list[Bar]:
    """All bars, from a results document of `lamina benchmark overhead`."""
    return [*_tasks(results), *_graphs(results), *_data(results), *_peers(results)]


def _most(name: str, subject: str, value: Any, target: float | None, unit: str) -> Bar:
    return Bar(name, subject, value, target, unit, at_least=False)


def _tasks(results: Results) -> Iterator[Bar]:
    for engine, target in (("warm", 1.0), ("process", 5.0)):
        value = look(results, "ms_per_task", engine)
        yield _most("a no-op task, all records written", engine, value, target, "ms")
    ratio = look(results, "growth", "per_task_ratio")
    sizes = sorted(map(int, look(results, "scale") or {}))[-2:]
    subject = " over ".join(f"{size:,}" for size in reversed(sizes))
    yield _most("cost per task in ever larger runs", subject, ratio, GROWTH, "x")


def _graphs(results: Results) -> Iterator[Bar]:
    plan = look(results, "plan_100k") or {}
    title = "100,000 tasks built, checked and planned"
    yield _most(title, "time", plan.get("seconds"), 10.0, "s")
    yield _most(title, "memory", plan.get("mb"), 500.0, "MB")
    value = look(results, "dry_run", "seconds")
    yield _most("dry run of 10 tasks from the shell", "time", value, 0.5, "s")
    again = look(results, "nothing_to_do_10k") or {}
    title = "10,000 tasks with nothing to do"
    yield _most(title, "from Python", again.get("seconds"), 2.0, "s")
    yield _most(title, "from the shell", again.get("shell"), 2.0, "s")


def _data(results: Results) -> Iterator[Bar]:
    value = look(results, "array_100mb", "pipe_bytes")
    yield _most("100 MB array between tasks: bytes through pipes", "", value, 4096, "B")


def _peers(results: Results) -> Iterator[Bar]:
    ours = look(results, "ms_per_task", "warm")
    for peer in PEERS_TO_BEAT:
        theirs = look(results, "ms_per_task", peer)
        value = theirs / ours if theirs and ours else None
        yield Bar("times slower than our warm workers", peer, value, 1.0, "x")
