"""The benchmark's tables, from a results document; one form for terminals, one for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lamina.benchmark.cases import EXPERIMENTS, GROUPS, HYPER_PARAMETERS
from lamina.benchmark.peers import card
from lamina.benchmark.results import look

Results = Mapping[str, Any]

OWN = {
    "fused": "Lamina, fused engine",
    "torch": "Lamina, torch engine",
}
ORDER = ("fused", "fused-2threads", "torch", "torch-memory", "torch-memory-2threads")


@dataclass(frozen=True)
class Sheet:
    """A table; columns are set to the right but those that are named as text.

    Args:
        title: above it.
        head: names of the columns.
        rows: cells as text.
        notes: below it.
        texts: numbers of the columns that are set to the left.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    texts: tuple[int, ...] = (0,)

    def text(self) -> str:
        """Aligned columns for a terminal."""
        lines = (self.head, *self.rows)
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.head))]
        printed = [self.title, *("  " + self._line(line, widths) for line in lines)]
        printed.insert(2, "  " + "  ".join("-" * width for width in widths))
        return "\n".join([*printed, *(f"  {note}" for note in self.notes)])

    def markdown(self) -> str:
        """A heading and a Markdown table."""
        marks = [":--" if k in self.texts else "--:" for k in range(len(self.head))]
        lines = [self.head, tuple(marks), *self.rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        notes = "".join(f"\n\n{note}" for note in self.notes)
        return f"## {self.title}\n\n{table}{notes}"

    def _line(self, cells: tuple[str, ...], widths: list[int]) -> str:
        set_out = (
            cell.ljust(width) if k in self.texts else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join(set_out).rstrip()


def sheets(results: Results) -> list[Sheet]:
    """All tables that the document has figures for, bars last."""
    every = [
        _sets(results),
        _seconds(results),
        _wall(results),
        _compiling(results),
        _ratios(results),
        _accuracy(
            results,
            "accuracy_holdout",
            "Group I: accuracy, mean and deviation over the repeats",
            "Every repeat starts from other weights; how many there are depends on their cost.",
        ),
        _accuracy(
            results,
            "accuracy",
            f"Group II, {GROUPS['II']}: accuracy, mean and deviation of the folds",
            "",
        ),
        _second_group(results),
        _third_group(results),
        _hyper_parameters(results),
        _rates(results),
        _vectorised(results),
        bars_sheet(results),
    ]
    return [sheet for sheet in every if sheet.rows]


def title_of(who: str) -> str:
    """How tables and pictures call an engine or a peer."""
    base = who.removesuffix("-2threads")
    name = OWN.get(base) or card(base).title
    return f"{name}, 2 threads" if who != base else name


def contestants(results: Results, key: str) -> list[str]:
    """Who has figures under a key: ours first, then the peers."""
    found = list(look(results, key) or {})
    return sorted(found, key=lambda who: (ORDER.index(who) if who in ORDER else len(ORDER), who))


def names(results: Results) -> list[str]:
    """The data sets of a document, in the papers' order."""
    return [name for name in EXPERIMENTS if name in results["sets"]]


def number(value: float | None) -> str:
    """Three significant digits; a dash for nothing."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _sets(results: Results) -> Sheet:
    rows = [
        (
            name,
            str(results["sets"][name]["rows"]),
            str(results["sets"][name]["features"]),
            results["sets"][name]["network"],
            str(results["sets"][name]["parameters"]),
            f"{results['sets'][name]['majority']:.3f}",
        )
        for name in names(results)
    ]
    head = ("data set", "rows", "features", "network", "parameters", "majority class")
    return Sheet("Data sets", head, tuple(rows))


def _by_set(results: Results, key: str, title: str, notes: tuple[str, ...] = ()) -> Sheet:
    rows = []
    for who in contestants(results, key):
        cells = [_cell(results, key, who, name) for name in names(results)]
        rows.append((title_of(who), *cells))
    return Sheet(title, ("", *names(results)), tuple(rows), notes)


def _cell(results: Results, key: str, who: str, name: str) -> str:
    value = look(results, key, who, name)
    scaled = look(results, "scaled", f"{who}.{name}") is not None
    timed = key in ("seconds", "ratios")
    return number(value) + ("*" if value is not None and scaled and timed else "")


def _seconds(results: Results) -> Sheet:
    repeats = [
        count for times in (look(results, "repeats") or {}).values() for count in times.values()
    ]
    once = sorted(
        f"{title_of(who)} on {name}"
        for who, times in (look(results, "repeats") or {}).items()
        for name, count in times.items()
        if count == 1
    )
    note = "Each measured once"
    if max(repeats, default=1) > 1:
        note = f"Medians of up to {max(repeats)} repeats"
        note += f"; measured once: {', '.join(once)}" if once else ""
    epochs = results["epochs"]
    title = f"Group I, {GROUPS['I']}: seconds of {epochs} epochs"
    return _by_set(results, "seconds", title, (f"{note}.", *_scaled(results)))


def _scaled(results: Results) -> Iterator[str]:
    found = look(results, "scaled") or {}
    for epochs in sorted(set(found.values())):
        who = dict.fromkeys(key.partition(".")[0] for key, v in found.items() if v == epochs)
        yield f"* scaled from {epochs} epochs: {', '.join(title_of(name) for name in who)}."


def _wall(results: Results) -> Sheet:
    title = "Group I from end to end: seconds of sending, starting, training and predicting"
    note = "The data are in memory and the libraries loaded; compiling is apart."
    return _by_set(results, "wall", title, (note,))


def _compiling(results: Results) -> Sheet:
    kept = {
        who: times for who, times in (look(results, "compile") or {}).items() if any(times.values())
    }
    note = "Not part of the times above; an engine keeps its kernels on disk between runs."
    title = "Seconds of compiling, apart"
    return _by_set({**results, "compile": kept}, "compile", title, (note,))


def _ratios(results: Results) -> Sheet:
    sheet = _by_set(results, "ratios", "Times slower than the fused engine, one thread each")
    both = look(results, "ratios_2threads") or {}
    more = [
        (f"{title_of(who)}, two threads each", *(number(times.get(n)) for n in names(results)))
        for who, times in both.items()
    ]
    return Sheet(sheet.title, sheet.head, (*sheet.rows, *more))


def _accuracy(results: Results, key: str, title: str, note: str) -> Sheet:
    rows = []
    for who in contestants(results, key):
        cells = [_spread(look(results, key, who, name)) for name in names(results)]
        rows.append((title_of(who), *cells))
    return Sheet(title, ("", *names(results)), tuple(rows), (note,) if note else ())


def _spread(found: Mapping[str, float] | None) -> str:
    return f"{found['mean']:.4f} ± {found['std']:.4f}" if found else "-"


def _second_group(results: Results) -> Sheet:
    return _by_set(results, "group2", "Group II: seconds of all five trainings")


def _third_group(results: Results) -> Sheet:
    group = look(results, "group3")
    if not group:
        return Sheet("", (), ())
    rows = [
        (label, *(number(group[key].get(name)) for name in names(results)), number(total))
        for label, key, total in (
            ("trained", "seconds", group["total_seconds"]),
            ("with sending, starting and testing", "wall", group["total_wall"]),
            ("compiled (apart)", "compile", sum(group["compile"].values())),
        )
    ]
    title = f"Group III, {GROUPS['III']}: seconds of {group['trainings']} trainings"
    note = f"By {title_of(group['who'])}."
    return Sheet(title, ("", *names(results), "all"), tuple(rows), (note,))


def _hyper_parameters(results: Results) -> Sheet:
    group = look(results, "group3", "accuracy") or {}
    rows = [
        (
            f"{key}: learning rate {rate}, momentum {momentum}",
            *(_spread(look(group, name, str(key))) for name in names(results)),
        )
        for key, (rate, momentum) in HYPER_PARAMETERS.items()
        if group
    ]
    title = "Group III: accuracy of each hyper-parameter set, mean and deviation of 5 folds"
    return Sheet(title, ("", *names(results)), tuple(rows))


def _rates(results: Results) -> Sheet:
    rows = [
        ("GFLOP/s", *_numbers(results, "gflops")),
    ]
    notes = [
        "Matrix products that are done: 6 operations per weight and row, 4 in the first layer."
    ]
    if look(results, "sgemm"):
        shares = (look(results, "sgemm_share") or {}).values()
        rows.append(("share of the core's sgemm rate", *(f"{100 * s:.0f} %" for s in shares)))
        sgemm = results["sgemm"]
        notes.append(f"sgemm: {number(sgemm['gflops'])} GFLOP/s on one core ({sgemm['library']}).")
    title = "Rate of the fused engine on one core"
    filled = tuple(rows) if look(results, "gflops") else ()
    return Sheet(title, ("", *names(results)), filled, tuple(notes))


def _numbers(results: Results, key: str) -> list[str]:
    return [number(look(results, key, name)) for name in names(results)]


def _vectorised(results: Results) -> Sheet:
    rows = [
        (
            device,
            number(found["seconds"]["one by one"]),
            number(found["seconds"]["vectorised"]),
            f"{found['ratio']:.2f}",
            found["auto"],
        )
        for device, found in (look(results, "vectorised") or {}).items()
    ]
    title = "Torch engine, 5 folds of a convolutional network on scikit-learn's digits: seconds"
    head = ("device", "one by one", "vectorised", "ratio", "auto picks")
    return Sheet(title, head, tuple(rows))


def bars_sheet(results: Results) -> Sheet:
    """What was wanted, what was measured, and whether it is reached."""
    words = {True: "yes", False: "NO", None: "not measured"}
    rows = [
        (
            bar["name"],
            bar["subject"],
            _quantity(bar["value"], bar["unit"]),
            _target(bar),
            words[bar["reached"]],
            bar["note"],
        )
        for bar in results["bars"]
    ]
    head = ("bar", "of", "measured", "to reach", "reached", "note")
    return Sheet("Bars", head, tuple(rows), texts=(0, 1, 5))


def _target(bar: Mapping[str, Any]) -> str:
    if bar["target"] is None:
        return "-"
    return f"{'>=' if bar['at_least'] else '<='} {_quantity(bar['target'], bar['unit'])}"


def _quantity(value: float | None, unit: str) -> str:
    """A bar's value: four digits for an accuracy, three otherwise; a dash for nothing."""
    if value is None:
        return "-"
    return f"{number(value)} {unit}" if unit else f"{value:.4f}"
