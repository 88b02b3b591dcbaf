"""What jobs have in common: the smallest description that covers those that took longer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.usual import Floats

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_AFFECTED = 0.5
"""Part of the jobs of a type, or on a host, from which on all of it counts as affected."""

_FITS = 0.55
"""How well a description has to fit (harmonic mean of what it covers and what it covers rightly);
below it jobs are named one by one."""

_SHORT = 0.5
"""Part of the run that a time may take to be worth naming."""

_WORTH = 0.08
"""By how much a longer description has to fit better."""


@dataclass(frozen=True, eq=False)
class Group:
    """Jobs with a description.

    Args:
        rows: of the table, those that took longer.
        kinds, hosts: what they are limited to; empty for all.
        window: times between which they ran; None for any.
        members: how many jobs the description fits.
    """

    rows: Numbers
    kinds: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    window: tuple[float, float] | None = None
    members: int = 0


@dataclass(frozen=True, eq=False)
class Cells:
    """The jobs that have a phase, and by how much they took longer.

    Args:
        kinds, hosts: of each job, (n,).
        begin, end: of the phase, (n,).
        weight: seconds above what is usual, (n,); 0 where it is usual.
        member: which jobs have the phase at all.
    """

    kinds: NDArray[np.object_]
    hosts: NDArray[np.object_]
    begin: Floats
    end: Floats
    weight: Floats
    member: Flags = field(repr=False)

    @property
    def slow(self) -> Flags:
        """Which took longer."""
        return np.asarray(self.weight > 0)


def groups_of(cells: Cells) -> list[Group]:
    """The jobs that took longer as few groups; those that fit no description one by one."""
    if not cells.slow.any():
        return []
    best: tuple[float, Group] | None = None
    for group, mask in _descriptions(cells):
        fit = _fit(cells, mask)
        if best is None or fit > best[0] + _WORTH:
            best = (fit, group)
    found: list[Group] = []
    rest = cells.slow.copy()
    if best is not None and best[0] >= _FITS:
        found.append(best[1])
        rest[best[1].rows] = False
    single = sorted(np.flatnonzero(rest).tolist(), key=lambda row: -float(cells.weight[row]))
    return [*found, *(_single(cells, row) for row in single)]


def _single(cells: Cells, row: int) -> Group:
    host = str(cells.hosts[row])
    return Group(np.array([row]), (str(cells.kinds[row]),), (host,) if host else (), members=1)


def _descriptions(cells: Cells) -> Iterator[tuple[Group, Flags]]:
    """Descriptions of growing length, each with the jobs that it fits."""
    kinds = affected(cells, cells.kinds, cells.member)
    of_kinds = cells.member & np.isin(cells.kinds, kinds)
    if kinds:
        yield _group(cells, of_kinds, kinds=kinds), of_kinds
    hosts = affected(cells, cells.hosts, cells.member)
    on_hosts = cells.member & np.isin(cells.hosts, hosts)
    if _limits(cells, hosts):
        yield _group(cells, on_hosts, hosts=hosts), on_hosts
    yield from _both(cells)
    around = cells.member & np.isin(cells.kinds, list(set(cells.kinds[cells.slow])))
    window = _window(cells, around)
    if window is not None:
        inside = around & (cells.end > window[0]) & (cells.begin < window[1])
        some = () if set(cells.kinds[inside]) == set(cells.kinds[cells.member]) else kinds
        yield _group(cells, inside, kinds=some, window=window), inside


def _both(cells: Cells) -> Iterator[tuple[Group, Flags]]:
    """Types on hosts: those hosts on which types that have slow jobs are affected."""
    slow_kinds = cells.member & np.isin(cells.kinds, list(set(cells.kinds[cells.slow])))
    hosts = affected(cells, cells.hosts, slow_kinds)
    if not _limits(cells, hosts):
        return
    there = slow_kinds & np.isin(cells.hosts, hosts)
    kinds = affected(cells, cells.kinds, there)
    mask = there & np.isin(cells.kinds, kinds)
    if kinds:
        yield _group(cells, mask, kinds=kinds, hosts=hosts), mask


def affected(cells: Cells, names: NDArray[np.object_], among: Flags) -> tuple[str, ...]:
    """Values of a column of which at least half of the jobs took longer."""
    found = []
    for name in sorted(set(names[among]) - {""}):
        own = among & (names == name)
        if (own & cells.slow).sum() >= _AFFECTED * own.sum():
            found.append(str(name))
    return tuple(found)


def _limits(cells: Cells, hosts: Sequence[str]) -> bool:
    """Whether at most half of the hosts that ran such jobs are meant."""
    kinds = set(cells.kinds[cells.slow])
    around = set(cells.hosts[cells.member & np.isin(cells.kinds, list(kinds))]) - {""}
    return 0 < len(hosts) <= len(around) / 2


def _group(
    cells: Cells,
    mask: Flags,
    *,
    kinds: tuple[str, ...] = (),
    hosts: tuple[str, ...] = (),
    window: tuple[float, float] | None = None,
) -> Group:
    everything = set(kinds) == set(cells.kinds[cells.member])
    rows = np.flatnonzero(mask & cells.slow)
    return Group(rows, () if everything else kinds, hosts, window, int(mask.sum()))


def _fit(cells: Cells, mask: Flags) -> float:
    """Harmonic mean of the part of the excess that is covered, and of the part of those covered
    that took longer."""
    total = float(cells.weight.sum())
    covered = float(cells.weight[mask].sum()) / total if total else 0.0
    right = float((mask & cells.slow).sum()) / max(int(mask.sum()), 1)
    return 2 * covered * right / max(covered + right, 1e-12)


def _window(cells: Cells, around: Flags) -> tuple[float, float] | None:
    """The time around the slow jobs, where jobs of their types ran before or after it too."""
    slow = cells.slow & around
    if slow.sum() < 3:
        return None
    first, last = float(cells.begin[slow].min()), float(cells.end[slow].max())
    outside = around & ((cells.end <= first) | (cells.begin >= last))
    whole = float(cells.end[cells.member].max() - cells.begin[cells.member].min())
    short = last - first <= _SHORT * whole
    return (first, last) if short and outside.sum() >= 2 else None
