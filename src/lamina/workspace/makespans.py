"""How long the tasks of a plan take together: by their order, on the cores that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil

from lamina.workflow.actions.composite import Composite
from lamina.workflow.graph import Workflow


@dataclass(frozen=True)
class Share:
    """What a task of a plan asks for.

    Args:
        units: how many of it run.
        seconds: of one unit; None where nobody knows.
        cpus: cores that a unit takes.
    """

    units: int
    seconds: float | None
    cpus: float = 1.0


def makespan(workflow: Workflow, shares: Mapping[str, Share], cores: int) -> float | None:
    """Seconds from the first task to the last when whoever is ready begins, in their order.

    A task begins once all units before it are done, as if nothing streamed between them; the
    engine's own time, about a millisecond a task, is left out.

    Args:
        workflow: that the tasks are of.
        shares: full names of tasks that run -> what they ask for.
        cores: that are there.

    Returns:
        None where the time of a task is not known; 0 where nothing runs.
    """
    if any(share.seconds is None for share in shares.values()):
        return None
    return _Machine(shares, float(max(cores, 1)), before(workflow, shares)).end()


@dataclass
class _Machine:
    """Cores on which ready tasks run, one event after the other."""

    shares: Mapping[str, Share]
    cores: float
    sources: Mapping[str, set[str]]
    now: float = 0.0
    running: list[tuple[float, str, float]] = field(default_factory=list)
    """Ends, tasks and cores of what runs."""

    def end(self) -> float:
        """Runs everything."""
        self.free = self.cores
        self.pieces = {name: _pieces(share, self.cores) for name, share in self.shares.items()}
        self.left = {name: len(own) for name, own in self.pieces.items()}
        self.open = {name: len(sources) for name, sources in self.sources.items()}
        self.readers: dict[str, list[str]] = {}
        for name, sources in self.sources.items():
            for source in sources:
                self.readers.setdefault(source, []).append(name)
        ready = [name for name in self.shares if not self.open[name]]
        while ready or self.running:
            ready = [name for name in ready if not self._begun(name)]
            ready += self._ended()
        return self.now

    def _begun(self, name: str) -> bool:
        """Whether all of a task runs by now."""
        cpus, own = min(self.shares[name].cpus, self.cores), self.pieces[name]
        while own and cpus <= self.free + 1e-9:
            heappush(self.running, (self.now + own.pop(), name, cpus))
            self.free -= cpus
        return not own

    def _ended(self) -> list[str]:
        """The next piece ends; tasks that may begin now."""
        self.now, done, cpus = heappop(self.running)
        self.free += cpus
        self.left[done] -= 1
        if self.left[done]:
            return []
        for name in self.readers.get(done, ()):
            self.open[name] -= 1
        return [name for name in self.readers.get(done, ()) if not self.open[name]]


def _pieces(share: Share, cores: float) -> list[float]:
    """Seconds of what runs side by side; units that follow each other are one piece, if many."""
    seconds = share.seconds or 0.0
    if share.cpus <= 0.0:
        return [seconds]
    lanes = max(int(cores // share.cpus), 1)
    if share.units <= 4 * lanes:
        return [seconds] * share.units
    return [ceil(share.units / lanes) * seconds] * lanes


def before(workflow: Workflow, names: Mapping[str, object]) -> dict[str, set[str]]:
    """Task -> those of `names` that have to end first, also behind others that do not run."""
    found: dict[str, set[str]] = {}
    inside: dict[str, list[str]] = {}
    for name, sources in _edges(workflow, "", frozenset()):
        for depth in range(1, name.count("/") + 1):
            inside.setdefault(name.rsplit("/", depth)[0], []).append(name)
        found[name] = set()
        for source in sources:
            for one in (source, *inside.get(source, ())):
                found[name] |= {one} if one in names else found.get(one, set())
    return {name: found.get(name, set()) - {name} for name in names}


def _edges(
    workflow: Workflow, prefix: str, outer: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Tasks with what their ports read; a task inside another also waits for what that reads."""
    for short in workflow.order:
        name = f"{prefix}{short}"
        sources = outer | {
            f"{prefix}{edge.source_task}" for edge in workflow.incoming[short] if edge.source_task
        }
        yield name, sources
        action = workflow[short].action
        if isinstance(action, Composite):
            for part in action.parts():
                yield from _edges(part.workflow, f"{name}/", sources)
