"""`lamina benchmark diagnosis`: what is measured, in which order, under which keys."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lamina.benchmark.diagnosis import sheets
from lamina.benchmark.diagnosis.flowbench import MAIN, Flowbench, flowbench_figures
from lamina.benchmark.diagnosis.novelty import (
    LEARNT_ON,
    REPORTED,
    WAYS,
    novelty_figures,
    transfer_figures,
)
from lamina.benchmark.diagnosis.one_run import one_diagnosis
from lamina.benchmark.diagnosis.other_sheets import FLOWBENCH, ONE, TRANSFER, UNLABELLED
from lamina.benchmark.diagnosis.paper import PaperOptions, paper_tables
from lamina.benchmark.diagnosis.paper_sheets import KEY
from lamina.benchmark.diagnosis.protocols import (
    over_seeds,
    reference_protocol,
    split_protocol,
)
from lamina.benchmark.document import Say, Tree, document_of
from lamina.benchmark.machine import Beginning
from lamina.benchmark.results import put
from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import check_device
from lamina.diagnosis.novelty import DEFAULT
from lamina.diagnosis.runs import Collection, collection_of
from lamina.errors import MissingExtraError, UsageError
from lamina.workspace.traces import read_traces

PROTOCOLS = ("batch", "paper", "flowbench", "unlabelled")
CLASSES = ("normal", "cpu", "hdd", "loss")
"""Of the runs of the Gantt-chart paper."""
TABLES = ("default", "extra-trees", "gradient-boosting", "nearest")
"""Detectors on the columns of phases, which learn in seconds."""
_SEEDS, _QUICK_SEEDS = 5, 1


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        protocol: "batch": detectors on phase tables, at random and with whole batches held out;
            "paper": the paper's tables 2 and 3; "flowbench": labels of runs and disturbed jobs of
            other workflows; "unlabelled": what is strange beside 20 normal runs, and few labels.
        quick: one seed.
        data: folder that holds exogeni_2020 and flowbench; LAMINA_DATA when empty.
        detectors: names; `TABLES` when empty.
        device: where networks learn.
    """

    protocol: str = "batch"
    quick: bool = False
    data: str = ""
    detectors: tuple[str, ...] = ()
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise UsageError(
                f"there is no protocol {self.protocol!r}", f"give one of {', '.join(PROTOCOLS)}"
            )
        check_device(self.device)

    @property
    def seeds(self) -> range:
        """Of splits and detectors."""
        return range(_QUICK_SEEDS if self.quick else _SEEDS)

    def file(self, *parts: str) -> Path:
        """A file of the data.

        Raises:
            UsageError: nobody told where the data are, or it is not there.
        """
        told = self.data or os.environ.get("LAMINA_DATA", "")
        if not told:
            raise UsageError(
                "the runs to measure on are not known",
                "set LAMINA_DATA, or --data, to the folder with exogeni_2020 and flowbench",
            )
        found = Path(told, *parts)
        if not found.exists():
            raise UsageError(f"there is no {found}", "set LAMINA_DATA, or --data, to its folder")
        return found


def benchmark_diagnosis(options: Options, command: str, say: Say) -> Tree:
    """Measures and returns the results document.

    Stable keys: `detectors.<name>.{random,batch,against}` with those of
    `lamina.benchmark.diagnosis.protocols.over_seeds` and `seconds`; `paper` with those of
    `lamina.benchmark.diagnosis.paper.paper_tables`; `flowbench`, `unlabelled` and `transfer` with
    those of the modules of these names; `one_run.seconds`; `absent`, `failed`, `bars`.

    Args:
        options: what is asked for.
        command: the command line, for the document.
        say: takes a line of progress.
    """
    began = Beginning()
    tree: Tree = {"absent": {}, "failed": {}, "protocol": options.protocol}
    _PARTS[options.protocol](tree, options, say)
    told = {"quick": options.quick, "seeds": list(options.seeds), **tree}
    return document_of(sheets.KIND, (began, command), told, sheets.bars)


def _batch(tree: Tree, options: Options, say: Say) -> None:
    runs = _labelled(options, "exogeni_2020", "1000genome.tar.xz")
    tree["runs"] = {"n": len(runs), "batches": len(set(runs.batches))}
    for name in options.detectors or TABLES:
        try:
            DETECTORS.get(name)
        except MissingExtraError as error:
            tree["absent"][name] = str(error)
            say(str(error))
            continue
        for protocol, measure in (
            ("random", split_protocol(runs, name, "random", options.device)),
            ("batch", split_protocol(runs, name, "batch", options.device)),
            ("against", reference_protocol(runs, name, options.device)),
        ):
            start = time.perf_counter()
            found = over_seeds(measure, options.seeds)
            found["seconds"] = time.perf_counter() - start
            put(tree, ("detectors", name, protocol), found)
            say(f"{name}, {protocol}: {found['accuracy']:.3f} in {found['seconds']:.0f} s")
    put(tree, (ONE, "seconds"), one_diagnosis(options.file("exogeni_2020", "1000genome.tar.xz")))
    say(f"one run diagnosed: {tree[ONE]['seconds']:.2f} s")


def _labelled(options: Options, *parts: str) -> Collection:
    return collection_of(read_traces([options.file(*parts)]), CLASSES).labelled


def _paper(tree: Tree, options: Options, say: Say) -> None:
    wish = PaperOptions(options.seeds, options.device, detectors=options.detectors)
    tree[KEY] = paper_tables(_labelled(options, "exogeni_2020", "1000genome.tar.xz"), wish, say)


def _flowbench(tree: Tree, options: Options, say: Say) -> None:
    wish = Flowbench(options.file("flowbench"), options.seeds)
    if options.detectors:
        wish = replace(wish, detectors=options.detectors)
    if options.quick:
        wish = replace(wish, workflows=(MAIN,))
    tree[FLOWBENCH] = flowbench_figures(wish, say)


def _unlabelled(tree: Tree, options: Options, say: Say) -> None:
    archives = {name: options.file("exogeni_2020", f"{name}.tar.xz") for name in REPORTED}
    ways = options.detectors or ((DEFAULT,) if options.quick else WAYS)
    found = novelty_figures(archives, options.seeds, ways, say, options.device)
    tree["absent"].update(found.pop("absent"))
    tree[UNLABELLED] = found
    if not options.quick:
        known = options.file("exogeni_2020", f"{LEARNT_ON}.tar.xz")
        tree[TRANSFER] = transfer_figures(known, archives, options.seeds, say)


_PARTS: Mapping[str, Callable[[Tree, Options, Say], None]] = {
    "batch": _batch,
    "paper": _paper,
    "flowbench": _flowbench,
    "unlabelled": _unlabelled,
}
