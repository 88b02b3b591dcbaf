"""`place run`: jobs placed for real on the runtimes of a profile, recorded as a run."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.errors import RunCancelledError, TaskFailedError, UsageError
from lamina.execution.placing.arrivals import Gathering, Listener, Watch
from lamina.execution.placing.driver import Driver, How
from lamina.execution.placing.items import Item
from lamina.execution.placing.jobs import Order, read_order
from lamina.execution.placing.profile import Profile, read_profile
from lamina.execution.placing.site import Place, Setting
from lamina.execution.placing.sites import SITES
from lamina.execution.placing.uploads import Uploads
from lamina.planning.placement.ledger import Ledger
from lamina.planning.placement.log import Begun, LogWriter, read_log
from lamina.planning.placement.view import Weights
from lamina.planning.policies import made
from lamina.workspace.interrupts import Say, interruptible
from lamina.workspace.live_heard import Lines, Recorder, both
from lamina.workspace.project import Project, project

if TYPE_CHECKING:
    from lamina.records.store import RunRecord

LOG = "placing.jsonl"
"""Name of the log in the folder of a run."""
SEEN = "observations.json"
"""Name of the file in which a run leaves what it learnt."""
DEFAULT = "share"
_REMEMBERED = 100
"""Observations of a stage of a runtime that the next run begins with, at most."""


@dataclass(frozen=True)
class Wanted:
    """What a command line says besides the files.

    Args:
        policy: in the place of the job's.
        watch: folder from which batches come.
        listen: port on which they come; None for not.
        token: that those who send them have to show.
        batches: after how many the run ends by itself; 0 for never, where they come from outside.
        period: seconds between two batches, in the place of the job's.
        output: folder for the results, beside the run's own.
    """

    policy: str = ""
    watch: Path | None = None
    listen: int | None = None
    token: str = ""
    batches: int = 0
    period: float | None = None
    output: Path | None = None

    @property
    def outside(self) -> bool:
        """Whether batches come while it goes on."""
        return self.watch is not None or self.listen is not None


@dataclass(frozen=True)
class Placed:
    """A placing run that is over.

    Args:
        run: its name.
        id: of its record.
        policy: who decided.
        folder: where its log and results are.
        ledger: what happened.
        items: results that there are.
        wanted: results that there should be.
        repeated: results that came again and were not counted.
        seconds: that it took on the run's clock.
    """

    run: str
    id: str
    policy: str
    folder: Path
    ledger: Ledger
    items: int
    wanted: int
    repeated: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values: jobs with their latency and who did them, runtimes with what they did."""
        return {
            "run": self.run, "id": self.id, "policy": self.policy, "folder": str(self.folder),
            "seconds": self.seconds, "items": self.items, "wanted": self.wanted,
            "repeated": self.repeated,
            "jobs": {
                name: {"latency": one.latency, "by": list(one.by), "failed": one.failed}
                for name, one in self.ledger.outcomes.items()
            },
            "runtimes": _by_runtime(self.ledger),
        }  # fmt: skip

    def text(self) -> str:
        """For a terminal."""
        from lamina.records.tables import table_lines

        rows = [["RUNTIME", "ITEMS", "ATTEMPTS", "DONE", "CANCELLED", "FAILED", "HELD"]]
        for name, one in _by_runtime(self.ledger).items():
            ends = one["ends"]
            done = ends.get("done", 0) + ends.get("shared", 0)
            gone = ends.get("cancelled", 0) + ends.get("lost", 0)
            failed = ends.get("failed", 0)
            cells = (one["items"], one["attempts"], done, gone, failed, f"{one['held']:.1f} s")
            rows.append([name, *map(str, cells)])
        outcomes = self.ledger.outcomes.values()
        latencies = [one.latency for one in outcomes if not one.failed]
        mean = sum(latencies) / len(latencies) if latencies else 0.0
        return "\n".join([
            *table_lines(rows), "",
            f"{len(latencies)} of {len(outcomes)} jobs done, {self.items} of {self.wanted} items, "
            f"mean latency {mean:.2f} s, policy {self.policy}, run {self.run}",
            f"results: {self.folder / 'results'}",
        ])  # fmt: skip


