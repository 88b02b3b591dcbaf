"""Recorded placings as worlds that can be played again: logs of runs, and tables."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lamina.errors import DataError, unreadable
from lamina.estimates.distribution import Distribution
from lamina.estimates.placement_log import Placed, read_log
from lamina.estimates.stages import RuntimeEstimates
from lamina.planning.placement.dispatcher import Dispatcher
from lamina.planning.placement.log import Entry
from lamina.planning.placement.retelling import Told, retold
from lamina.planning.placement.words import (
    Crashed,
    Deployed,
    Finished,
    Job,
    Runtime,
    Share,
    Uploaded,
    Warmed,
)
from lamina.planning.policies import made
from lamina.planning.simulation.laws import IMAGE_BYTES
from lamina.planning.simulation.replaying import Record, Recorded, start_part
from lamina.planning.simulation.scenarios import DAY
from lamina.workspace.placing_known import from_rows, run_log, runtime_of, stages_of

BOOTSTRAP = 2
"""Rows of each runtime that are known before the first job, as the paper's system had them."""
OUTCOMES = ("batch", "image_num", "runtime", "act_total")
"""Columns of a table with the outcome of every batch on every runtime."""
_USUAL = "share"
"""Policy whose predictors fill in what is not known."""
_PERIOD = DAY / 162


@dataclass(frozen=True)
class Past:
    """What was recorded.

    Args:
        record: to play again.
        about: of what kind it is, in words.
        staged: whether stages are told; else only totals, and work cannot be divided.
        log: the log of a run; None for a table.
    """

    record: Record
    about: str
    staged: bool = True
    log: Told | None = None


def past(run: str, divisible: bool = True, standby: str = "edge") -> Past:
    """A recorded run by its log, its name, or a table in a CSV file.

    Args:
        run: file or name.
        divisible: whether the jobs of a table can be divided; a log knows.
        standby: the runtime of a table of totals that stands ready.

    Raises:
        DataError: it is none of these.
    """
    file = Path(run)
    if file.is_file() and file.suffix.lower() == ".csv":
        columns = _columns(file)
        if set(OUTCOMES) <= set(columns) and "act_proc" not in columns:
            return _of_totals(file, standby)
        return _of_rows(file, divisible)
    return _of_log(run_log(run))


