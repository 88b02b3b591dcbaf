"""The words of placing: jobs and runtimes, what policies see and ask for, what really happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isfinite

from lamina.errors import UsageError
from lamina.estimates.stages import Load


@dataclass(frozen=True)
class Runtime:
    """Where a task can run, as far as placing it goes.

    Args:
        name: as profiles and policies name it.
        standby: it stands ready and near its data: nothing is deployed or uploaded, work queues.
        capacity: tasks that it runs at once; further ones queue.
        devices: accelerators that a task takes there; 0 for none.
        price: of a second from being ready to being released.
        power: watts while it works.
        labels: what it may be asked to be ("edge", "trusted").
    """

    name: str
    standby: bool = False
    capacity: int = 1_000_000
    devices: int = 0
    price: float = 0.0
    power: float = 0.0
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Job:
    """A task that waits for its place.

    Args:
        name: unlike that of any other job.
        items: how much there is to do, in whole items; a task that cannot be divided has its size
            here all the same, as times depend on it.
        ready: when it came, in seconds of the clock of whoever places.
        upload: bytes that travel to a runtime that is not near the data.
        fetch: bytes that come back.
        divisible: whether its items can be done apart.
        deadline: seconds after `ready`.
        needs: labels that a runtime must have.
        kind: what is done to the items, where jobs of several kinds are placed together: times of
            one kind say nothing of another.

    Raises:
        UsageError: it has no items, or a size that is no number.
    """

    name: str
    items: int
    ready: float = 0.0
    upload: float = 0.0
    fetch: float = 0.0
    divisible: bool = False
    deadline: float = inf
    needs: frozenset[str] = frozenset()
    kind: str = ""

    def __post_init__(self) -> None:
        if self.items < 1:
            raise UsageError(f"job {self.name!r} has {self.items} items", "it has at least one")
        if not (isfinite(self.ready) and self.upload >= 0.0 and self.fetch >= 0.0):
            raise UsageError(
                f"job {self.name!r}: ready {self.ready}, upload {self.upload}, fetch {self.fetch}",
                "ready is a time in seconds, upload and fetch are bytes of at least 0",
            )

    def load(self, runtime: Runtime, at: float, items: float | None = None) -> Load:
        """What it means for a runtime; for some of its items where it is divided.

        All items travel in any case: which of them a runtime will do is open until the end.
        """
        count = float(self.items if items is None else items)
        if runtime.standby:
            return Load(count, 0.0, 0.0, at, kind=self.kind)
        return Load(count, self.upload, self.fetch * count / self.items, at, kind=self.kind)


# What a policy asks for.


@dataclass(frozen=True)
class Request:
    """Have a runtime made ready for the job: its data travels while it is deployed."""

    runtime: str


@dataclass(frozen=True)
class Start:
    """Begin to work on a runtime that is ready.

    Args:
        runtime: its name.
        shared: it takes items that nobody has taken yet, one by one, from the other end than the
            standby runtimes do; else it does all of them, whatever others do.
    """

    runtime: str
    shared: bool = False


@dataclass(frozen=True)
class Cancel:
    """End what the job has on a runtime, whatever state it is in, and give the runtime back."""

    runtime: str


@dataclass(frozen=True)
class Migrate:
    """Go on elsewhere, on a runtime that is ready: items that are done stay done."""

    source: str
    target: str


@dataclass(frozen=True)
class Wait:
    """Ask again after some seconds, unless the job is done by then."""

    seconds: float


Action = Request | Start | Cancel | Migrate | Wait


@dataclass(frozen=True)
class Choice:
    """What a policy decided.

    Args:
        actions: in their order.
        why: one line for people; may be empty where nothing was chosen.
        chances: runtime -> probability with which it was to be chosen; empty for a policy that
            leaves nothing to chance.
    """

    actions: tuple[Action, ...] = ()
    why: str = ""
    chances: Mapping[str, float] = field(default_factory=dict)


# What a policy is told.


@dataclass(frozen=True)
class Up:
    """A runtime is deployed for the job, and held from now on; it is not warm yet, and the data
    of the job may be on its way. Nothing has to be done; what is not wanted can be given back."""

    runtime: str


@dataclass(frozen=True)
class Ready:
    """A runtime is ready for the job, its data is there."""

    runtime: str


@dataclass(frozen=True)
class Failed:
    """A runtime could not be made ready, or broke down; items that it did stay done.

    Args:
        runtime: its name.
        final: no further attempt is made there for this job; else one follows by itself.
    """

    runtime: str
    final: bool


@dataclass(frozen=True)
class Tick:
    """The time that a policy wanted to wait is over."""


Notice = Up | Ready | Failed | Tick


# What is to be done, and what was done: between the dispatcher and whoever acts for it.


@dataclass(frozen=True)
class Prepare:
    """Upload and deploy together, then warm up; tell `Uploaded`, `Deployed`, `Warmed`."""

    attempt: int
    job: Job
    runtime: str
    tries: int


@dataclass(frozen=True)
class Run:
    """Work on the items; tell `Finished` when all items of the job are done and back."""

    attempt: int
    job: Job
    shared: bool


@dataclass(frozen=True)
class End:
    """Stop an attempt, and give back what it holds; nothing is told of it any more."""

    attempt: int


@dataclass(frozen=True)
class Ring:
    """Tell `Rang` with this token at a time; a time that is over means at once."""

    at: float
    token: tuple[str, ...]


@dataclass(frozen=True)
class Probe:
    """Deploy a runtime only to see how long it takes, give it back, tell `Probed`."""

    runtime: str


Command = Prepare | Run | End | Ring | Probe


@dataclass(frozen=True)
class Arrived:
    """A job came."""

    job: Job


@dataclass(frozen=True)
class Uploaded:
    """The data of an attempt is there."""

    attempt: int
    seconds: float


@dataclass(frozen=True)
class Deployed:
    """The runtime of an attempt is up."""

    attempt: int
    seconds: float


@dataclass(frozen=True)
class Warmed:
    """The runtime of an attempt can begin: its data is there, it is up and warm."""

    attempt: int
    seconds: float


@dataclass(frozen=True)
class Crashed:
    """An attempt failed: it was not deployed, or broke down while it worked."""

    attempt: int
    reason: str


@dataclass(frozen=True)
class Share:
    """What a runtime did of a job: items, the seconds that it worked, and those of the way back."""

    items: int
    seconds: float
    fetch: float = 0.0


@dataclass(frozen=True)
class Pace:
    """How far an attempt is that works, and when its items were done.

    Args:
        items: that it has done so far, whether they will count or not.
        first: seconds of its work at which the first of them was done.
        last: the same of the last.
    """

    items: int
    first: float
    last: float


@dataclass(frozen=True)
class Finished:
    """All items of a job are done and its results are back.

    Args:
        job: its name.
        shares: attempt -> what it did, for attempts that did anything.
    """

    job: str
    shares: Mapping[int, Share]


@dataclass(frozen=True)
class Withdrawn:
    """Nobody wants a job any more: it failed by itself, or was cancelled.

    Args:
        job: its name.
        why: for the ledger.
    """

    job: str
    why: str


@dataclass(frozen=True)
class Rang:
    """A time has come."""

    token: tuple[str, ...]


@dataclass(frozen=True)
class Probed:
    """A probe came back: seconds until the runtime was up, None where it did not come up."""

    runtime: str
    seconds: float | None


Event = Arrived | Uploaded | Deployed | Warmed | Crashed | Finished | Withdrawn | Rang | Probed