def run(profile: Path, job: Path, wanted: Wanted, say: Say | None = None) -> Placed:
    """Places jobs for real.

    Args:
        profile: file with the runtimes.
        job: file with the function and its items.
        wanted: what the command line says.
        say: takes lines while it goes on.

    Raises:
        DocumentError: a file that is not understood.
        UsageError: a policy or runtime that does not fit.
        TaskFailedError: a job that no runtime could do.
        RunCancelledError: somebody ended it.
    """
    read = read_profile(profile)
    order = read_order(job, items=not wanted.outside)
    if wanted.period is not None:
        order = replace(order, period=wanted.period)
    order = replace(order, policy=wanted.policy or order.policy or DEFAULT)
    made(order.policy)
    _check(read, order)
    home = project()
    with _recorded(home, read, order) as record:
        return _driven(home, record, read, order, _Told(wanted, say))


@dataclass(frozen=True)
class _Told:
    wanted: Wanted
    say: Say | None

    def line(self, text: str) -> None:
        if self.say is not None:
            self.say(text)


def _driven(
    home: Project, record: RunRecord, read: Profile, order: Order, told: _Told
) -> Placed:  # fmt: skip
    folder = home.run_folder(record.id)
    known = _known(home, order, read)
    how = How(
        record.id, order.arguments, folder / "results", read.scale, order.seed,
        Weights(order.price, order.energy), read.rules, read.limits, known,
    )  # fmt: skip
    standby = frozenset(name for name, one in read.runtimes.items() if one.runtime.standby)
    recorder = Recorder(home, record, how.scale, standby)
    places = _places(read, order, folder)
    with LogWriter(folder / LOG) as written:
        written.write(0.0, _begun(record, read, order, how))
        driver = Driver(places, made(order.policy), how, written, both(recorder, Lines(told.line)))
        recorder.begin()
        with _fed(driver, order, told, folder), interruptible(driver, told.say) as signals:
            driver.run()
    _keep(folder, driver)
    ledger = driver.dispatcher.ledger
    recorder.finish(driver.cancelled, any(one.failed for one in ledger.outcomes.values()))
    if driver.cancelled:
        raise RunCancelledError(
            f"the run {record.name} was cancelled",
            f"what is done is in {folder / 'results'}",
            signals[0] if signals else 0,
        )
    wanted = sum(len(basket.items) for basket in driver.baskets.values())
    items = sum(len(basket.results()) for basket in driver.baskets.values())
    _deliver(folder / "results", told.wanted.output)
    failed = [one for one in ledger.outcomes.values() if one.failed]
    if failed:
        raise TaskFailedError(
            failed[0].job.name, failed[0].failed, f"see what pods printed: {folder / 'pods'}"
        )
    return Placed(
        record.name, record.id, order.policy, folder, ledger, items, wanted, driver.repeated,
        driver.now,
    )  # fmt: skip


@contextmanager
def _recorded(home: Project, read: Profile, order: Order) -> Iterator[RunRecord]:
    """A new run of the project."""
    from lamina.records.names import name_of, new_id
    from lamina.records.store import RunRecord

    identity = new_id()
    options = {
        "command": sys.argv, "placing": True, "policy": order.policy,
        "profile": str(read.file.absolute()), "job": str(order.file.absolute()),
    }  # fmt: skip
    yield home.store.create(
        RunRecord(
            identity, name_of(identity), f"place {order.file.stem}", {},
            str(order.file.parent.absolute()), {}, options, time.time(), host=platform.node(),
            pid=os.getpid(),
        )
    )  # fmt: skip


def _check(read: Profile, order: Order) -> None:
    """Files that have to travel need a storage."""
    for name, entry in read.runtimes.items():
        files = any(item.path is not None for item in order.items)
        if entry.kind == "http" and files and not entry.storage:
            raise UsageError(
                f"runtime {name!r} is reached over HTTP, has no storage, and the items of "
                f"{order.file} are files",
                "name a storage in the profile: storage: s3://bucket/folder",
            )


