"""Tables and bars of FlowBench, of detection without labels, and of the time of one diagnosis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.benchmark.bars import Bar
from lamina.benchmark.diagnosis.flowbench import MAIN
from lamina.benchmark.diagnosis.novelty import GROUPS, REPORTED
from lamina.benchmark.results import look
from lamina.benchmark.sheets import Sheet
from lamina.diagnosis.novelty import DEFAULT

Results = Mapping[str, Any]

FLOWBENCH, UNLABELLED, TRANSFER, ONE = "flowbench", "unlabelled", "transfer", "one_run"
"""Where the figures stand in a results document."""

_GROUPS = dict(zip(GROUPS, ("cpu", "loss of 3 % and more", "loss of less", "hdd"), strict=True))
_PICKS = {
    "random": "drawn at random", "period": "of one period", "batch": "of as few batches as hold 20",
}  # fmt: skip


def other_bars(results: Results) -> Iterator[Bar]:
    """Those that the document has figures for."""
    value = look(results, FLOWBENCH, "labels", "default", "random", "accuracy")
    if value is not None:
        yield Bar("FlowBench 1000genome, labels of runs: accuracy", "default", value, 0.97, "")
    value = look(results, FLOWBENCH, "jobs", MAIN, "random", "roc_auc", "mean")
    if value is not None:
        yield Bar("FlowBench 1000genome, disturbed jobs: ROC-AUC", "jobs", value, 0.95, "")
    for workflow in REPORTED:
        for group in ("cpu", "loss_3"):
            value = look(results, UNLABELLED, workflow, DEFAULT, "random", group, "auc")
            if value is not None:
                name = f"without labels, {workflow}, {_GROUPS[group]}: ROC-AUC"
                yield Bar(name, DEFAULT, value, 0.90, "", note="20 normal runs drawn at random")
    value = look(results, ONE, "seconds")
    if value is not None:
        yield Bar("one run diagnosed, from the command line", "default", value, 2.0, "s", False)


def other_sheets(results: Results) -> list[Sheet]:
    """Those that the document has figures for."""
    return [
        _labels(results),
        _jobs(results),
        *(_unlabelled(results, pick) for pick in _PICKS),
        _transfer(results),
    ]


def _labels(results: Results) -> Sheet:
    rows = []
    for detector, splits in (look(results, FLOWBENCH, "labels") or {}).items():
        for split, one in splits.items():
            told = (_figure(one[name]) for name in ("accuracy", "deviation", "macro_f1", "ece"))
            rows.append((detector, {"days": "whole days held out"}.get(split, split), *told))
    head = ("detector", "split", "accuracy", "deviation", "macro F1", "calibration error")
    return Sheet("FlowBench, 1000genome: labels of runs", head, tuple(rows), (), (0, 1))


def _jobs(results: Results) -> Sheet:
    names = {"unseen_workflow": "never learnt from", "days": "whole days held out"}
    rows = []
    for workflow, protocols in (look(results, FLOWBENCH, "jobs") or {}).items():
        for protocol, one in protocols.items():
            area = one["roc_auc"]
            told = (_figure(area["mean"]), _figure(area.get("deviation")))
            rows.append((workflow, names.get(protocol, protocol), *told, str(one["n"])))
    head = ("workflow", "runs held back", "ROC-AUC", "deviation", "jobs of a seed")
    return Sheet("FlowBench: which jobs were disturbed", head, tuple(rows), (), (0, 1))


def _unlabelled(results: Results, pick: str) -> Sheet:
    rows = []
    for workflow in REPORTED:
        for way, picks in (look(results, UNLABELLED, workflow) or {}).items():
            if (one := picks.get(pick)) is None:
                continue
            told = [_figure(look(one, group, "auc")) for group in GROUPS]
            spread = _figure(look(one, "cpu", "deviation"))
            rows.append((workflow, way, *told, spread, _figure(one["false_alarms"]["mean"])))
    head = ("workflow", "way", *_GROUPS.values(), "deviation (cpu)", "false alarms")
    title = f"Without labels: ROC-AUC from 20 normal runs {_PICKS[pick]}"
    return Sheet(title, head, tuple(rows), (), (0, 1))


def _transfer(results: Results) -> Sheet:
    found = look(results, TRANSFER) or {}
    rows = []
    for workflow in REPORTED:
        for count, told in found.get(workflow, {}).items():
            figures = [
                _figure(told[name][key])
                for name in ("alone", "transferred")
                for key in ("balanced_accuracy", "deviation")
            ]
            rows.append((workflow, count, *figures))
    head = ("workflow", "labels of each class", "alone", "deviation", "transferred", "deviation")
    title = f"Few labels, with what {found.get('from', '')} taught: balanced accuracy"
    return Sheet(title, head, tuple(rows))


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
