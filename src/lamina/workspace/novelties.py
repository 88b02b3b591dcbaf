"""`diagnose` without labels: what is strange, learnt from runs in which nothing went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.explain.beside import Strangeness, strangeness
from lamina.diagnosis.novelty import DEFAULT, NOVELTY
from lamina.diagnosis.novelty.base import FEWEST
from lamina.diagnosis.novelty.measuring import roc_auc
from lamina.diagnosis.novelty.saved import VERSION, Learnt
from lamina.diagnosis.runs import NORMAL, Run, class_of, classes_of, run_of
from lamina.diagnosis.sealed import version_in
from lamina.errors import DataError, UsageError
from lamina.workspace.diagnosing import options_in
from lamina.workspace.outputs import file_to_write, not_over
from lamina.workspace.traces import read_traces


def is_way(name: str) -> bool:
    """Whether a name is that of a way to find what is strange."""
    return name in NOVELTY.names()


def is_learnt(path: str) -> bool:
    """Whether a file holds what was learnt from normal runs."""
    return version_in(Path(path)) == VERSION


class Wish(NamedTuple):
    """A way to find what is strange, and how it learns."""

    way: str
    how: Fitting


def how_of(
    options: Sequence[str], settings: Mapping[str, object], tell: Callable[[str], None]
) -> Wish:
    """The wish that options of the command line make: NAME=VALUE, detector, seed, device.

    Raises:
        UsageError: an option that is not NAME=VALUE.
    """
    given = {name: _number(value) for name, value in options_in(options)}
    seed, device = int(str(settings["seed"])), str(settings["device"])
    return Wish(str(settings["detector"]), Fitting(seed, device, given, tell))


def _number(text: str) -> float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def learn(paths: Sequence[str], wish: Wish, target: Path | None) -> Learnt:
    """Learns from the normal runs of paths: those labelled so, and those without a label.

    Raises:
        LaminaError: too few such runs, runs of several workflows, a file that cannot be written.
    """
    if target is not None:
        not_over(target, *paths)
        file_to_write(target)
    found = [run_of(trace) for trace in read_traces(paths)]
    normal = [run for run in found if run.label in ("", NORMAL)]
    way, how = wish
    how.tell(f"{len(normal)} normal runs; {len(found) - len(normal)} others are left out")
    workflows = sorted({run.workflow for run in normal})
    if len(workflows) > 1:
        raise DataError(
            f"the runs are of {len(workflows)} workflows: {', '.join(workflows[:6])}",
            "learn from runs of one workflow",
        )
    novel = NOVELTY.get(way)().fit(normal, how)
    about = {"runs": len(normal), "seed": how.seed, "options": dict(how.options)}
    made = Learnt(way, novel, "".join(workflows), about)
    if target is not None:
        made.save(target)
    return made


def learning_json(made: Learnt, target: Path | None) -> dict[str, Any]:
    """What was learnt, as plain values."""
    return {
        "detector": made.way,
        "workflow": made.workflow,
        "threshold": made.novel.threshold,
        "false_alarms": made.novel.false_alarms,
        "output": None if target is None else str(target),
        **made.about,
    }


def learning_lines(made: Learnt, target: Path | None) -> list[str]:
    """The same for people."""
    found = [
        f"{made.way}, learnt from {made.about['runs']} normal runs of {made.workflow}: strange "
        f"from {made.novel.threshold:.3g} ({made.novel.false_alarms:.0%} false alarms)"
    ]
    return [*found, f"detector: {target}"] if target is not None else found


def evaluate(path: str, traces: Sequence[str]) -> dict[str, Any]:
    """How well strange runs are told from normal ones.

    Returns:
        by_class and by_label: n, roc_auc against the normal runs, strange (share above the
        threshold); normal: n, strange; n, detector, seconds.

    Raises:
        LaminaError: no such file, broken traces, no labelled run, no normal one.
    """
    begun = perf_counter()
    made = Learnt.load(path)
    runs = [run for run in map(run_of, read_traces(traces)) if run.label]
    scores = made.novel.scores(runs)
    normal = np.array([run.normal for run in runs], dtype=np.bool_)
    if not normal.any():
        raise DataError(
            f"none of the {len(runs)} labelled runs is normal", "give normal runs and others"
        )
    labels = [run.label for run in runs]
    classes = classes_of(labels)
    groups = {
        "by_class": [class_of(label, classes) for label in labels],
        "by_label": labels,
    }

    def told(names: Sequence[str]) -> dict[str, Any]:
        own = np.array(names)
        return {
            name: {
                "n": int((own == name).sum()),
                "roc_auc": roc_auc(scores[normal], scores[own == name]),
                "strange": float((scores[own == name] > made.novel.threshold).mean()),
            }
            for name in sorted(set(names) - {NORMAL})
        }

    return {
        **{name: told(names) for name, names in groups.items()},
        "normal": {
            "n": int(normal.sum()),
            "strange": float((scores[normal] > made.novel.threshold).mean()),
        },
        "n": len(runs),
        "detector": made.way,
        "seconds": round(perf_counter() - begun, 3),
    }


def evaluation_lines(figures: dict[str, Any]) -> list[str]:
    """Figures of `evaluate` for people."""
    from lamina.records.tables import table_lines

    rows = [["label", "runs", "ROC-AUC", "called strange"]]
    for name, told in figures["by_label"].items():
        rows.append([name, str(told["n"]), f"{told['roc_auc']:.3f}", f"{told['strange']:.0%}"])
    normal = figures["normal"]
    return [
        *table_lines(rows),
        "",
        f"of {normal['n']} normal runs {normal['strange']:.0%} are called strange",
    ]


def beside(run: Run, good: Sequence[Run], path: str = "") -> Strangeness | None:
    """How strange a run is: to what a file has learnt, or beside good runs; None where there is
    neither, or there are too few."""
    if not len(run.table):
        return None
    if path:
        made = Learnt.load(path)
        if made.workflow and run.workflow != made.workflow:
            raise UsageError(
                f"{path} learnt from runs of {made.workflow}, not of {run.workflow or run.name}",
                "name a detector of this workflow, or good runs: --against",
            )
        return strangeness(made.novel, run, int(made.about.get("runs", 0)))
    if len(good) < max(FEWEST, _ENOUGH):
        return None
    return strangeness(NOVELTY.get(DEFAULT)().fit(good, Fitting()), run, len(good))


_ENOUGH = 10
"""Good runs from which on it is said unasked whether a run is strange beside them."""
