"""Table and bars of placing for real beside its simulation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.benchmark.bars import Bar
from lamina.benchmark.document import Results
from lamina.benchmark.results import look
from lamina.benchmark.sheets import Sheet

LEAST_TASKS = 1000


def live_bars(results: Results) -> Iterator[Bar]:
    """Bars of placing for real; without values where it was left out."""
    found = look(results, "live") or {}
    policies: Mapping[str, Any] = found.get("policies", {})
    subject = ", ".join(policies) or "placing for real"
    tasks = found.get("tasks", 0)
    faults: dict[str, int] = {}
    for one in policies.values():
        for kind, count in one["faults"].items():
            faults[kind] = faults.get(kind, 0) + count
    note = f"{tasks} tasks; " + ", ".join(f"{kind}: {n}" for kind, n in sorted(faults.items()))
    off = max((abs(one["ratio"] - 1.0) for one in policies.values()), default=None)
    title = "for real against simulated: aggregate latency is off by, worst policy"
    yield Bar(title, subject, off, 0.05, "", False, note if policies else "")
    title = "for real against simulated: equal decisions, all policies"
    moments = found.get("same_moment")
    note = f"{moments:.1%} when the same had happened, too" if moments is not None else ""
    yield Bar(title, subject, found.get("equal"), 0.97, "", True, note)
    lost = found["lost"] + found["doubled"] if found else None
    title = f"for real: items lost or counted twice, in {LEAST_TASKS:,} tasks or more"
    enough = lost if tasks >= LEAST_TASKS else None
    yield Bar(title, subject, None if enough is None else float(enough), 0.0, "", False, "")
    if lost is not None and tasks < LEAST_TASKS:  # a verdict on what there is, beside that bar
        title = f"for real: items lost or counted twice, in the {tasks} tasks of this run"
        yield Bar(title, subject, float(lost), 0.0, "", False, "")


def live_sheet(results: Results) -> Sheet:
    """A row for each policy."""
    rows = [
        (
            name, str(one["tasks"]), f"{one['ratio']:.3f}", f"{one['equal']:.1%}",
            f"{one['same_moment']:.1%}", str(one["lost"]), str(one["doubled"]),
            str(one["repeated"]),
            ", ".join(f"{n} {kind}" for kind, n in sorted(one["faults"].items())) or "none",
        )
        for name, one in (look(results, "live", "policies") or {}).items()
    ]  # fmt: skip
    head = (
        "policy", "tasks", "of the simulated", "equal", "same moment", "lost", "twice", "repeated",
        "faults",
    )  # fmt: skip
    notes = (
        "A local pool and emulated runtimes at 1/20 time, the same draws as in the simulator. "
        "Equal: what was asked for that both asked for. Repeated: results that came again and did "
        "not count.",
    )
    return Sheet("Placing for real beside its simulation", head, tuple(rows), notes, texts=(0, 8))
