"""`benchmark overhead`: what the engine costs per task, plan and start, beside other engines."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from lamina.benchmark.children import Clock
from lamina.benchmark.document import Say, Tree, document_of
from lamina.benchmark.machine import Beginning
from lamina.benchmark.overhead.asking import Measured, absence, interpreter, measure
from lamina.benchmark.overhead.bars import bars
from lamina.benchmark.overhead.peers import CARDS, OURS, PEERS, Card
from lamina.benchmark.results import put

KIND = "overhead"
"""The value of `benchmark` in a results document of this kind."""

QUICK_SECONDS = 110.0
"""After so many seconds the quick form starts nothing more, and ends what runs."""

LIMIT_SECONDS = 900.0
"""A single measurement that takes longer is given up."""


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        quick: fewer tasks and one repeat, within two minutes.
        engines: names in the table of peers; all of them when empty.
        workers: processes that run tasks, for every engine.
        pythons: engine -> interpreter that has it.
    """

    quick: bool = False
    engines: tuple[str, ...] = ()
    workers: int = 2
    pythons: Mapping[str, str] = field(default_factory=dict)

    @property
    def repeats(self) -> int:
        """How often each shape is measured."""
        return 1 if self.quick else 5

    @property
    def scales(self) -> tuple[int, ...]:
        """Tasks of the runs that show what a task costs in ever larger ones."""
        return (1000, 10_000) if self.quick else (1000, 10_000, 100_000)


def benchmark_overhead(options: Options, command: str, say: Say) -> Tree:
    """Measures everything that is there and returns the results document.

    Stable keys: `ms_per_task.<engine>` (independent tasks), `shapes.<shape>.<engine>` (ms),
    `first_result.<engine>` (s), `plan_100k.{seconds,mb}`, `dry_run.seconds`,
    `nothing_to_do_10k.{seconds,shell}`, `journal.bytes_per_task`,
    `array_100mb.{seconds,pipe_bytes}`, `scale.<tasks>.ms_per_task`, `absent`, `failed`, `bars`.

    Args:
        options: what is asked for.
        command: the command line, for the document.
        say: takes a line of progress.

    Raises:
        UnknownNameError: an engine that no table knows.
    """
    clock = Clock(LIMIT_SECONDS, QUICK_SECONDS if options.quick else None)
    began = Beginning()
    tree: Tree = {"absent": {}, "failed": {}, "ms_per_task": {}}
    names = options.engines or tuple(CARDS)
    for name in names:
        if name not in PEERS:
            PEERS.get(name)
    ours = [name for name in names if name in OURS]
    _measure_engines(ours, options, clock, (tree, say))
    for what, settings, key in _own(options):
        _take_own(tree, key, _run_own(what, settings, clock), say)
    _measure_engines([name for name in names if name not in OURS], options, clock, (tree, say))
    _derive(tree)
    told = {"quick": options.quick, "workers": options.workers, **tree}
    return document_of(KIND, (began, command), told, bars)


def _own(options: Options) -> Iterator[tuple[str, Tree, tuple[str, ...]]]:
    """What is measured of Lamina alone: name, settings, key of the results."""
    repeats = 1 if options.quick else 5
    yield "dry_run", {"tasks": 10, "repeats": 2 * repeats + 1}, ("dry_run",)
    yield "array", {"bytes": 100_000_000}, ("array_100mb",)
    yield "plan", {"tasks": 100_000}, ("plan_100k",)
    again = {"tasks": 10_000, "repeats": repeats, "shell": not options.quick}
    yield "nothing_to_do", again, ("nothing_to_do_10k",)
    for count in options.scales:
        yield "scale", {"tasks": count, "workers": options.workers}, ("scale", str(count))


def _run_own(name: str, settings: Tree, clock: Clock) -> Tree:
    """A measurement of ours in a process of its own; {"failure": why} when it went wrong."""
    command = [sys.executable, "-m", "lamina.benchmark.overhead.own", name, json.dumps(settings)]
    waited = clock.left()
    if waited <= 0:
        return {"failure": clock.reason(0.0)}
    variables = {k: v for k, v in os.environ.items() if not k.startswith("LAMINA_PROJECT")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=waited, check=False, env=variables
        )
    except subprocess.TimeoutExpired:
        return {"failure": clock.reason(waited)}
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        return {"failure": said[-1] if said else f"it ended with {done.returncode}"}
    found: Tree = json.loads(done.stdout)
    return found


