"""`clean`: what lies below the project's folder and can be made again is deleted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.errors import LaminaError
from lamina.execution.lock import RunLock, is_driven
from lamina.records import tables
from lamina.records.store import RunRecord
from lamina.workflow.log import AttemptEnded, AttemptStarted, RunFinished, TaskReused
from lamina.workspace.project import Project, project
from lamina.workspace.unfinished import needed_units

_EVERY = 1_000_000_000
_YOUNG = 3600.0
"""Seconds that a file which no record names must have lain unused: a run may be about to."""

_WORDS = ("attempt-started", "attempt-ended", "task-reused", "run-finished")


@dataclass(frozen=True)
class Wanted:
    """What is to be cleaned.

    Args:
        runs: ids, names or "last"; all runs when empty.
        older: days that a run must be over; None for any time.
        keep_resume: whether runs that did not end well can still go on where they are, and whether
            results stand in for tasks whose outputs are deleted.
        outputs: whether outputs of the runs' workflows are deleted as well.
    """

    runs: tuple[str, ...] = ()
    older: float | None = None
    keep_resume: bool = False
    outputs: bool = False


@dataclass
class Cleaned:
    """What was deleted, or would be.

    Args:
        dry: whether nothing was.
        artifacts, bytes: intermediate values in the store.
        folders, folder_bytes: folders of runs, with their attempts' files.
        leftovers, leftover_bytes: values that no run names, and half-written files.
        results: tasks that run again the next time, as their outputs are gone.
        kept: sentences about what was left alone.
    """

    dry: bool
    artifacts: int = 0
    bytes: int = 0
    folders: int = 0
    folder_bytes: int = 0
    leftovers: int = 0
    leftover_bytes: int = 0
    results: int = 0
    kept: list[str] = field(default_factory=list)

    @property
    def freed(self) -> int:
        """Bytes in all."""
        return self.bytes + self.folder_bytes + self.leftover_bytes

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**self.__dict__, "freed": self.freed}

    def text(self) -> str:
        """A line per kind, and the sum."""
        rows = [
            (self.artifacts, "intermediate value", self.bytes),
            (self.folders, "run folder", self.folder_bytes),
            (self.leftovers, "leftover", self.leftover_bytes),
        ]
        lines = [
            f"{count:>6} {what}{'' if count == 1 else 's'}  {tables.size(size)}"
            for count, what, size in rows
            if count
        ]
        if self.results:
            lines.append(f"{self.results} tasks would run again, as their results are gone")
        lines += self.kept
        lines.append(f"{tables.size(self.freed)} {'would be freed' if self.dry else 'freed'}")
        return "\n".join(lines)


def clean(wanted: Wanted, dry: bool = False) -> Cleaned:
    """Deletes what runs left and can be made again; running runs and the user's files stay.

    Args:
        wanted: what is to be cleaned.
        dry: whether to say only what would be deleted.

    Raises:
        UnknownNameError: no such run.
    """
    home = project()
    done = Cleaned(dry)
    if not home.folder.is_dir():
        return done
    every = home.store.runs(_EVERY)
    chosen = {run.id for run in _chosen(home, wanted, every)}
    running = {run.id for run in every if is_driven(home.run_folder(run.id))}
    for run in every:
        if run.id in chosen & running:
            done.kept.append(f"{run.name} is running, and was left alone")
    known = [_read(home, run) for run in every]
    free = [one for one in known if one.run.id in chosen - running]
    _artifacts(home, wanted, known, free, done)
    _folders(home, wanted, free, done)
    if not wanted.runs:
        _leftovers(home, known, running, done)
    return done


@dataclass
class _Trace:
    """What the events of a run name.

    Args:
        run: the run.
        made: unit -> references of its outputs.
        keys: cache key -> references of the outputs that stand behind it.
        given: references that attempts read.
        final: references of the workflow's outputs.
    """

    run: RunRecord
    made: dict[str, list[Ref]] = field(default_factory=dict)
    keys: dict[str, list[Ref]] = field(default_factory=dict)
    given: list[Ref] = field(default_factory=list)
    final: list[Ref] = field(default_factory=list)

    def inputs(self) -> list[Ref]:
        """References of the workflow's inputs."""
        return _refs(self.run.inputs)

    def outputs(self) -> Iterator[Ref]:
        """References of everything that its tasks gave."""
        for refs in self.made.values():
            yield from refs


def _read(home: Project, run: RunRecord) -> _Trace:
    trace = _Trace(run)
    keys: dict[str, str] = {}
    for _, event in home.store.events(run.id, words=_WORDS):
        if isinstance(event, AttemptStarted):
            keys[event.task] = event.key
            trace.given += _refs(event.inputs)
        elif isinstance(event, AttemptEnded):
            if event.status == "succeeded":
                trace.made[event.task] = trace.keys[keys.get(event.task, "")] = _refs(event.outputs)
        elif isinstance(event, TaskReused):
            trace.made[event.task] = trace.keys[event.key] = _refs(event.outputs)
        elif isinstance(event, RunFinished):
            trace.final = _refs(event.outputs)
    trace.keys.pop("", None)
    return trace


