"""What is measured of Lamina alone; each measurement runs in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from lamina.benchmark.overhead import noops
from lamina.benchmark.overhead.peers.ours import FUNCTIONS, built, functions_in

Values = dict[str, Any]
Settings = Mapping[str, Any]


def main() -> None:
    """Measures what the argument line names, prints one JSON object, and ends."""
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="lamina-overhead-", ignore_cleanup_errors=True) as at:
        answers.write(json.dumps(MEASURES[name](Path(at), settings)) + "\n")
        answers.flush()


def plan(folder: Path, settings: Settings) -> Values:
    """A graph of many tasks: built and checked from Python, then planned as a dry run is.

    Half of the tasks stand side by side, each of the others reads two of them; `mb` is the most
    memory that the process ever held, in MB of 2**20 bytes.
    """
    from lamina.workspace.plans import PlanValues
    from lamina.workspace.plans import plan as planned
    from lamina.workspace.project import project
    from lamina.workspace.recalling import memory

    count = settings["tasks"]
    begin = time.perf_counter()
    workflow = _layered(count)
    checked = time.perf_counter()
    home = project(folder)
    found = planned(workflow, {}, PlanValues(home), memory(home, workflow))
    end = time.perf_counter()
    if len(found.steps) != count:
        raise ValueError(f"{len(found.steps)} of {count} tasks are in the plan")
    return {
        "tasks": count,
        "seconds": end - begin,
        "built_and_checked": checked - begin,
        "planned": end - checked,
        "mb": peak_mb(),
    }


def dry_run(folder: Path, settings: Settings) -> Values:
    """`lamina run -n` of a document with ten tasks: the whole process."""
    document = write_document(folder, "chain", settings["tasks"])
    seconds = []
    for _ in range(settings["repeats"]):
        seconds.append(_shell(folder, "run", "-n", str(document)))
    return {"seconds": statistics.median(seconds), "least": min(seconds), "all": seconds}


def nothing_to_do(folder: Path, settings: Settings) -> Values:
    """A run of many tasks, all of which are there already: from Python, and from the shell.

    The shell's has another project, so it takes a first run of its own; it is left out unless
    `shell` is set.
    """
    from lamina.workspace.handle import run

    count, functions = settings["tasks"], functions_in(folder)
    at = folder / "api"
    begin = time.perf_counter()
    run(built("independent", count, functions), folder=at)
    whole = time.perf_counter() - begin
    again = []
    for _ in range(settings["repeats"]):
        begin = time.perf_counter()
        run(built("independent", count, functions), folder=at)
        again.append(time.perf_counter() - begin)
    found = {"tasks": count, "seconds": statistics.median(again), "first_run": whole}
    if settings["shell"]:
        there = folder / "shell"
        there.mkdir()
        document = write_document(there, "independent", count)
        _shell(there, "run", "-q", str(document))
        shell = [_shell(there, "run", "-q", str(document)) for _ in range(settings["repeats"])]
        found["shell"] = statistics.median(shell)
    return found


def scale(folder: Path, settings: Settings) -> Values:
    """One run of independent tasks: seconds of all, bytes that the records grew by, memory."""
    from lamina.workspace.handle import run

    count, functions = settings["tasks"], functions_in(folder)
    begin = time.perf_counter()
    workflow = built("independent", count, functions)
    ready = time.perf_counter()
    run(workflow, folder=folder, cpus=float(settings["workers"]))
    end = time.perf_counter()
    home = folder / ".lamina"
    with closing(sqlite3.connect(home / "records.sqlite")) as records:
        # Into the file with what is in the write-ahead log.
        records.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return {
        "tasks": count,
        "seconds": end - begin,
        "building": ready - begin,
        "mb": peak_mb(),
        "journal_bytes": sum(f.stat().st_size for f in home.glob("records*")),
        "files_bytes": tree_size(home / "runs"),
    }


def array(folder: Path, settings: Settings) -> Values:
    """An array from one task to the next: seconds, and bytes that went between processes.

    `pipe_bytes` counts what the engine's process exchanged with its workers in both directions.
    """
    from lamina.benchmark.overhead.traffic import counted
    from lamina.workflow import task, workflow
    from lamina.workspace.handle import run

    values: Values = {}
    for name, size in (("small", 1000), ("large", settings["bytes"])):
        with workflow(f"array-{name}") as w:
            w.output("sum", task(summed)(task(ones)(size)))
        with counted() as traffic:
            begin = time.perf_counter()
            done = run(w.workflow, folder=folder / name)
            values[name] = {"seconds": time.perf_counter() - begin, **traffic()}
        if done["sum"] != size // 8:
            raise ValueError(f"the sum of {size // 8} ones is {done['sum']}")
    return {
        "bytes": settings["bytes"],
        "seconds": values["large"]["seconds"] - values["small"]["seconds"],
        "whole_seconds": values["large"]["seconds"],
        "pipe_bytes": values["large"]["bytes"] - values["small"]["bytes"],
        "pipe_bytes_whole": values["large"]["bytes"],
    }


MEASURES: dict[str, Callable[[Path, Settings], Values]] = {
    "plan": plan,
    "dry_run": dry_run,
    "nothing_to_do": nothing_to_do,
    "scale": scale,
    "array": array,
}


def ones(size: int) -> Any:
    """An array of ones, so many bytes."""
    import numpy as np

    return np.ones(size // 8)


def summed(numbers: Any) -> int:
    """The sum of an array: it has to be read."""
    return int(numbers.sum())


def write_document(folder: Path, shape: str, count: int) -> Path:
    """A workflow as JSON, with its functions beside it."""
    shutil.copyfile(str(noops.__file__), folder / f"{FUNCTIONS}.py")
    tasks: dict[str, Any] = {}
    for k in range(count):
        tasks[f"t{k}"] = {
            "do": "python",
            "function": f"{FUNCTIONS}.py:first",
            "with": {"number": k},
        }
        if shape == "chain" and k:
            source = {"number": f"t{k - 1}"}
            tasks[f"t{k}"] = {"do": "python", "function": f"{FUNCTIONS}.py:step", "in": source}
    outputs: Any = {"result": f"t{count - 1}"}
    if shape == "independent":
        outputs = {"result": {"from": list(tasks)}}
    path = folder / f"{shape}.json"
    document = {"lamina": "workflow/1", "name": shape, "tasks": tasks, "outputs": outputs}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def peak_mb() -> float:
    """The most memory that this process held since it began (`VmHWM`), in MB of 2**20 bytes."""
    try:
        told = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        import resource

        scale = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    found = re.search(r"VmHWM:\s+(\d+) kB", told)
    return int(found.group(1)) / 1024 if found else 0.0


def tree_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def _layered(count: int) -> Any:
    from lamina.benchmark.overhead.noops import first
    from lamina.workflow import task, workflow

    half = count // 2
    with workflow(f"layered-{count}") as w:
        one, both = task(first), task(plus)
        upper = [one(k) for k in range(half)]
        lower = [both(upper[k % half], upper[(7 * k + 1) % half]) for k in range(count - half)]
        w.output("last", lower)
    return w.workflow


def plus(left: int, right: int) -> int:
    """A task with two inputs."""
    return left + right


def _shell(folder: Path, *arguments: str) -> float:
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "lamina", *arguments],
        cwd=folder, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
