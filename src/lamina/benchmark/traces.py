"""`benchmark traces`: how long readers take for one large run, and for the Gantt paper's 840."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lamina.benchmark.bars import Bar
from lamina.benchmark.document import Results, Say, Tree, document_of
from lamina.benchmark.machine import Beginning
from lamina.benchmark.made_traces import FORMS, made_trace
from lamina.benchmark.results import put
from lamina.benchmark.sheets import Sheet, bars_sheet
from lamina.errors import TraceError
from lamina.traces.comparison import compare
from lamina.traces.readers.collecting import traces_in
from lamina.traces.statistics import overview
from lamina.traces.table import table_of
from lamina.traces.trace import Trace
from lamina.traces.writers import WRITERS

KIND = "traces"
"""The value of `benchmark` in a results document of this kind."""

BAR_SECONDS, BAR_MANY = 2.0, 5.0
"""Seconds for one run of 100,000 tasks; for the 840 runs of the Gantt paper."""

RUNS = 840
_ARCHIVE = Path("exogeni_2020") / "1000genome.tar.xz"


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        quick: a tenth of the tasks, and one repeat.
        forms: which of `made_traces.FORMS`; all for none.
        data: the mirror of data sets with the paper's runs; None for none.
    """

    quick: bool = False
    forms: tuple[str, ...] = ()
    data: Path | None = None

    @property
    def tasks(self) -> int:
        """Tasks of a run."""
        return 10_000 if self.quick else 100_000

    @property
    def repeats(self) -> int:
        """Of which the median counts."""
        return 1 if self.quick else 3


def benchmark_traces(options: Options, command: str, say: Say) -> Tree:
    """Times readers and returns the results document.

    Stable keys: `tasks`, `seconds.<format>`, `bytes.<format>`, `then.<what>` (what is done with a
    run of as many tasks: table, statistics, comparison), `writing.<format>`,
    `runs.{seconds,count,jobs}`, `absent`, `bars`. Seconds are those of the processor, of one
    thread; medians.

    Args:
        options: what is asked for.
        command: the command line, for the document.
        say: takes a line of progress.
    """
    began = Beginning()
    tree: Tree = {"absent": {}, "failed": {}}
    for form in options.forms or tuple(FORMS):
        with TemporaryDirectory(prefix="lamina-traces-") as folder:
            _one(made_trace(form, Path(folder), 100), 100)  # imports take their time once
        with TemporaryDirectory(prefix="lamina-traces-") as folder:
            path = made_trace(form, Path(folder), options.tasks)
            spent = [_one(path, options.tasks) for _ in range(options.repeats)]
            put(tree, ("bytes", form), _size(path))
        put(tree, ("seconds", form), statistics.median(spent))
        say(f"{form}: {tree['seconds'][form]:.2f} s for {options.tasks:,} tasks")
    _then(tree, options, say)
    _many(tree, options, say)
    told = {"quick": options.quick, "tasks": options.tasks, **tree}
    return document_of(KIND, (began, command), told, bars)


def _one(path: Path, tasks: int) -> float:
    """Seconds of the processor for the one run at a path."""
    begun = time.process_time()
    found = list(traces_in(path))
    spent = time.process_time() - begun
    (trace,) = (one for one in found if isinstance(one, Trace))
    if len(trace.last) < tasks:
        raise TraceError(str(path), f"{len(trace.last)} of {tasks} tasks were read")
    return spent


def _then(tree: Tree, options: Options, say: Say) -> None:
    """What statistics, tables and comparisons of such a run take, and writing it."""
    with TemporaryDirectory(prefix="lamina-traces-") as folder:
        found = list(traces_in(made_trace("pegasus", Path(folder), options.tasks)))
    (trace,) = (one for one in found if isinstance(one, Trace))
    for name, do in (
        ("table", lambda: table_of(trace)),
        ("statistics", lambda: overview(trace)),
        ("comparison", lambda: compare(trace, trace)),
    ):
        begun = time.process_time()
        do()
        put(tree, ("then", name), time.process_time() - begun)
        say(f"{name}: {tree['then'][name]:.2f} s")
    for name in WRITERS.names():
        with TemporaryDirectory(prefix="lamina-traces-") as folder:
            writer = WRITERS.get(name)()
            begun = time.process_time()
            writer.write([trace], Path(folder) / f"run{writer.suffix}")
            put(tree, ("writing", name), time.process_time() - begun)
        say(f"written as {name}: {tree['writing'][name]:.2f} s")


def _many(tree: Tree, options: Options, say: Say) -> None:
    """The runs of the Gantt paper, where they are."""
    archive = None if options.data is None else options.data / _ARCHIVE
    if archive is None or not archive.is_file():
        tree["absent"]["the Gantt paper's runs"] = f"LAMINA_DATA names no folder with {_ARCHIVE}"
        return
    spent = []
    for _ in range(options.repeats):
        begun = time.process_time()
        found = [one for one in traces_in(archive) if isinstance(one, Trace)]
        spent.append(time.process_time() - begun)
    put(tree, ("runs", "seconds"), statistics.median(spent))
    put(tree, ("runs", "count"), len(found))
    put(tree, ("runs", "jobs"), sum(len(one.last) for one in found))
    say(f"{len(found)} runs of an archive: {tree['runs']['seconds']:.2f} s")


def data_folder() -> Path | None:
    """The mirror of data sets that LAMINA_DATA names."""
    told = os.environ.get("LAMINA_DATA")
    return Path(told) if told else None


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files if one.is_file())


def bars(results: Results) -> Iterator[Bar]:
    """The bars, from a results document of `lamina benchmark traces`."""
    share = results["tasks"] / 100_000
    for form, seconds in results.get("seconds", {}).items():
        title = f"one run of {results['tasks']:,} tasks is read in at most"
        yield Bar(title, form, seconds, BAR_SECONDS * share, "s", at_least=False)
    title = f"{RUNS} runs of 57 jobs are read in at most"
    seconds = results.get("runs", {}).get("seconds")
    yield Bar(title, "1000genome.tar.xz", seconds, BAR_MANY, "s", at_least=False)


def head(results: Results) -> list[str]:
    """What the page says first, besides command, date, machine and versions."""
    return [
        f"one run of {results['tasks']:,} tasks in each format, made up; seconds of the processor, "
        "one thread, medians"
    ]


def sheets(results: Results) -> list[Sheet]:
    """All tables that the document has figures for, bars last."""
    return [
        sheet for sheet in (_readers(results), _uses(results), bars_sheet(results)) if sheet.rows
    ]


def _readers(results: Results) -> Sheet:
    rows = tuple(
        (
            form, f"{seconds:.2f}", f"{1e6 * seconds / results['tasks']:.1f}",
            f"{results['bytes'][form] / 1e6:,.0f}",
        )
        for form, seconds in results.get("seconds", {}).items()
    )  # fmt: skip
    head = ("format", "seconds", "microseconds a task", "MB")
    return Sheet(f"Reading one run of {results['tasks']:,} tasks", head, rows)


def _uses(results: Results) -> Sheet:
    rows = [(name, f"{seconds:.2f}") for name, seconds in results.get("then", {}).items()]
    rows += [
        (f"written as {name}", f"{seconds:.2f}")
        for name, seconds in results.get("writing", {}).items()
    ]
    if "runs" in results:
        told = results["runs"]
        rows.append((f"{told['count']} runs, {told['jobs']:,} jobs read", f"{told['seconds']:.2f}"))
    return Sheet("What is done with it, and many runs", ("what", "seconds"), tuple(rows))