def _columns(file: Path) -> list[str]:
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            return next(csv.reader(stream), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(file, error, "name a CSV file or a log") from error


# Tables.


def _of_rows(file: Path, divisible: bool) -> Past:
    """A job per row; what it took on the runtime where it was, the rest from all rows."""
    rows = read_log(file)
    by_name: dict[str, list[Placed]] = {}
    for row in rows:
        by_name.setdefault(row.runtime, []).append(row)
    runtimes = {name: runtime_of(name, own) for name, own in by_name.items()}
    first = {id(row) for own in by_name.values() for row in own[:BOOTSTRAP]}
    history = {
        name: [one for row in own[:BOOTSTRAP] for one in _told(row)]
        for name, own in by_name.items()
    }
    begin, jobs, known = rows[0].at, [], {}
    for number, row in enumerate(rows):
        if id(row) in first or row.items < 1.0:
            continue
        items = int(row.items)
        job = Job(f"row-{number + 2}", items, row.at - begin, items * IMAGE_BYTES, 0.0, divisible)
        jobs.append(job)
        known[job.name, row.runtime] = Recorded(dict(stages_of(row)))
    if not jobs:
        raise DataError(f"{file} has no rows besides the first two of each runtime", "add rows")
    estimates = from_rows(made(_USUAL), rows, str(file)).estimates
    record = _filled(runtimes, jobs, known, history, estimates, rows[-1].at)
    return Past(record, f"{len(jobs)} rows of {file}, each on the runtime where it was")


def _told(row: Placed) -> list[tuple[str, float, float]]:
    sizes = {"upload": row.items * IMAGE_BYTES}
    return [
        (stage, sizes.get(stage, row.items), seconds) for stage, seconds in stages_of(row).items()
    ]


def _of_totals(file: Path, standby: str) -> Past:
    """A job per batch, whose total is known on every runtime, or on most."""
    totals: dict[str, dict[str, float]] = {}
    sizes: dict[str, int] = {}
    with file.open(newline="", encoding="utf-8") as stream:
        for number, row in enumerate(csv.DictReader(stream), 2):
            try:
                sizes[row["batch"]] = int(float(row["image_num"]))
                totals.setdefault(row["batch"], {})[row["runtime"].strip()] = float(
                    row["act_total"]
                )
            except (ValueError, AttributeError, TypeError) as error:
                raise DataError(f"{file}, line {number}: {error}", _TABLE) from error
    names = list(dict.fromkeys(name for one in totals.values() for name in one))
    runtimes = {name: _runtime(name, standby) for name in names}
    before = list(totals)[:BOOTSTRAP]
    history: dict[str, list[tuple[str, float, float]]] = {name: [] for name in names}
    for batch in before:
        for name, seconds in totals[batch].items():
            # All of a total counts as work: nothing is told of what comes before it.
            rest = () if runtimes[name].standby else ("upload", "deployment", "warm", "fetch")
            history[name].append(("processing", float(sizes[batch]), seconds))
            history[name] += [(stage, 1.0, 0.0) for stage in rest]
    after = [batch for batch in totals if batch not in before]
    if not after:
        raise DataError(f"{file} has {len(totals)} batches", f"it needs over {BOOTSTRAP}")
    jobs = [Job(f"batch-{b}", sizes[b], at * _PERIOD) for at, b in enumerate(after)]
    known = {
        (job.name, name): Recorded({"processing": seconds})
        for job, batch in zip(jobs, after, strict=True)
        for name, seconds in totals[batch].items()
    }
    taught = _taught(runtimes, totals, sizes)
    record = _filled(runtimes, jobs, known, history, taught, 0.0)
    return Past(record, f"{len(jobs)} batches of {file} on every runtime", staged=False)


_TABLE = f"a CSV file with the columns {', '.join(OUTCOMES)}"


def _runtime(name: str, standby: str) -> Runtime:
    if name == standby:
        return Runtime(name, standby=True, capacity=1)
    count = "".join(filter(str.isdigit, name)) if name.startswith("gpu") else ""
    return Runtime(name, devices=int(count or name.startswith("gpu")))


def _taught(
    runtimes: Mapping[str, Runtime], totals: Mapping[str, Mapping[str, float]],
    sizes: Mapping[str, int],
) -> dict[str, RuntimeEstimates]:  # fmt: skip
    found = {name: RuntimeEstimates.usual("processing") for name in runtimes}
    for batch, one in totals.items():
        for name, seconds in one.items():
            job = Job("b", sizes[batch])
            found[name].update("processing", job.load(runtimes[name], 0.0), seconds)
    return found


# Logs of placing runs.


@dataclass
class _Notes:
    """What the attempts of a log tell, noted before the dispatcher closes them."""

    known: dict[tuple[str, str], Recorded] = field(default_factory=dict)
    shares: dict[tuple[str, str], Share] = field(default_factory=dict)

    def take(self, entry: Entry, dispatcher: Dispatcher) -> None:
        """Notes an event."""
        for number, stage, seconds in _stage_of(entry):
            if (one := dispatcher.attempts.get(number)) is None:
                continue
            found = self.known.setdefault((one.job.name, one.runtime), Recorded())
            if stage:
                found.stages[stage] = seconds
            elif one.deployed is None and one.begun is not None:
                found.failed.append(entry.at - one.begun)
        if isinstance(entry.what, Finished):
            for number, share in entry.what.shares.items():
                one = dispatcher.attempts.get(number)
                if one is not None and share.items:
                    self.shares[one.job.name, one.runtime] = share


def _of_log(log: Told) -> Past:
    """What every attempt told, and the rest from all that the log tells."""
    notes = _Notes()
    dispatcher = retold(log, made(_USUAL), before=notes.take)
    done = sorted((one.job for one in log.outcomes.values()), key=lambda job: job.ready)
    if not done:
        raise DataError("the log has no job that ended", "wait for one, or name another log")
    history = {name: list(rows) for name, rows in log.begun.known.items()}
    estimates = dispatcher.learner.estimates
    record = _filled(dispatcher.runtimes, done, notes.known, history, estimates, log.end)
    jobs = {job.name: job for job in done}
    for (job, name), share in notes.shares.items():
        if job in jobs:
            whole = _whole(record, jobs[job], name, share)
            notes.known.setdefault((job, name), Recorded()).stages.update(whole)
    return Past(record, f"{len(done)} jobs of a run of {log.begun.policy}", log=log)


def _stage_of(entry: Entry) -> list[tuple[int, str, float]]:
    match entry.what:
        case Uploaded(attempt, seconds):
            return [(attempt, "upload", seconds)]
        case Deployed(attempt, seconds):
            return [(attempt, "deployment", seconds)]
        case Warmed(attempt, seconds):
            return [(attempt, "warm", seconds)]
        case Crashed(attempt, _):
            return [(attempt, "", 0.0)]
    return []


def _whole(record: Record, job: Job, name: str, share: Share) -> dict[str, float]:
    """Seconds that all items take where some were done: what comes before the first is once."""
    part = share.items / job.items
    start = record.starts.get((job.name, name), 0.0)
    work = share.seconds / (start + (1.0 - start) * part)
    return {"processing": work, "fetch": share.fetch / part}


def _filled(
    runtimes: Mapping[str, Runtime],
    jobs: Sequence[Job],
    known: Mapping[tuple[str, str], Recorded],
    history: Mapping[str, Sequence[tuple[str, float, float]]],
    estimates: Mapping[str, RuntimeEstimates],
    at: float,
) -> Record:
    """A record in which what is not known can be drawn from what all of it teaches."""
    predicted: dict[tuple[str, str], Mapping[str, Distribution]] = {}
    starts: dict[tuple[str, str], float] = {}
    for job in jobs:
        for name, runtime in runtimes.items():
            if job.needs <= runtime.labels:
                pair = (job.name, name)
                predicted[pair], starts[pair] = start_part(runtime, estimates[name], job, at)
    return Record(runtimes, jobs, known, history, predicted, starts)
