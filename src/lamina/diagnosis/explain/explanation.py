"""Why a run is called what it is called: findings, what they share, what else was considered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lamina.diagnosis.verdict import Severity, Verdict

SLOWER, LARGER, MORE, FAILED, RETRIED, WAITED, FOLLOWS, SLIGHT = (
    "slower", "larger", "more jobs", "failed", "retried", "waited", "follows", "slight",
)  # fmt: skip
"""Kinds of findings; slight is what a detector sees in what is within the usual range."""

EXPECTED = frozenset({LARGER, MORE})
"""Kinds that are told, and are no anomaly."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as usual.

    Args:
        kind: one of the kinds above.
        text: the finding in one line.
        phase: which took longer; empty where it is no phase.
        jobs: units that it is about.
        kinds, hosts: types of job and hosts that it is limited to; empty for all.
        window: seconds since the begin of the run between which it happened; None for any time.
        observed, usual, low, high: seconds of the middle job, and what is usual for it.
        times: how many times as long as usual, over all its jobs; 0 where it usually is not there.
        excess: seconds above what is usual, of all its jobs added up.
        cost: seconds by which the run took longer for it.
    """

    kind: str
    text: str
    phase: str = ""
    jobs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    window: tuple[float, float] | None = None
    observed: float = 0.0
    usual: float = 0.0
    low: float = 0.0
    high: float = 0.0
    times: float = 1.0
    excess: float = 0.0
    cost: float = 0.0

    @property
    def anomalous(self) -> bool:
        """Whether it is more than a change of what there was to do."""
        return self.kind not in EXPECTED


@dataclass(frozen=True)
class Considered:
    """A cause that was considered.

    Args:
        cause: its name: a class of a detector, or one of `lamina.diagnosis.explain.causes`.
        title: in words.
        likely: whether it is what explains the run; else it was put back.
        probability: that a detector gives it; None for none.
        reasons: what speaks for it, or why it was put back.
    """

    cause: str
    title: str
    likely: bool
    probability: float | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Salient:
    """What an answer of a detector rests on.

    Args:
        phase: which, of those jobs.
        kind: type of the jobs.
        jobs: the units.
        weight: how much of the probability of the answer rests on it: the mean of what it loses
            when the phase takes as long as usual there, and of what it gains when all others do;
            negative where the phase speaks against the answer.
        odds: the same for the logarithm of its odds, which tells apart what is nearly sure.
        share: part of all that speaks for the answer, by `odds`.
    """

    phase: str
    kind: str
    jobs: tuple[str, ...]
    weight: float
    odds: float
    share: float


@dataclass(frozen=True)
class Explanation:
    """Why a run is called what it is called.

    Args:
        run, workflow: names.
        headline: the answer in one line.
        verdict: of a detector; None where only plain checks were made.
        compared: what the run was compared with: "with 12 good runs".
        enough: whether that is enough to know what is usual.
        seconds: makespan of the run.
        usually: makespan: the middle, low and high; None where it is not known.
        findings: the dearest first.
        phases: phase -> seconds by which the run took longer for it.
        share: what the findings have in common, in one line; empty for nothing.
        considered: causes, the likeliest first.
        advice: what to try, one line each.
        saliency: what the detector's answer rests on, the weightiest first.
        without: what the detector says of the run played again without the findings.
        notes: what limits the explanation.
    """

    run: str
    workflow: str
    headline: str
    verdict: Verdict | None
    compared: str
    enough: bool
    seconds: float
    usually: tuple[float, float, float] | None
    findings: tuple[Finding, ...]
    phases: Mapping[str, float] = field(default_factory=dict)
    share: str = ""
    considered: tuple[Considered, ...] = ()
    advice: tuple[str, ...] = ()
    saliency: tuple[Salient, ...] = ()
    without: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def longer(self) -> float | None:
        """Seconds by which the run took longer than usual; None where that is unknown."""
        return None if self.usually is None else self.seconds - self.usually[0]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        usually = self.usually and dict(zip(("usual", "low", "high"), self.usually, strict=True))
        return {
            "run": self.run,
            "workflow": self.workflow,
            "headline": self.headline,
            "verdict": self.verdict and self.verdict.to_json(),
            "compared": self.compared,
            "enough": self.enough,
            "seconds": _short(self.seconds),
            "usual_seconds": _plain(usually),
            "findings": [_plain(asdict(one)) for one in self.findings],
            "phases": _plain(dict(self.phases)),
            "share": self.share,
            "considered": [_plain(asdict(one)) for one in self.considered],
            "advice": list(self.advice),
            "saliency": [_plain(asdict(one)) for one in self.saliency],
            "without": _plain(dict(self.without)),
            "notes": list(self.notes),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return _short(value)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def level_text(severity: Severity) -> str:
    """How strong an anomaly is, with the range: "4.7 (4.2 to 5)", "75 (55 to 96)"."""
    level, low, high = (
        f"{one:.0f}" if one >= 10 else f"{one:.2g}"
        for one in (severity.level, severity.low, severity.high)
    )
    return f"{level} ({low} to {high})"


def seconds_text(value: float) -> str:
    """Seconds as people compare them: "0.42 s", "4.3 s", "26 s", "1131 s"."""
    size = abs(value)
    if size >= 9.95:
        return f"{math.copysign(math.floor(size + 0.5), value):.0f} s"
    text = f"{value:.{1 if size >= 0.995 else 2}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} s"


def span_text(low: float, high: float) -> str:
    """A range with its unit once: "4-9 s"."""
    first, last = seconds_text(low).removesuffix(" s"), seconds_text(high)
    return last if f"{first} s" == last else f"{first}-{last}"


def times_text(value: float) -> str:
    """How many times: "4.3x", "12x"."""
    return (
        f"{value:.0f}x" if value >= 9.95 else f"{value:.1f}x" if value >= 1.095 else f"{value:.2f}x"
    )


def names_text(names: Sequence[str], most: int = 4) -> str:
    """A few names, and how many more there are."""
    if len(names) <= most:
        head, last = names[:-1], names[-1:]
        return " and ".join([", ".join(head), *last]) if head else "".join(last)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
