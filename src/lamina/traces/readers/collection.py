"""What a collection of traces says of its runs besides their files: labels, batches and graphs.

Labelled runs are laid out as `<workflow>/<label>/<batch>-runNNNN.csv`. Two more files may lie in
the folder, or beside the archive: `runs_index.csv`, a table with a column `path` or `file` and a
column `label` or `experiment_type`; and `adjacency_list_dags/<workflow>.json`, which tells which
jobs follow on which: {job: [children]}.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from lamina.errors import TraceError
from lamina.traces.readers.base import Source

_RUN = re.compile(r"^(?P<batch>.+?)-run(?P<run>\d+)$")
_STAMP = re.compile(r"\d{8}T\d{6}Z|\d{14}")
"""When a workflow was planned; stands in the names of its auxiliary jobs."""


class Place(NamedTuple):
    """What the path of a run says: names of its workflow, label and batch, or empty."""

    workflow: str
    label: str
    batch: str

    @property
    def labels(self) -> dict[str, str]:
        """Those that are told."""
        told = {"label": self.label, "batch": self.batch}
        return {name: value for name, value in told.items() if value}


def place_of(source: Source) -> Place:
    """What the path of a run, and an index beside it, say of it."""
    found = _RUN.match(source.stem)
    if found is None:
        return Place("", "", "")
    batch = found["batch"]
    above = source.parts[:-1]
    workflow, label = "", ""
    if above and _begins(source.stem, above[-1]):
        workflow = above[-1]
    elif above:
        label = above[-1]
        # A folder further up is that of a workflow only where the run is named after it.
        workflow = above[-2] if len(above) > 1 and _begins(source.stem, above[-2]) else ""
    workflow = workflow or _STAMP.sub("", batch).strip("-_.") or batch
    told = _indexed(source)
    return Place(workflow, label if told is None else told, batch)


def _begins(name: str, beginning: str) -> bool:
    return bool(_letters(beginning)) and _letters(name).startswith(_letters(beginning))


@lru_cache(maxsize=4096)
def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _indexed(source: Source) -> str | None:
    """The label that an index tells; None where there is none, or it does not name the run."""
    for folder in source.beside:
        index = _index(folder / "runs_index.csv")
        for length in (3, 2, 1):
            found = index.get(source.parts[-length:])
            if found is not None:
                return found
    return None


@lru_cache(maxsize=16)
def _index(path: Path) -> Mapping[tuple[str, ...], str]:
    """Path of a run, as parts -> its label. Empty where there is no such file."""
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = csv.DictReader(file)
            columns = rows.fieldnames or ()
            where = next((one for one in ("path", "file") if one in columns), "")
            what = next((one for one in ("experiment_type", "label") if one in columns), "")
            if not where or not what:
                return {}
            return {tuple((row[where] or "").split("/")): row[what] or "" for row in rows}
    except FileNotFoundError:
        return {}
    except (OSError, csv.Error) as error:
        raise TraceError(str(path), f"the index of runs cannot be read: {error}") from error


class Parents(Mapping[str, Sequence[str]]):
    """Unit -> units that it reads, by a graph of the same workflow planned at another time.

    Args:
        graph: name of a job without the stamp of its plan -> those that it reads.
        units: names in this run.
    """

    def __init__(self, graph: Mapping[str, Sequence[str]], units: Sequence[str]) -> None:
        self._graph = graph
        self._named = {unstamped(unit): unit for unit in units}

    def __getitem__(self, unit: str) -> Sequence[str]:
        found = self._graph[unstamped(unit)]
        return [self._named[one] for one in found if one in self._named]

    def __iter__(self) -> Iterator[str]:
        return (unit for key, unit in self._named.items() if key in self._graph)

    def __len__(self) -> int:
        return sum(key in self._graph for key in self._named)


@lru_cache(maxsize=65536)
def unstamped(name: str) -> str:
    """The name of a job without the time at which its workflow was planned."""
    return _STAMP.sub("", name)


def parents_of(source: Source, workflow: str, units: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Who reads whom, from a list of neighbours beside the run; empty where there is none."""
    for folder in source.beside:
        path = _graph_of(folder / "adjacency_list_dags", workflow)
        if path is not None:
            return Parents(_graph(path), units)
    return {}


@lru_cache(maxsize=256)
def _graph_of(folder: Path, workflow: str) -> Path | None:
    """The file of the workflow's name, or else the only one whose name begins with it."""
    found = [path for path in _graphs(folder) if _begins(path.stem, workflow)]
    same = [path for path in found if _letters(path.stem) == _letters(workflow)]
    return same[0] if same else found[0] if len(found) == 1 else None


@lru_cache(maxsize=16)
def _graphs(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.json"))) if folder.is_dir() else ()


@lru_cache(maxsize=16)
def _graph(path: Path) -> Mapping[str, Sequence[str]]:
    """Name without the stamp -> names of its parents, likewise."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        children = {str(job): [str(one) for one in told] for job, told in document.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise TraceError(
            str(path), f"it does not tell a graph as {{job: [children]}}: {error}"
        ) from error
    found: dict[str, list[str]] = {unstamped(job): [] for job in children}
    for job, told in children.items():
        for child in told:
            found.setdefault(unstamped(child), []).append(unstamped(job))
    return found
