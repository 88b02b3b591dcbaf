"""The bars that the benchmark is held to: what was measured, what was wanted, whether it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lamina.benchmark.cases import PICTURES
from lamina.benchmark.results import look

Results = Mapping[str, Any]

MEMORY_BARS = {
    "breast-cancer": 150.0,
    "pima": 150.0,
    "banknote": 150.0,
    "grid-stability": 10.0,
    "bank-marketing": 5.0,
}
"""Data set -> how many times faster than PyTorch with data in memory."""

GROUP3_EPOCHS = 1000

AUTO_NOISE = 1.05
"""How much slower than the quicker form the one that `auto` picks may be measured."""


@dataclass(frozen=True)
class Bar:
    """One bar.

    Args:
        name: what is compared.
        subject: data set, or what else it is about.
        value: measured; None when something that it needs is absent.
        target: to reach.
        unit: of both ("x" for a ratio).
        at_least: whether more is better.
        note: what a reader has to know.
    """

    name: str
    subject: str
    value: float | None
    target: float | None
    unit: str
    at_least: bool = True
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; None when it could not be measured."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def to_json(self) -> dict[str, Any]:
        """All fields and `reached`."""
        return {**asdict(self), "reached": self.reached}


def bars(results: Results) -> list[Bar]:
    """All bars, from a results document (see `lamina.benchmark.results.assemble`)."""
    return [
        *_memory(results),
        *_other_peers(results),
        *_third_group(results),
        _rate(results),
        *_accuracies(results),
        *_vectorised(results),
    ]


def _memory(results: Results) -> Iterator[Bar]:
    for name, target in MEMORY_BARS.items():
        value = look(results, "ratios", "torch-memory", name)
        yield Bar("over PyTorch in memory, 1 thread each", name, value, target, "x")
    yield _both_cores(results, "bank-marketing")


def _both_cores(results: Results, name: str) -> Bar:
    """Two threads of ours against PyTorch at its best, on one thread or on two."""
    ours = look(results, "seconds", "fused-2threads", name)
    one = look(results, "seconds", "torch-memory", name)
    two = look(results, "seconds", "torch-memory-2threads", name)
    value, note = None, ""
    if ours and one and two:
        value = min(one, two) / ours
        note = f"PyTorch on one thread {one / ours:.1f} x, on two {two / ours:.1f} x"
    return Bar("over PyTorch in memory, on two cores", name, value, 8.0, "x", note=note)


def _other_peers(results: Results) -> Iterator[Bar]:
    wanted = {
        "torch-loader": ("over PyTorch's DataLoader loop", 100.0),
        "sklearn": ("over scikit-learn", 1.0),
        "jax": ("over a JAX scan", 1.0),
    }
    for peer, (title, target) in wanted.items():
        for name in MEMORY_BARS:
            epochs = look(results, "scaled", f"{peer}.{name}")
            note = f"the peer's time is scaled from {epochs} epochs" if epochs else ""
            yield Bar(title, name, look(results, "ratios", peer, name), target, "x", note=note)


def _third_group(results: Results) -> Iterator[Bar]:
    walls = look(results, "group3", "wall") or {}
    epochs = look(results, "epochs") or GROUP3_EPOCHS
    trainings = look(results, "group3", "trainings") or 20
    whole = len(walls) == len(MEMORY_BARS)
    note = "" if epochs == GROUP3_EPOCHS else f"scaled from {epochs} epochs"
    total = sum(walls.values()) * GROUP3_EPOCHS / epochs if whole else None
    title = f"group III, {trainings} trainings a set"
    yield Bar(title, "all sets", total, 60.0, "s", at_least=False, note=note)
    small = [walls[name] for name in list(MEMORY_BARS)[:3] if name in walls]
    one = look(results, "seconds", "torch-memory", "breast-cancer")
    value = sum(small) / one if one and len(small) == 3 else None
    title = "group III over one PyTorch training of set 1"
    yield Bar(title, "sets 1-3", value, 1.0, "x", at_least=False)


def _rate(results: Results) -> Bar:
    name = "bank-marketing"
    share = look(results, "sgemm_share", name)
    note = "" if share is None else f"{100 * share:.0f} % of the core's sgemm rate"
    value = look(results, "gflops", name)
    return Bar("rate of one core", name, value, 25.0, "GFLOP/s", note=note)


def _accuracies(results: Results) -> Iterator[Bar]:
    for name in MEMORY_BARS:
        ours = look(results, "accuracy", "fused", name)
        theirs = look(results, "accuracy", "sklearn", name)
        target = theirs["mean"] - theirs["standard_error"] if theirs else None
        note = (
            f"scikit-learn {theirs['mean']:.4f}, SE {theirs['standard_error']:.4f}"
            if theirs
            else ""
        )
        value = ours["mean"] if ours else None
        title = "accuracy of 5 folds, scikit-learn's - 1 SE"
        yield Bar(title, name, value, target, "", note=note)


def _vectorised(results: Results) -> Iterator[Bar]:
    for device, target in (("cpu", 1.3), ("cuda", 3.0)):
        found = look(results, "vectorised", device)
        if found is None and device == "cuda":
            continue
        subject = f"{PICTURES}, {device}"
        value = found["ratio"] if found else None
        yield Bar("5 folds vectorised over one by one", subject, value, target, "x")
        if found:
            note = f"it picks {found['auto']!r}; {AUTO_NOISE - 1:.0%} allowed for noise"
            value = found["auto_over_quicker"]
            yield Bar(
                "form picked by `auto` over the quicker",
                subject,
                value,
                AUTO_NOISE,
                "x",
                at_least=False,
                note=note,
            )