def _refs(entries: Mapping[str, Any]) -> list[Ref]:
    return [Ref.from_json(entry) for entry in entries.values() if "digest" in entry]


def _chosen(home: Project, wanted: Wanted, every: Sequence[RunRecord]) -> list[RunRecord]:
    found = [home.store.find(name) for name in wanted.runs] if wanted.runs else list(every)
    if wanted.older is None:
        return found
    limit = time.time() - wanted.older * 86400
    return [run for run in found if (run.ended or run.created) < limit]


def _artifacts(
    home: Project, wanted: Wanted, known: Sequence[_Trace], free: Sequence[_Trace], done: Cleaned
) -> None:
    """Deletes intermediate values of the chosen runs that nobody else needs."""
    needed = _digests(home, _needed(wanted, known, free))
    there = {entry.digest: entry.size for entry in home.artifacts.stored()}
    gone = set()
    for trace in free:
        gone |= _digests(home, trace.outputs()) & there.keys()
    gone -= needed
    done.artifacts, done.bytes = len(gone), sum(there[digest] for digest in gone)
    forgotten = set() if wanted.keep_resume else _keys_of(home, known, gone)
    done.results = len(forgotten)
    if not done.dry:
        # Results first: a run that starts now must not count on what is about to go.
        home.store.forget(sorted(forgotten))
        home.artifacts.remove(sorted(gone))


def _needed(wanted: Wanted, known: Sequence[_Trace], free: Sequence[_Trace]) -> Iterator[Ref]:
    """What stays: inputs, outputs of workflows, all of other runs, what is needed to resume."""
    cleaned = {trace.run.id for trace in free}
    for trace in known:
        yield from trace.inputs()
        if trace.run.id not in cleaned:
            yield from trace.outputs()
            yield from trace.given
        elif not wanted.outputs:
            yield from trace.final
        if wanted.keep_resume and trace.run.id in cleaned and trace.run.status != "succeeded":
            for unit in needed_units(trace.run, trace.made):
                yield from trace.made[unit]


def _keys_of(home: Project, known: Iterable[_Trace], gone: set[str]) -> set[str]:
    return {
        key
        for trace in known
        for key, refs in trace.keys.items()
        if not gone.isdisjoint(_digests(home, refs))
    }


def _digests(home: Project, refs: Iterable[Ref]) -> set[str]:
    found: set[str] = set()
    for ref in refs:
        if ref.inline is None and not ref.origin and ref.digest not in found:
            found.add(ref.digest)
            try:
                found |= home.artifacts.digests([ref])
            except LaminaError:  # a list that was cleaned before: its items are known no more
                continue
    return found


def _folders(home: Project, wanted: Wanted, free: Iterable[_Trace], done: Cleaned) -> None:
    """Deletes folders of runs; to resume, checkpoints are needed of those that did not end well."""
    for trace in free:
        folder = home.run_folder(trace.run.id)
        if folder.name != trace.run.id or not folder.is_dir():
            continue
        if wanted.keep_resume and trace.run.status != "succeeded":
            continue
        done.folders += 1
        done.folder_bytes += _size(folder)
        if not done.dry:
            _remove(folder, done)


def _remove(folder: Path, done: Cleaned) -> None:
    try:
        with RunLock(folder):  # nobody resumes it meanwhile
            for path in folder.iterdir():
                if path.name == "lock":
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    except LaminaError as error:
        done.kept.append(error.message)


def _leftovers(home: Project, known: Iterable[_Trace], running: set[str], done: Cleaned) -> None:
    """Deletes values that no run names, folders of runs that are not recorded, half files."""
    traces = list(known)
    named = _digests(home, (ref for trace in traces for ref in _named(trace)))
    limit = time.time() - _YOUNG
    lost = [e for e in home.artifacts.stored() if e.digest not in named and e.time < limit]
    done.leftovers, done.leftover_bytes = len(lost), sum(entry.size for entry in lost)
    ids = {trace.run.id for trace in traces}
    for folder in _subfolders(home.folder / "runs"):
        old = folder.stat().st_mtime < limit
        if folder.name not in ids | running and old and not is_driven(folder):
            done.leftovers += 1
            done.leftover_bytes += _size(folder)
            if not done.dry:
                _remove(folder, done)
    if not done.dry:
        home.artifacts.remove(entry.digest for entry in lost)
        home.artifacts.objects.tidy()


def _named(trace: _Trace) -> Iterator[Ref]:
    yield from trace.inputs()
    yield from trace.outputs()
    yield from trace.given
    yield from trace.final


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _size(folder: Path) -> int:
    """Bytes on the disk; files with several names count by their share."""
    size = 0
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except OSError:
            continue
        size += found.st_size // max(1, found.st_nlink) if not path.is_dir() else 0
    return size
