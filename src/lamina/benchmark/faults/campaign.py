"""`benchmark faults`: seeded cases of every kind, several at once, judged and counted."""

from __future__ import annotations

import random
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from lamina.benchmark.bars import Bar
from lamina.benchmark.document import Say, Tree, document_of
from lamina.benchmark.faults.judge import WORDS, Expected, Verdict, expected, judge
from lamina.benchmark.faults.kinds import FAULTS, WEIGHTS, Fault
from lamina.benchmark.faults.shapes import SHAPES
from lamina.benchmark.faults.stage import HungError, Stage
from lamina.benchmark.machine import Beginning
from lamina.benchmark.processes import left_over
from lamina.errors import LaminaError
from lamina.workflow.machine import cores

KIND = "faults"
"""The value of `benchmark` in a results document of this kind."""

_PLAYING: set[str] = set()
"""Marks of the cases that are played now: who ends the campaign ends them."""

ENOUGH = 300
"""Cases of a whole campaign."""

_TURNS = 4
"""How often a case is played whose run is over before its fault: machines change their pace."""

_HASTE = 0.6
"""By how much the moment of the fault comes earlier each time."""


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        cases: how many.
        first: seed of the first; each case has the next.
        kinds: of faults; all that can be played here when empty.
        at_once: cases at the same time; 0 for twice as many as there are cores.
        keep: folder that projects of cases that went wrong are kept in; None for none.
    """

    cases: int = ENOUGH
    first: int = 0
    kinds: tuple[str, ...] = ()
    at_once: int = 0
    keep: Path | None = None


@dataclass(frozen=True)
class Case:
    """One case: its number is its seed."""

    number: int
    kind: str
    shape: str


def plan(options: Options, kinds: Iterable[str]) -> list[Case]:
    """The cases: each kind in its turn, on shapes by lot.

    The same options give the same cases on every machine that can play the same kinds.
    """
    turn = [kind for kind in kinds for _ in range(1)]
    weighted = [kind for kind in turn for _ in range(WEIGHTS.get(kind, 1))]
    random.Random(1).shuffle(weighted)
    # Every kind once before any comes twice: small campaigns shall see them all.
    order = [*turn, *weighted]
    cases = []
    for position in range(options.cases):
        number = options.first + position
        kind = (
            order[position]
            if position < len(turn)
            else weighted[(position - len(turn)) % len(weighted)]
        )
        shape = random.Random(number).choice(FAULTS.get(kind).shapes)
        cases.append(Case(number, kind, shape))
    return cases


def benchmark_faults(options: Options, command: str, say: Say) -> Tree:
    """Plays the cases and returns the results document.

    Stable keys: `cases`, `lost`, `duplicated`, `differing`, `hung`, `unseen`, `leftover`,
    `broken` (numbers of cases), `struck` (cases whose fault came before the end of the run),
    `kinds.<kind>` (the same per kind), `wrong` (the cases in full that went wrong), `absent`
    (kinds that cannot be played here, and why).

    Raises:
        UnknownNameError: a kind that no table knows.
        LaminaError: an undisturbed run failed.
    """
    began = Beginning()
    playable, absent = _kinds(options.kinds)
    for kind, why in absent.items():
        say(f"absent: {kind}: {why}")
    cases = plan(options, playable)
    with tempfile.TemporaryDirectory(prefix="lamina-faults-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        many = options.at_once or 2 * cores()
        shapes, twice = {case.shape for case in cases}, options.cases >= ENOUGH
        wanted = undisturbed(folder, shapes, (many, 2 if twice else 1), say)
        verdicts = list(_played(cases, wanted, folder, options, say))
    told: Tree = {
        "quick": options.cases < ENOUGH,
        "absent": absent,
        "failed": {},
        "first_seed": options.first,
        **counted(verdicts),
        "kinds": {
            kind: counted([v for v in verdicts if v.kind == kind])
            for kind in playable
            if any(v.kind == kind for v in verdicts)
        },
        "wrong": [verdict.to_json() for verdict in verdicts if not verdict.well],
    }
    return document_of(KIND, (began, command), told, bars)


def counted(verdicts: list[Verdict]) -> Tree:
    """How many cases there are, and how many of them have each thing wrong."""
    return {
        "cases": len(verdicts),
        "struck": sum(v.struck for v in verdicts),
        **{word: sum(bool(getattr(v, word)) for v in verdicts) for word in WORDS},
        "repeated": sum(v.repeated for v in verdicts),
        "seconds": sum(v.seconds for v in verdicts),
    }


def bars(results: Mapping[str, Any]) -> list[Bar]:
    """All bars: as many cases as are wanted, most disturbed in time, nothing wrong in any."""
    return [
        Bar("cases played", "", results["cases"], ENOUGH, "cases"),
        Bar("cases disturbed in time", "", results["struck"], round(0.95 * ENOUGH), "cases"),
        *(
            Bar(f"cases with something {word}", "", results[word], 0, "cases", at_least=False)
            for word in WORDS
        ),
    ]


def undisturbed(
    folder: Path, shapes: Iterable[str], runs: tuple[int, int], say: Say
) -> dict[str, Expected]:
    """What each shape gives when nobody disturbs it, and how long that takes.

    Args:
        folder: for the projects.
        shapes: their names.
        runs: how many at the same time (as many as there will be cases, so that times compare),
            and how often each shape.
        say: takes a line of progress.

    Raises:
        LaminaError: a run failed, or two runs gave different outputs.
    """
    names, (many, often) = sorted(shapes), runs
    found: dict[str, Expected] = {}
    with ThreadPoolExecutor(many, "lamina-undisturbed") as pool:
        numbered = [(name, number) for name in names for number in range(often)]
        done = list(pool.map(lambda one: _undisturbed(folder, *one), numbered))
    for (name, _), run in zip(numbered, done, strict=True):
        before = found.setdefault(name, run)
        if (before.files, before.outputs) != (run.files, run.outputs):
            raise LaminaError(
                f"two undisturbed runs of {name!r} give different outputs", "mend that first"
            )
        found[name] = min(before, run, key=lambda one: one.seconds)
    for name, run in found.items():
        say(f"undisturbed: {name}: {run.seconds:.2f} s, {len(run.units)} units")
    return found


def _undisturbed(folder: Path, name: str, number: int) -> Expected:
    stage = Stage(folder / f"undisturbed-{name}-{number}", SHAPES[name], uuid4().hex, 0.0)
    stage.set_up()
    begin = time.monotonic()
    command = stage.run()
    while not stage.folders() and not command.over_within(0.01):
        pass
    ready = time.monotonic()
    if command.wait() != 0:
        raise LaminaError(
            f"the undisturbed run of {name!r} failed:\n{command.text()}", "mend that first"
        )
    end = time.monotonic()
    found = expected(stage, end - begin, end - ready)
    stage.clear()
    return found


def play(case: Case, wanted: Expected, folder: Path, keep: Path | None = None) -> Verdict:
    """Plays one case and judges it; once more, and earlier, where the run was over before."""
    seconds = 0.0
    for turn in range(_TURNS):
        verdict = _play(case, turn, wanted, folder, keep)
        seconds += verdict.seconds
        if verdict.struck or not verdict.well:
            break
    verdict.seconds = seconds
    return verdict


def _play(case: Case, turn: int, wanted: Expected, folder: Path, keep: Path | None) -> Verdict:
    verdict = Verdict(case.number, case.kind, case.shape)
    chance = random.Random(case.number if not turn else f"{case.number}, turn {turn}")
    fault: Fault = FAULTS.get(case.kind)(chance, _HASTE**turn)
    stage = Stage(folder / f"case-{case.number}", SHAPES[case.shape], uuid4().hex, wanted.seconds)
    stage.busy = wanted.busy
    stage.folder.mkdir(parents=True)
    begin = time.monotonic()
    _PLAYING.add(stage.mark)
    try:
        fault.prepare(stage)
        fault.play(stage)
        verdict.leftover += left_over(stage.mark)
        judge(verdict, stage, wanted)
        if fault.struck and not fault.seen(stage.log()):
            verdict.unseen.append(f"nothing in the record tells of {case.kind}")
        verdict.broken += fault.after(stage)
    except HungError as error:
        verdict.hung.append(str(error))
    except Exception:
        verdict.broken.append(f"the case itself failed: {traceback.format_exc()[-1500:]}")
    finally:
        verdict.struck, verdict.notes = fault.struck, fault.notes
        verdict.seconds = time.monotonic() - begin
        left_over(stage.mark, patience=0.0)
        if keep is not None and not verdict.well:
            _keep(stage, keep)
        fault.clean(stage)
        stage.clear()
        _PLAYING.discard(stage.mark)
    return verdict


def _keep(stage: Stage, keep: Path) -> None:
    import shutil

    target = keep / stage.folder.name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(stage.folder, target, symlinks=True, ignore=shutil.ignore_patterns("*.img"))


def _played(
    cases: list[Case], wanted: Mapping[str, Expected], folder: Path, options: Options, say: Say
) -> Iterable[Verdict]:
    many = options.at_once or 2 * cores()
    with ThreadPoolExecutor(many, "lamina-faults") as pool:
        waiting = [
            pool.submit(play, case, wanted[case.shape], folder, options.keep) for case in cases
        ]
        try:
            for count, future in enumerate(as_completed(waiting), 1):
                verdict = future.result()
                _tell(verdict, count, len(cases), say)
                yield verdict
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for mark in list(_PLAYING):
                left_over(mark, patience=0.0)
            raise


def _tell(verdict: Verdict, count: int, cases: int, say: Say) -> None:
    head = f"{count}/{cases} case {verdict.number}: {verdict.kind} on {verdict.shape}"
    if verdict.well:
        said = "well" if verdict.struck else "over before it struck"
        notes = f" ({'; '.join(verdict.notes)})" if verdict.notes else ""
        say(f"{head}: {said} in {verdict.seconds:.1f} s{notes}")
        return
    say(f"{head}: WRONG ({'; '.join(verdict.notes)})")
    for word in WORDS:
        for sentence in getattr(verdict, word):
            say(f"    {word}: {sentence}")


def _kinds(asked: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    playable, absent = [], {}
    for kind in asked or FAULTS.names():
        why = FAULTS.get(kind).obstacle()
        if why:
            absent[kind] = why
        else:
            playable.append(kind)
    return playable, absent
