"""From answers to results: medians, ratios, rates and accuracies under stable keys."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from lamina.benchmark.cases import HYPER_PARAMETERS, Case
from lamina.benchmark.jobs import Answer
from lamina.benchmark.plan import Options

Tree = dict[str, Any]

FORMAT = "lamina: benchmark/1"


def assemble(options: Options, cases: Mapping[str, Case], answers: Iterable[Answer]) -> Tree:
    """The measured part of a results document.

    Keys, group I: `seconds.<who>.<set>` (median, s), `repeats`, `spread` (least, most),
    `compile`, `start`, `wall`, `forms`, `accuracy_holdout` (over the repeats, which start from
    other weights). Group II: `group2.<who>.<set>` (s) and
    `accuracy.<who>.<set>.{mean,std,standard_error,values}` over the folds. `group3`.
    Comparisons: `ratios.<peer>.<set>` (peer over fused, one thread each), `ratios_2threads`.
    Rates: `gflops.<set>`, `sgemm`, `sgemm_share`. `vectorised.<device>`.
    Left out: `scaled` (who.set -> epochs really run), `failed.<who>.<what>` and
    `refused.<who>.<what>` (why).
    """
    keys = ("seconds", "ratios", "accuracy", "gflops", "refused", "failed")
    tree: Tree = {key: {} for key in keys}
    for answer in answers:
        what = " ".join(part for part in (answer.task.subject, answer.task.group) if part)
        if answer.failure:
            put(tree, ("failed", answer.job.label, what), answer.failure)
        elif "refusal" in answer.values:
            put(tree, ("refused", answer.job.label, what), answer.values["refusal"])
        else:
            _TAKE[answer.job.kind](tree, options, answer)
    _ratios(tree)
    _rates(tree, options, cases)
    return tree


def put(tree: Tree, path: Iterable[str], value: Any) -> None:
    """Sets a value under nested keys."""
    *above, last = path
    for key in above:
        tree = tree.setdefault(key, {})
    tree[last] = value


def look(tree: Mapping[str, Any], *path: str) -> Any:
    """The value under nested keys, or None."""
    found: Any = tree
    for key in path:
        if not isinstance(found, Mapping) or key not in found:
            return None
        found = found[key]
    return found


def spread_of(values: list[float]) -> Tree:
    """Mean, standard deviation (of a sample), standard error of the mean, and the values."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return {
        "mean": statistics.fmean(values),
        "std": deviation,
        "standard_error": deviation / math.sqrt(len(values)),
        "values": values,
    }


def _take_trainings(tree: Tree, options: Options, answer: Answer) -> None:
    who, name, values = answer.job.label, answer.task.subject, answer.values
    factor = options.epochs / answer.task.epochs
    seconds = [factor * s for s in values["seconds"]]
    if factor > 1:
        put(tree, ("scaled", f"{who}.{name}"), answer.task.epochs)
    if answer.task.group == "I":
        _take_first_group(tree, who, name, seconds, values, factor)
    elif answer.task.group == "II":
        put(tree, ("group2", who, name), statistics.median(seconds))
        put(tree, ("accuracy", who, name), spread_of(values["accuracy"]))
    else:
        _take_third_group(tree, name, seconds, values)
        tree["group3"]["who"] = who


def _take_first_group(
    tree: Tree, who: str, name: str, seconds: list[float], values: Tree, factor: float
) -> None:
    put(tree, ("seconds", who, name), statistics.median(seconds))
    put(tree, ("repeats", who, name), len(seconds))
    put(tree, ("spread", who, name), [min(seconds), max(seconds)])
    put(tree, ("compile", who, name), values["compile"])
    put(tree, ("forms", who, name), values["form"])
    if factor == 1:
        # A training that was cut short has an accuracy of its own, not this one's.
        put(tree, ("accuracy_holdout", who, name), spread_of(values["accuracy"]))
        put(tree, ("wall", who, name), statistics.median(values["wall"]))
    if "start" in values:
        put(tree, ("start", who, name), statistics.median(values["start"]))


def _take_third_group(tree: Tree, name: str, seconds: list[float], values: Tree) -> None:
    put(tree, ("group3", "seconds", name), statistics.median(seconds))
    put(tree, ("group3", "wall", name), statistics.median(values["wall"]))
    put(tree, ("group3", "compile", name), values["compile"])
    folds = len(values["accuracy"]) // len(HYPER_PARAMETERS)
    for index, number in enumerate(HYPER_PARAMETERS):
        part = values["accuracy"][index * folds : (index + 1) * folds]
        put(tree, ("group3", "accuracy", name, str(number)), spread_of(part))
    put(tree, ("group3", "trainings"), len(values["accuracy"]))
    for key in ("seconds", "wall"):
        put(tree, ("group3", f"total_{key}"), sum(tree["group3"][key].values()))


def _take_rate(tree: Tree, options: Options, answer: Answer) -> None:
    del options
    tree["sgemm"] = answer.values


def _take_vectorised(tree: Tree, options: Options, answer: Answer) -> None:
    del options
    put(tree, ("vectorised", answer.task.group), {**answer.values, "epochs": answer.task.epochs})


_TAKE = {
    "peer": _take_trainings,
    "engine": _take_trainings,
    "sgemm": _take_rate,
    "vectorised": _take_vectorised,
}


def _ratios(tree: Tree) -> None:
    for who, times in tree["seconds"].items():
        peer = who.removesuffix("-2threads")
        if peer in ("fused", "torch"):
            continue
        ours = tree["seconds"].get("fused-2threads" if who != peer else "fused", {})
        for name in times:
            if ours.get(name):
                key = "ratios" if who == peer else "ratios_2threads"
                put(tree, (key, peer, name), times[name] / ours[name])


def _rates(tree: Tree, options: Options, cases: Mapping[str, Case]) -> None:
    for name, seconds in tree["seconds"].get("fused", {}).items():
        rows = len(cases[name].portions[0].train)
        done = cases[name].flops() * rows * options.epochs
        put(tree, ("gflops", name), done / seconds / 1e9)
        rate = look(tree, "sgemm", "gflops")
        if rate:
            put(tree, ("sgemm_share", name), tree["gflops"][name] / rate)
