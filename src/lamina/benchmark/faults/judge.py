"""The judgement of a case: what is lost, doubled, different, hung, unseen or left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lamina.benchmark.faults.stage import Stage, digests, words_of
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event


@dataclass(frozen=True)
class Expected:
    """What an undisturbed run gives.

    Args:
        files: of its outputs: path -> digest.
        outputs: workflow output -> digest in the record.
        units: names of the units that have a result.
        seconds: that it took.
        busy: seconds of it after its folder was there.
    """

    files: Mapping[str, str]
    outputs: Mapping[str, str]
    units: frozenset[str]
    seconds: float
    busy: float


@dataclass
class Verdict:
    """What came of a case; every list holds sentences and should be empty.

    Args:
        number, kind, shape: of the case.
        struck: whether the fault was done before the run was over.
        lost: results that are not there at the end.
        duplicated: results that were made or counted twice.
        differing: outputs that are not the undisturbed run's.
        hung: commands that did not end.
        unseen: what the record does not show.
        leftover: processes that live on.
        broken: commands that ended with our own traceback, and rules that were broken.
        notes: what was done.
        repeated: attempts that worked to their end and were not kept: the engine was gone.
        seconds: that the case took.
    """

    number: int
    kind: str
    shape: str
    struck: bool = False
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    leftover: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    repeated: int = 0
    seconds: float = 0.0

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return not any(getattr(self, name) for name in WORDS)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


SLACK = 0.05
"""Seconds by which an event may be older than the one written before it: reports come in turns."""

WORDS = ("lost", "duplicated", "differing", "hung", "unseen", "leftover", "broken")


def expected(stage: Stage, seconds: float, busy: float) -> Expected:
    """What a run that nobody disturbed gave."""
    events = stage.log()
    return Expected(digests(stage.output), _outputs(events), _units(events), seconds, busy)


def judge(verdict: Verdict, stage: Stage, wanted: Expected) -> None:
    """Compares what is there after a case with the undisturbed run."""
    events = stage.log()
    ends = words_of(events, "RunFinished")
    if not ends or ends[-1].status != "succeeded":
        status = ends[-1].status if ends else "without end"
        verdict.lost.append(f"the run is {status}: {_last_words(stage)}")
        return
    missing = wanted.units - _units(events)
    verdict.lost += [f"no result of {unit}" for unit in sorted(missing)]
    verdict.differing += _differences(wanted.files, digests(stage.output), "file")
    verdict.differing += _differences(wanted.outputs, _outputs(events), "output")
    verdict.duplicated += doubled(events)
    verdict.broken += disordered(events)
    if "Traceback (most recent call last)" in stage.said():
        verdict.broken.append(f"a traceback of ours: {_last_words(stage)}")
    verdict.repeated = _repeated(stage)


def doubled(events: Sequence[Event]) -> list[str]:
    """Units with a second success, or begun again although their result was there.

    A result that was found damaged or missing is made again; the attempt's reason says so.
    """
    done: set[str] = set()
    found = []
    for event in events:
        if isinstance(event, AttemptStarted) and event.task in done:
            if not is_loss(event.reason):
                found.append(f"{event.task} began again after its success: {event.reason}")
            done.discard(event.task)
        elif isinstance(event, AttemptEnded) and event.status == "succeeded":
            if event.task in done:
                found.append(f"{event.task} succeeded twice")
            done.add(event.task)
    return found


def disordered(events: Sequence[Event]) -> list[str]:
    """Times that go back, and attempts that do not count on."""
    found = []
    numbers: Counter[str] = Counter()
    last = 0.0
    for event in events:
        if event.time < last - SLACK:
            found.append(f"time goes back by {last - event.time:.3f} s at {type(event).__name__}")
        last = max(last, event.time)
        if isinstance(event, AttemptStarted):
            task, number = event.task, event.attempt
            if number <= numbers[task]:
                found.append(f"{task} begins attempt {number} after attempt {numbers[task]}")
            numbers[task] = number
    return found[:5]


def is_loss(text: str) -> bool:
    """Whether a line says that a result has to be made again."""
    return any(word in text.lower() for word in ("damaged", "lost", "missing", "gone", "cleaned"))


def _units(events: Sequence[Event]) -> frozenset[str]:
    done = {e.task for e in words_of(events, "AttemptEnded") if e.status == "succeeded"}
    return frozenset(done | {e.task for e in words_of(events, "TaskReused")})


def _outputs(events: Sequence[Event]) -> dict[str, str]:
    ends = words_of(events, "RunFinished")
    if not ends:
        return {}
    return {name: str(ref.get("digest", "")) for name, ref in ends[-1].outputs.items()}


def _differences(wanted: Mapping[str, str], found: Mapping[str, str], what: str) -> list[str]:
    absent = [f"{what} {name} is not there" for name in wanted if name not in found]
    other = [
        f"{what} {name} is another"
        for name in wanted
        if name in found and found[name] != wanted[name]
    ]
    return [*absent, *other, *(f"{what} {name} is new" for name in found if name not in wanted)]


def _repeated(stage: Stage) -> int:
    """Attempts that came to their end more than once per unit, from what the tasks noted."""
    path = stage.folder / "effects.txt"
    if not path.is_file():
        return 0
    lines = [line.split() for line in path.read_text(errors="replace").splitlines()]
    ends = Counter(line[1] for line in lines if len(line) == 5 and line[3] == "end")
    return sum(count - 1 for count in ends.values())


def _last_words(stage: Stage) -> str:
    texts = [command.text().strip() for command in stage.commands]
    return (texts[-1][-700:] or "it said nothing") if texts else "no command"