def _take_own(tree: Tree, key: tuple[str, ...], values: Tree, say: Say) -> None:
    name = ".".join(key)
    if "failure" in values:
        put(tree, ("failed", name), values["failure"])
        say(f"{name}: {values['failure']}")
        return
    put(tree, key, values)
    more = "".join(f", {values[k]:.0f} MB" for k in ("mb",) if k in values)
    say(f"{name}: {values['seconds']:.3g} s{more}")


def _measure_engines(
    names: list[str], options: Options, clock: Clock, into: tuple[Tree, Say]
) -> None:
    tree, say = into
    for name in names:
        python = interpreter(name, options.pythons)
        why = absence(name, python)
        if why:
            put(tree, ("absent", name), why)
            say(f"absent: {name}: {why}")
            continue
        tasks = CARDS.get(name, Card(name)).tasks(options.quick)
        asked = {"workers": options.workers, "repeats": options.repeats, "tasks": tasks}
        found = measure(name, python, asked, clock)
        _take(tree, found)
        say(_line(tree, found))


def _take(tree: Tree, found: Measured) -> None:
    who, card = found.engine, CARDS.get(found.engine, Card(found.engine))
    if found.failure:
        put(tree, ("failed", who), found.failure)
    if found.version:
        put(tree, ("engine_versions", who), found.version)
    if found.first is not None:
        put(tree, ("first_result", who), found.first)
    for shape, seconds in found.seconds.items():
        count = found.tasks[shape]
        off = found.alone if card.starts and found.alone and count > 1 else 0.0
        divisor = count - 1 if off else count
        each = [1000.0 * max(0.0, s - off) / divisor for s in seconds]
        put(tree, ("shapes", shape, who), statistics.median(each))
        put(tree, ("spread", shape, who), [min(each), max(each)])
        put(tree, ("tasks", shape, who), count)
        put(tree, ("repeats", shape, who), len(seconds))


def _derive(tree: Tree) -> None:
    """What follows from what was measured: the main figures of engines, scale and journal."""
    tree["ms_per_task"] = dict(tree.get("shapes", {}).get("independent", {}))
    for values in tree.get("scale", {}).values():
        values["ms_per_task"] = 1000.0 * values["seconds"] / values["tasks"]
        values["journal_bytes_per_task"] = values["journal_bytes"] / values["tasks"]
    sizes = sorted(tree.get("scale", {}), key=int)
    if sizes:
        largest = tree["scale"][sizes[-1]]
        tree["journal"] = {
            "bytes_per_task": largest["journal_bytes_per_task"],
            "tasks": largest["tasks"],
        }
    if len(sizes) > 1:
        _derive_growth(tree, sizes)


def _derive_growth(tree: Tree, sizes: list[str]) -> None:
    """How much dearer a further task is at the large end than at the small one.

    What a run costs at all (workers that start) is in every run once: the cost of a further task
    is the slope between two sizes.
    """
    runs = [tree["scale"][size] for size in sizes]
    slopes = [
        1000.0 * (b["seconds"] - a["seconds"]) / (b["tasks"] - a["tasks"])
        for a, b in pairwise(runs)
    ]
    tree["growth"] = {
        "ms_per_further_task": dict(zip(sizes[1:], slopes, strict=True)),
        "ratio": slopes[-1] / slopes[0] if len(slopes) > 1 and slopes[0] > 0 else None,
        "per_task_ratio": runs[-1]["ms_per_task"] / runs[-2]["ms_per_task"],
    }


def _line(tree: Tree, found: Measured) -> str:
    shapes = ", ".join(
        f"{shape} {tree['shapes'][shape][found.engine]:.3g} ms" for shape in found.seconds
    )
    first = "" if found.first is None else f", first result after {found.first:.2g} s"
    failure = f" ({found.failure})" if found.failure else ""
    return f"{found.engine}: {shapes or 'nothing'}{first}{failure}"
