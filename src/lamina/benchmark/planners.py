"""`benchmark planners`: plans of WfCommons instances beside the bound of their critical paths."""

from __future__ import annotations

import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from statistics import fmean
from typing import Any

from lamina.benchmark.document import Results, Say, Tree, document_of
from lamina.benchmark.machine import Beginning
from lamina.benchmark.results import look, put
from lamina.benchmark.sheets import Sheet
from lamina.errors import InfeasibleError, UsageError
from lamina.planning.goals import Goal, planned
from lamina.planning.planners import PLANNERS
from lamina.planning.problem import Problem
from lamina.planning.reading import machine_cores
from lamina.planning.resources import Link, Network, Resource
from lamina.planning.wfformat import problem_from_wfformat

KIND = "planners"
"""The value of `benchmark` in a results document of this kind."""
FOLDER = "wfcommons"
_QUICK = 3
"""Instances of each family that are planned in a quick run."""
CORES = 16
CLOUD = (
    Resource("small", price=1.0, interval=60.0, delay=60.0, count=None),
    Resource("large", speed=2.5, price=4.0, interval=60.0, delay=60.0, count=None),
)
NETWORK = Network(Link(bandwidth=1e8, latency=0.05))
PLACES: Mapping[str, tuple[Resource, ...]] = {"cores": machine_cores(CORES), "cloud": CLOUD}
"""Where instances are planned: on one machine's cores; on machines for hire of two kinds."""
DEADLINE = 2.0
"""Deadline of the plans for hire, in units of HEFT's makespan."""


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        quick: three instances of each family only.
        data: folder that holds wfcommons; LAMINA_DATA when empty.
        planners: names; all when empty.
    """

    quick: bool = False
    data: str = ""
    planners: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the instances lie. Raises UsageError where nothing names it."""
        told = self.data or os.environ.get("LAMINA_DATA", "")
        found = Path(told) / FOLDER
        if not told or not found.is_dir():
            raise UsageError(
                f"there are no instances at {str(found)!r}",
                f"set LAMINA_DATA, or --data, to the folder with {FOLDER}",
            )
        return found


def benchmark_planners(options: Options, command: str, say: Say) -> Tree:
    """Plans all instances with all planners and returns the results document.

    Stable keys: `instances.<name>.{family,tasks,edges}`, and below
    `instances.<name>.<cores|cloud>.<planner>` `over_bound` (makespan over the critical-path
    bound), `makespan`, `cost`, `machines`, `seconds` (of planning); for those that keep no
    deadline `least`. On the cores nobody has a deadline; for hire it is `DEADLINE` times what
    HEFT takes. `families.<family>.<place>.<planner>` has the means.

    Args:
        options: what is asked for.
        command: the command line, for the document.
        say: takes a line of progress.
    """
    began = Beginning()
    names = options.planners or PLANNERS.names()
    tree: Tree = {"instances": {}, "absent": {}, "failed": {}}
    taken: dict[str, int] = {}
    for name, document in instances(options.folder):
        family = family_of(name)
        if options.quick and taken.get(family, 0) >= _QUICK:
            continue
        taken[family] = taken.get(family, 0) + 1
        for place, resources in PLACES.items():
            problem = problem_from_wfformat(document, resources, NETWORK, name)
            sizes = {"tasks": len(problem.tasks), "edges": len(problem.edges)}
            put(tree, ("instances", name, "family"), family)
            tree["instances"][name] |= sizes
            put(tree, ("instances", name, place), dict(_plans(problem, place, names)))
        say(f"{name}: {len(problem.tasks)} tasks")
    tree["families"] = _families(tree["instances"], names)
    return document_of(KIND, (began, command), {"quick": options.quick, **tree})


def instances(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, document) of all instances in a folder and its archives, each name once."""
    found: dict[str, Callable[[], bytes]] = {}
    for file in sorted(folder.rglob("*.json")):
        found.setdefault(file.stem, file.read_bytes)
    for archive in sorted(folder.rglob("*.tar.xz")):
        with tarfile.open(archive) as tar:
            for member in tar:
                stem = PurePath(member.name).stem
                if member.isfile() and member.name.endswith(".json") and stem not in found:
                    held = tar.extractfile(member)
                    data = held.read() if held else b"{}"
                    found[stem] = lambda data=data: data  # type: ignore[misc]
    for name in sorted(found):
        yield name, json.loads(found[name]())


def family_of(name: str) -> str:
    """ "1000genome-chameleon-2ch-100k-001" -> "1000genome"; nf-core's pipelines are one family."""
    first, _, rest = name.partition("-")
    return "nf-core" if rest.startswith("dirt") else first


def _plans(problem: Problem, place: str, names: tuple[str, ...]) -> Iterator[tuple[str, Tree]]:
    goal = Goal()
    if place == "cloud":
        goal = Goal(DEADLINE * planned(PLANNERS.get("heft"), problem).makespan)
    for name in names:
        start = time.process_time()
        try:
            made = planned(PLANNERS.get(name), problem, goal)
        except InfeasibleError as error:
            yield name, {"least": error.least}
            continue
        yield (
            name,
            {
                "over_bound": made.over_bound,
                "makespan": made.makespan,
                "cost": made.cost,
                "machines": len(made.leases),
                "seconds": time.process_time() - start,
            },
        )


def _families(found: Tree, names: tuple[str, ...]) -> Tree:
    tree: Tree = {}
    for family in sorted({one["family"] for one in found.values()}):
        ours = [one for one in found.values() if one["family"] == family]
        for place in PLACES:
            for name in names:
                plans = [one[place][name] for one in ours if "makespan" in one[place][name]]
                means = {
                    key: fmean(plan[key] for plan in plans)
                    for key in ("over_bound", "cost", "seconds") if plans
                }  # fmt: skip
                put(tree, (family, place, name), {**means, "kept": len(plans), "of": len(ours)})
    return tree


def head(results: Results) -> list[str]:
    """What the page says first, besides command, date, machine and versions."""
    count = len(results["instances"])
    return [
        f"{count} instances of WfCommons; run times as recorded, {CORES} cores of one machine, or "
        f"machines for hire of two kinds (x 1 for 1, x 2.5 for 4 a minute, a minute to start, "
        f"100 MB/s) with a deadline of {DEADLINE:g} times what HEFT takes"
    ]


def sheets(results: Results) -> list[Sheet]:
    """Means over the instances of each family; a table per place."""
    return [_sheet(results, place) for place in PLACES]


def _sheet(results: Results, place: str) -> Sheet:
    rows = []
    for family in results["families"]:
        for name, means in look(results, "families", family, place).items():
            kept = f"{means['kept']}/{means['of']}"
            figures = ("-", "-", "-")
            if "cost" in means:
                figures = (
                    f"{means['over_bound']:.3f}", f"{means['cost']:.4g}", f"{means['seconds']:.3f}",
                )  # fmt: skip
            rows.append((family, name, kept, *figures))
    title = {
        "cores": f"On {CORES} cores of one machine",
        "cloud": f"On machines for hire, deadline {DEADLINE:g} x HEFT",
    }[place]
    columns = ("family", "planner", "in time", "makespan / bound", "cost", "seconds to plan")
    return Sheet(title, columns, tuple(rows), texts=(0, 1))
