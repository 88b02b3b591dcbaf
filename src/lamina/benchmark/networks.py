"""`benchmark networks`: the papers' groups I, II and III, Lamina beside its peers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from lamina.benchmark import cases
from lamina.benchmark.bars import bars
from lamina.benchmark.children import Clock, ask
from lamina.benchmark.document import Say, document_of
from lamina.benchmark.jobs import Answer, Job
from lamina.benchmark.machine import Beginning
from lamina.benchmark.plan import QUICK_SECONDS, Options, jobs
from lamina.benchmark.results import assemble
from lamina.errors import DataError, MissingExtraError


def benchmark_networks(options: Options, command: str, say: Say) -> dict[str, Any]:
    """Measures everything that is there and returns the results document.

    Each engine and peer runs in a process of its own, bound to as many cores as it has
    threads. What is absent or fails is named in the document; the rest is measured.

    Args:
        options: what is asked for.
        command: the command line, for the document.
        say: takes a line of progress.

    Raises:
        DataError: none of the data sets is there.
    """
    clock = Clock(total=QUICK_SECONDS if options.quick else None)
    began = Beginning()
    found, absent = read_cases(options)
    if absent and not found:
        raise DataError(
            "no data set of the benchmark is there: " + "; ".join(absent.values()),
            "run `lamina data fetch`, or set LAMINA_DATA to a folder with a copy",
        )
    with tempfile.TemporaryDirectory(prefix="lamina-benchmark-") as folder:
        files = {name: Path(folder) / f"{name}.npz" for name in found}
        for name, case in found.items():
            case.save(files[name])
        asked, missing = jobs(options, files)
        for name, reason in (*absent.items(), *missing.items()):
            say(f"absent: {name}: {reason}")
        answers = list(_answers(asked, clock, say))
    told = {
        "quick": options.quick,
        "epochs": options.epochs,
        "batches": cases.BATCHES,
        "seeds": {"split": options.seed, "weights": options.seed},
        "sets": {name: facts(case) for name, case in found.items()},
        "absent": {"sets": absent, "contestants": missing},
        **assemble(options, found, answers),
    }
    return document_of("", (began, command), told, bars)


def read_cases(options: Options) -> tuple[dict[str, cases.Case], dict[str, str]]:
    """The cases whose data are on this machine, and the reason for each that is not."""
    found, absent = {}, {}
    for name in cases.EXPERIMENTS:
        if name not in options.sets:
            continue
        try:
            found[name] = cases.read(name, options.seed)
        except (DataError, MissingExtraError) as error:
            absent[name] = "; ".join(part for part in (error.message, error.way_out) if part)
    return found, absent


def facts(case: cases.Case) -> dict[str, Any]:
    """What a table says of a data set and its network."""
    return {
        "rows": len(case.features),
        "train_rows": len(case.portions[0].train),
        "features": case.features.shape[1],
        "network": case.network.name,
        "parameters": case.network.parameter_count(),
        "majority": float(max(case.targets.mean(), 1.0 - case.targets.mean())),
    }


def _answers(asked: list[Job], clock: Clock, say: Say) -> Iterator[Answer]:
    for job in asked:
        said = ""
        with closing(ask(job, clock)) as answers:
            for answer in answers:
                if not answer.failure or answer.failure != said:
                    say(progress(answer))
                said = answer.failure
                yield answer


def progress(answer: Answer) -> str:
    """One line about one measurement."""
    group = f" {answer.task.group}" if answer.task.group else ""
    head = f"{answer.job.label}: {answer.task.subject}{group}"
    reason = answer.failure or answer.values.get("refusal", "")
    if reason:
        return f"{head}: {reason}"
    return f"{head}: {_measured(answer.values)}"


def _measured(values: Mapping[str, Any]) -> str:
    if "gflops" in values:
        return f"{values['gflops']:.0f} GFLOP/s"
    if "ratio" in values:
        return f"vectorised {values['ratio']:.2f} x"
    seconds = values["seconds"]
    middle = sorted(seconds)[len(seconds) // 2]
    compiling = f", compiled in {values['compile']:.2g} s" if values["compile"] else ""
    repeats = f" (median of {len(seconds)})" if len(seconds) > 1 else ""
    return f"{middle:.4g} s{repeats}{compiling}"