def _places(read: Profile, order: Order, folder: Path) -> dict[str, Place]:
    where, _, name = order.function.rpartition(":")
    at = order.file.parent.absolute()
    function = f"{at / where}:{name}" if where.endswith(".py") else order.function
    uploads = Uploads()
    found = {}
    for runtime, entry in read.runtimes.items():
        how = Setting(
            entry.runtime, entry.settings, function, at, folder / "pods", entry.storage,
            read.scale, read.limits, uploads,
        )  # fmt: skip
        found[runtime] = Place(entry.runtime, SITES.get(entry.kind)(how), entry.storage)
    return found


def _begun(record: RunRecord, read: Profile, order: Order, how: How) -> Begun:
    about = {
        "run": record.name, "id": record.id, "function": order.function,
        "job": str(order.file), "profile": str(read.file),
        "kinds": {name: entry.kind for name, entry in read.runtimes.items()},
    }  # fmt: skip
    runtimes = tuple(entry.runtime for entry in read.runtimes.values())
    return Begun(
        order.policy, runtimes, order.seed, time.time(), how.scale, how.known, asdict(how.rules),
        about,
    )  # fmt: skip


@contextmanager
def _fed(driver: Driver, order: Order, told: _Told, folder: Path) -> Iterator[None]:
    """Hands jobs to the driver: those of the file, or those that come from outside."""
    wanted, count = told.wanted, [0]

    def came(items: Sequence[Item]) -> None:
        if wanted.batches and count[0] >= wanted.batches:
            return
        count[0] += 1
        job = order.job(f"{order.file.stem}-{count[0]}", items)
        driver.submit(job, tuple(items), (count[0] - 1) * order.period * (not wanted.outside))
        if wanted.batches and count[0] >= wanted.batches:
            driver.finish()

    for batch in order.batches():
        came(batch)
    if not wanted.outside:
        driver.finish()
        yield
        return
    gathering = Gathering(came, order.period, order.batch)
    with ExitStack() as stack:
        if wanted.watch is not None:
            stack.callback(Watch(wanted.watch, gathering).close)
            told.line(f"watching {wanted.watch}; Ctrl-C ends")
        if wanted.listen is not None:
            listener = Listener(wanted.listen, wanted.token, folder / "inbox", gathering)
            stack.callback(listener.close)
            told.line(f"listening on http://127.0.0.1:{listener.port}/items; Ctrl-C ends")
        yield
    driver.finish()


def _known(
    home: Project, order: Order, read: Profile
) -> dict[str, tuple[tuple[str, float, float], ...]]:
    """What earlier runs of the same function learnt of runtimes that are still of one kind."""
    found: dict[str, list[tuple[str, float, float]]] = {}
    for record in reversed(home.store.runs(50)):
        folder = home.run_folder(record.id)
        if not record.options.get("placing") or not (folder / SEEN).is_file():
            continue
        begun = read_log(folder / LOG)[0].what
        if not isinstance(begun, Begun) or begun.about.get("function") != order.function:
            continue
        kinds = begun.about.get("kinds", {})
        for name, rows in json.loads((folder / SEEN).read_text(encoding="utf-8")).items():
            if name in read.runtimes and kinds.get(name) == read.runtimes[name].kind:
                found.setdefault(name, []).extend((str(s), float(n), float(t)) for s, n, t in rows)
    return {name: tuple(rows[-5 * _REMEMBERED :]) for name, rows in found.items()}


def _keep(folder: Path, driver: Driver) -> None:
    part = folder / f".{SEEN}.part"
    part.write_text(json.dumps(driver.seen), encoding="utf-8")
    part.replace(folder / SEEN)


def _deliver(results: Path, output: Path | None) -> None:
    if output is not None and results.is_dir():
        output.mkdir(parents=True, exist_ok=True)
        for path in results.glob("*.json"):
            shutil.copy2(path, output / path.name)


def _by_runtime(ledger: Ledger) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in ledger.usages:
        told = found.setdefault(
            one.runtime, {"items": 0, "attempts": 0, "held": 0.0, "ends": {}}
        )  # fmt: skip
        told["items"] += one.items
        told["attempts"] += 1
        told["held"] += one.held
        told["ends"][one.end] = told["ends"].get(one.end, 0) + 1
    return found
