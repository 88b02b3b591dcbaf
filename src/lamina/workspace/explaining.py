"""`diagnose`: runs explained beside what is usual; answers to diagnoses, which become labels."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from lamina.diagnosis import answers
from lamina.diagnosis.answers import Answer
from lamina.diagnosis.explain.beside import Beside
from lamina.diagnosis.explain.explaining import explain
from lamina.diagnosis.explain.explanation import Explanation
from lamina.diagnosis.explain.occlusion import Judging
from lamina.diagnosis.explain.text import explanation_lines, part_lines
from lamina.diagnosis.runs import NORMAL, Run, run_of
from lamina.diagnosis.trained import ENDING, TrainedDetector
from lamina.diagnosis.usual import NEEDED, Usual, usual_of
from lamina.errors import LaminaError, UsageError
from lamina.traces.trace import Trace
from lamina.workspace import novelties, timelines
from lamina.workspace.diagnosing import SHIPPED, detector_named
from lamina.workspace.outputs import written
from lamina.workspace.project import Project, project
from lamina.workspace.traces import is_trace, read_traces

EARLIER = 20
"""Good runs of the same workflow, at most, that a recorded run is compared with unasked."""

_SECONDS, _FEWEST, _MOST = 0.6, 8, 200
"""Seconds that asking a detector about changed runs may take, and how many those are."""

_LOOKED_AT = 400
"""Runs of the project, the newest, among which those are looked for."""


@dataclass(frozen=True, eq=False)
class Told:
    """A run with its explanation.

    Args:
        trace: of the run.
        explanation: why it took as long as it did.
        others: good runs that it was compared with.
        usual: what was usual in whatever it was compared with; None for itself.
        name: how it was called.
        beside: what is said of it besides.
    """

    trace: Trace
    explanation: Explanation
    others: tuple[Trace, ...]
    usual: Usual | None
    name: str
    beside: Beside = field(default_factory=Beside)

    def to_json(self) -> dict[str, Any]:
        """The verdict's values, `explanation` beside them; without a detector class and answer
        are None."""
        verdict = self.explanation.verdict
        head = (
            {"run": self.trace.run, "class": None, "answer": None, "probability": None}
            if verdict is None
            else verdict.to_json()
        )
        return {
            **head,
            "explanation": self.explanation.to_json(),
            **self.beside.to_json(),
        }

    def lines(self, width: int, *, every: bool = False) -> list[str]:
        """For the terminal; the verdict in the first line."""
        found = explanation_lines(self.explanation, width, every=every)
        for title, texts in self.beside.parts():
            found += part_lines(title, texts, width)
        return found


def told(name: str, detector: str = "", against: Sequence[str] = ()) -> Told:
    """A recorded run, or a trace, explained.

    Compared with the runs that are named; else, for a recorded run, with earlier good ones of its
    workflow; else with the normal runs that the detector learnt from; else with itself.

    Args:
        name: of a run, or the path of a trace.
        detector: path of one; the shipped one, where it knows such jobs, when empty.
        against: runs, or paths of traces, that are known to be good.

    Raises:
        LaminaError: no such run, trace or detector; a named detector that does not know such jobs.
    """
    trace = timelines.trace_or_run(name, until=time.time())
    run = run_of(trace)
    unlabelled = detector if detector and novelties.is_learnt(detector) else ""
    made = fitting(run, "" if unlabelled else detector)
    others = tuple(good(against, trace)) if against else tuple(_earlier(trace))
    runs = [run_of(one) for one in others]
    usual: Usual | None = usual_of(runs) if len(runs) >= NEEDED else None
    if made is not None and made.usual is not None:
        usual = made.usual if usual is None else usual.with_graph(made.usual.parents)
    return Told(
        trace,
        explain(run, usual, trace=trace, judging=judging(made, run, runs), given=len(runs)),
        others,
        usual,
        (trace.name or trace.run) if trace.origin == "lamina" else name,
        Beside(
            novelties.beside(run, runs, unlabelled),
            made.jobs.judge(run, runs) if made is not None and made.jobs is not None else (),
        ),
    )


def judging(made: TrainedDetector | None, run: Run, against: Sequence[Run]) -> Judging | None:
    """A detector beside a run; None without one, or for a run in which nothing ran."""
    if made is None or not len(run.table):
        return None
    (verdict,) = made.judge([run], against)
    begun = time.perf_counter()
    made.probabilities([run, run], against)
    each = max((time.perf_counter() - begun) / 2, 1e-6)
    asks = int(min(max(_SECONDS / each, _FEWEST), _MOST))
    return Judging(verdict, lambda asked: made.probabilities(asked, against), asks)


def fitting(run: Run, detector: str = "") -> TrainedDetector | None:
    """The detector for a run; None where the shipped one is not there or does not know such jobs.

    Raises:
        LaminaError: no such file, or the detector that is named does not know such jobs.
    """
    if detector:
        made = detector_named(detector)
        if not made.knows(run):
            raise UsageError(
                f"{detector} learnt from runs of {made.workflow}, whose jobs are others than "
                f"those of {run.workflow or run.name}, far larger or smaller, or mostly missing",
                "leave out --detector for plain checks, or train one on such runs",
            )
        return made
    if not (files("lamina.diagnosis") / "shipped" / f"{SHIPPED}{ENDING}").is_file():
        return None
    made = detector_named()
    return made if made.knows(run) else None


def good(names: Sequence[str], trace: Trace) -> Iterator[Trace]:
    """The good ones among named runs: that succeeded and have no label but normal, and are not the
    run itself."""
    for name in names:
        found = read_traces([name]) if is_trace(name) else iter((timelines.trace(name),))
        for one in found:
            own = (one.run, one.begin, one.end) == (trace.run, trace.begin, trace.end)
            if _is_good(one) and not own:
                yield one


def _is_good(trace: Trace) -> bool:
    return trace.status == "succeeded" and trace.labels.get("label", NORMAL) == NORMAL


def _earlier(trace: Trace) -> Iterator[Trace]:
    """Good runs of the same workflow in the project, before the run; none that an answer calls
    anything but normal."""
    if trace.origin != "lamina":
        return
    home = project()
    known = answers.standing(answers.every(home.folder / answers.NAME))
    count = 0
    for record in home.store.runs(_LOOKED_AT):
        answer = known.get((record.id, ""))
        bad = answer is not None and answer.label not in ("", NORMAL)
        if record.workflow != trace.workflow or record.status != "succeeded" or bad:
            continue
        if record.id == trace.run or record.created >= trace.begin or count >= EARLIER:
            continue
        try:
            found = timelines.trace(record.id, home)
        except LaminaError:
            continue  # A damaged record stops nothing: others tell what is usual.
        if any(one.status != "reused" for one in found.attempts):
            count += 1
            yield found


def check_report(target: Path) -> None:
    """Raises UsageError where a report cannot have such an ending."""
    if target.suffix.lower() not in (".html", ".htm"):
        raise UsageError(
            f"a diagnosis cannot be written as {target.suffix or 'a file without an ending'}",
            "end the file in .html, or take --json",
        )


def report(found: Told, target: Path) -> Path:
    """Writes the report as one HTML file.

    Raises:
        UsageError: another ending, or a file that cannot be written.
    """
    from lamina.diagnosis.explain.page import explanation_html

    check_report(target)
    page = explanation_html(
        found.trace, found.explanation, found.others, found.usual, found.name, found.beside
    )
    return written(page, target)


def answer(
    name: str, said: str, label: str = "", detector: str = "", here: Project | None = None
) -> Answer:
    """Keeps what somebody says of the diagnosis of a run; a later answer takes its place.

    Args:
        name: of a run, or the path of a trace.
        said: "right", "wrong" or "expected".
        label: what it was, where that is known better.
        detector: as `told` takes it.
        here: the project; that of the current folder when None.
    """
    answers.label_of(said, "", label if said == "wrong" else "")
    trace = timelines.trace_or_run(name)
    run = run_of(trace)
    made = fitting(run, detector)
    asked = judging(made, run, [])
    verdict = "" if asked is None else asked.verdict.first
    source = "" if trace.origin == "lamina" else str(Path(name).resolve())
    kept = Answer(
        trace.run, source, trace.workflow, time.time(), verdict, said,
        answers.label_of(said, verdict, label),
    )  # fmt: skip
    answers.add((here or project()).folder / answers.NAME, kept)
    return kept


def answered(here: Project | None = None) -> tuple[list[Run], list[str]]:
    """The runs that answers give a label, and what is missing of them: a line each."""
    home = here or project()
    found, missing = [], []
    for one in answers.standing(answers.every(home.folder / answers.NAME)).values():
        if not one.label:
            continue
        try:
            trace = timelines.trace_or_run(one.source) if one.source else timelines.trace(one.run)
        except LaminaError as error:
            missing.append(f"{one.source or one.run}: {error.message}")
            continue
        found.append(answers.labelled(run_of(trace), one))
    return found, missing
