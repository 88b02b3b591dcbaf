"""Lamina itself, as `lamina run` and `workflow.run()` use it: records, artifacts, cache and all."""

from __future__ import annotations

import shutil
import sys
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType

from lamina.benchmark.overhead import noops
from lamina.benchmark.overhead.peers.base import Peer
from lamina.workflow import Workflow, task, workflow

FUNCTIONS = "noops"
"""Name of the module that tasks have their functions in."""


def functions_in(folder: Path) -> ModuleType:
    """The tasks' functions where a user has them: in a file of the project, not in a package."""
    shutil.copyfile(str(noops.__file__), folder / f"{FUNCTIONS}.py")
    sys.path.insert(0, str(folder))
    return import_module(FUNCTIONS)


def built(shape: str, count: int, functions: ModuleType = noops) -> Workflow:
    """A workflow of one of SHAPES."""
    one, link, end = task(functions.first), task(functions.step), task(functions.total)
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

    def start(self) -> None:
        """Nothing of it stays up between runs; writes the module that a user would have."""
        self._functions = functions_in(self.folder)

    def run(self, shape: str, count: int) -> int:
        """One run in a project of its own, with an empty store."""
        from lamina.workspace.handle import run

        folder = Path(mkdtemp(dir=self.folder))
        made = built(shape, count, self._functions)
        done = run(made, folder=folder, cpus=float(self.workers), fresh=self.fresh)
        result = done["result"]
        return len(result) if shape == "independent" else int(result)


class OfItsOwn(Warm):
    """A process per task."""

    fresh = True
