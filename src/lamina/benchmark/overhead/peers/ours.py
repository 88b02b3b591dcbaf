"""Lamina itself, as `lamina run` and `workflow.run()` use it: records, artifacts, cache and all."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

from lamina.benchmark.overhead.noops import first, step, total
from lamina.benchmark.overhead.peers.base import Peer
from lamina.workflow import Workflow, task, workflow


def built(shape: str, count: int) -> Workflow:
    """A workflow of one of SHAPES."""
    one, link, end = task(first), task(step), task(total)
    with workflow(f"{shape}-{count}") as w:
        if shape == "chain":
            number = link(0)
            for _ in range(count - 1):
                number = link(number)
            w.output("result", number)
        else:
            numbers = [one(k) for k in range(count)]
            w.output("result", end(numbers) if shape == "fan" else numbers)
    return w.workflow


class Warm(Peer):
    """Worker processes that stay.

    A run is measured whole: the workflow is built and checked, workers start, every task is
    recorded, workers end.
    """

    fresh = False

    def run(self, shape: str, count: int) -> int:
        """One run in a project of its own, with an empty store."""
        from lamina.workspace.handle import run

        folder = Path(mkdtemp(dir=self.folder))
        done = run(built(shape, count), folder=folder, cpus=float(self.workers), fresh=self.fresh)
        result = done["result"]
        return len(result) if shape == "independent" else int(result)


class OfItsOwn(Warm):
    """A process per task."""

    fresh = True
