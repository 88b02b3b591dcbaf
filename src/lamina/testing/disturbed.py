"""Runs that nobody made, with disturbances that are known: what explanations are held to."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lamina.diagnosis.runs import Run
from lamina.traces.table import PhaseTable
from lamina.workflow.log import PHASES

KINDS: dict[str, tuple[int, tuple[str, ...], tuple[float, ...], float, float]] = {
    # how many, reads, seconds of its phases, bytes staged in, seconds of CPU
    "prepare": (1, (), (0, 4, 2, 0, 3, 0, 5), 0.0, 1.0),
    "fetch": (16, ("prepare",), (0, 5, 8, 60, 30, 3, 5), 1e9, 27.0),
    "index": (2, ("prepare",), (0, 5, 8, 20, 8, 3, 5), 4e8, 6.0),
    "merge": (2, ("fetch", "index"), (0, 5, 4, 6, 30, 3, 5), 2e7, 28.0),
    "count": (12, ("merge",), (0, 5, 10, 4, 90, 3, 5), 1e6, 85.0),
    "report": (1, ("count",), (0, 5, 3, 4, 12, 3, 5), 2e5, 10.0),
}
"""A workflow whose fetches move much and whose counts only compute."""

HOSTS = ("worker-1", "worker-2", "worker-3", "worker-4")
PLACES = 4
"""Jobs that each host runs at the same time."""

Slow = Callable[[str, str, str, float], float]
"""Type of job, host, phase, seconds since the begin -> times as long as usual."""


def undisturbed(kind: str, host: str, phase: str, at: float) -> float:
    """Everything as usual."""
    del kind, host, phase, at
    return 1.0


@dataclass(frozen=True)
class Disturbance:
    """What is not as usual in a run.

    Args:
        slow: how many times as long phases take.
        larger: times the usual bytes and seconds of CPU of fetches, which take as many times.
        more: times as many fetches.
        places: jobs that each host runs at the same time.
    """

    slow: Slow = field(default=undisturbed)
    larger: float = 1.0
    more: int = 1
    places: int = PLACES


def slower(times: float, phase: str, kind: str = "", host: str = "") -> Disturbance:
    """A phase that takes longer, of one type of job or all, on one host or all."""

    def factor(own: str, where: str, name: str, at: float) -> float:
        del at
        meant = name == phase and kind in ("", own) and host in ("", where)
        return times if meant else 1.0

    return Disturbance(factor)


def made_run(
    disturbance: Disturbance | None = None, seed: int = 0, label: str = "normal", batch: str = "a"
) -> Run:
    """A run of the workflow on hosts with places, first come first served.

    Args:
        disturbance: what is not as usual; None for nothing.
        seed: of all that is random.
        label, batch: of the run.
    """
    told = disturbance or Disturbance()
    made = _Making(told, np.random.default_rng(seed))
    return Run(f"made-{label}-{seed}", "made", label, batch, made.table())


def made_runs(
    count: int, disturbance: Disturbance | None = None, label: str = "normal", first: int = 0
) -> list[Run]:
    """Several runs, each with a seed of its own."""
    return [made_run(disturbance, first + seed, label) for seed in range(count)]


@dataclass
class _Making:
    told: Disturbance
    random: np.random.Generator
    rows: list[tuple[str, str, str, list[float], list[float], float, float]] = field(
        default_factory=list
    )
    free: list[tuple[float, int, str]] = field(default_factory=list)

    def table(self) -> PhaseTable:
        for place in range(self.told.places):
            for number, host in enumerate(HOSTS):
                heapq.heappush(self.free, (0.0, place * len(HOSTS) + number, host))
        ends: dict[str, float] = {}
        parents: dict[str, tuple[str, ...]] = {}
        names: dict[str, tuple[str, ...]] = {}
        for kind, (count, reads, seconds, moved, cpu) in KINDS.items():
            number = count * (self.told.more if kind == "fetch" else 1)
            names[kind] = tuple(f"{kind}_{one}" for one in range(number))
            ready = max((ends[one] for one in reads), default=0.0)
            above = tuple(name for one in reads for name in names[one])
            parents.update(dict.fromkeys(names[kind], above))
            ends[kind] = max(
                self.job(kind, name, ready, seconds, (moved, cpu)) for name in names[kind]
            )
        return self.columns(parents)

    def job(
        self,
        kind: str,
        name: str,
        ready: float,
        seconds: Sequence[float],
        uses: tuple[float, float],
    ) -> float:
        size = self.told.larger if kind == "fetch" else 1.0
        noise = self.random.gamma(200.0, 1 / 200.0, len(PHASES))
        took = np.array(seconds) * noise
        left, place, host = heapq.heappop(self.free)
        handed = ready + took[:2].sum()
        start = max(handed + took[2], left + 1.0 if left > handed else 0.0)
        factors = [self.told.slow(kind, host, phase, start) for phase in PHASES]
        took[:2] *= factors[:2]
        start += float((took[:2] * (1 - 1 / np.array(factors[:2]))).sum())
        took[3:] *= factors[3:]
        took[3:5] *= size
        begins, ends, at = [], [], ready
        for column in range(len(PHASES)):
            last = start if column == 2 else at + float(took[column])
            begins.append(at)
            ends.append(last)
            at = last
        heapq.heappush(self.free, (ends[5], place, host))
        self.rows.append((name, kind, host, begins, ends, uses[0] * size, uses[1] * size))
        return at

    def columns(self, parents: dict[str, tuple[str, ...]]) -> PhaseTable:
        names, kinds, hosts, begins, ends, moved, cpu = zip(*self.rows, strict=True)
        begin, end = np.array(begins), np.array(ends)
        nothing = end - begin <= 0
        ready = begin[:, 0].copy()
        last = end[:, -1].copy()
        begin[nothing] = end[nothing] = np.nan
        return PhaseTable(
            names, kinds, hosts, ready, ready, last, begin, end, float(last.max()),
            parents=parents,
            used={"cpu": np.array(cpu), "stage_in_bytes": np.array(moved)},
        )  # fmt: skip


def write_csv(run: Run, folder: Path, number: int = 1) -> Path:
    """The run as a table of jobs, laid out as labelled runs are; times since 2026 began.

    Args:
        run: the run.
        folder: that holds the workflow's.
        number: of the run in its batch.
    """
    table, began = run.table, 1767225600.0
    lines = [",".join(("", *_COLUMNS))]
    spent, used = table.spent, table.used
    ends = np.where(np.isnan(table.phase_end), table.ready[:, None], table.phase_end)
    for row, task in enumerate(table.tasks):
        ready, submit, start = table.ready[row], ends[row, 1], ends[row, 2]
        end = start + spent[row, 3:6].sum()
        times = [ready, submit, start, end, end, end + spent[row, 6]]
        told = [f"{began + one:.3f}" for one in times]
        told += [f"{spent[row, 3]:.3f}", f"{used['stage_in_bytes'][row]:.0f}"]
        told += [f"{spent[row, 5]:.3f}", table.hosts[row], f"{used['cpu'][row]:.3f}"]
        lines.append(",".join((task.replace("_", "_ID"), *told)))
    file = folder / run.workflow / run.label / f"{run.workflow}-{run.batch}-run{number:04}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


_COLUMNS = (
    "ready", "submit", "execute_start", "execute_end", "post_script_start", "post_script_end",
    "stage_in_delay", "stage_in_bytes", "stage_out_delay", "kickstart_hostname",
    "kickstart_executables_cpu_time",
)  # fmt: skip
