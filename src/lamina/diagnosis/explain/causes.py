"""Causes that are considered: what in a run speaks for each, and what against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lamina.diagnosis.explain import advice as advising
from lamina.diagnosis.explain.explanation import (
    FAILED,
    RETRIED,
    SLOWER,
    WAITED,
    Considered,
    names_text,
    seconds_text,
    times_text,
)
from lamina.diagnosis.explain.facts import WORKERS, Facts
from lamina.diagnosis.runs import NORMAL
from lamina.diagnosis.verdict import UNSURE, Verdict
from lamina.workflow.log import PHASES

LIKELY = 0.4
"""Part of what was lost that a cause has to explain to be called likely without a detector."""

ALSO = 0.25
"""The same for a cause beside that of a detector."""

Evidence = tuple[float, tuple[str, ...], tuple[str, ...]]
"""How much of what was lost a cause explains, what speaks for it, what against it."""


@dataclass(frozen=True)
class Cause:
    """A cause.

    Args:
        title: in words.
        judge: what speaks for it in a run.
        advice: what to try.
    """

    title: str
    judge: Callable[[Facts], Evidence]
    advice: Callable[[Facts], tuple[str, ...]]


def _slower(facts: Facts, phase: str, title: str) -> str:
    """How many times as long as usual a phase takes, by type of job."""
    told = [
        f"{times_text(one.times)} usual for {names_text(one.kinds) or 'all types of jobs'}"
        for one in facts.findings
        if one.kind == SLOWER and one.phase == phase and one.times and len(one.jobs) > 1
    ]
    return f"{title} takes {', '.join(told[:3]) or times_text(facts.ratios[phase]) + ' usual'}"


def _usual_text(facts: Facts, phase: str, title: str) -> str:
    column = PHASES.index(phase)
    if np.isnan(facts.deviations.expected[:, column]).all():
        return f"{title}: too few jobs of a type to compare"
    if not facts.deviations.usual.known:
        return f"{title} is alike in jobs of a type"
    if facts.ratios[phase] > 1.15:
        return f"{title} takes {facts.ratios[phase]:.2f}x usual, too few seconds to matter"
    return f"{title} is as usual ({facts.ratios[phase]:.2f}x)"


def _not(text: str, what: str) -> str:
    return f"{text}, so not {what}" if "as usual" in text else text


def _cpu(facts: Facts) -> Evidence:
    share, part = facts.share("run"), facts.cores_part
    if share < 0.1:
        return 0.0, (), (_not(_usual_text(facts, "run", "the run phase"), "the cores"),)
    reasons = [_slower(facts, "run", "the run phase")]
    if facts.computed is not None:
        reasons.append(f"all jobs needed {facts.computed:.2f}x the usual seconds of CPU")
    if part > 0.5:
        reasons.append("jobs that only compute, or compute most of the time, are slower as well")
        return share * part, tuple(reasons), ()
    return share * part, tuple(reasons), ("jobs that move few bytes run as usual",)


def _disk(facts: Facts) -> Evidence:
    run, part = facts.share("run"), 1.0 - facts.cores_part
    around = facts.share("submit", "post_script", "stage_out")
    score = run * part + around
    reasons, against = [], []
    if around > 0.1:
        titles = (
            ("submit", "submission"),
            ("post_script", "post script"),
            ("stage_out", "stage out"),
        )
        told = [
            f"{title} {times_text(facts.ratios[name])}"
            for name, title in titles
            if facts.ratios[name] > 1.15
        ]
        reasons += [f"{names_text(told)} usual: what writes files is slow"] if told else []
    if run > 0.1 and part > 0.5:
        reasons.append("runs of jobs that move many bytes are slower, those of others are not")
    if score >= _BOTH and facts.share("stage_in") > 0.1 and facts.ratios["stage_in"] > 1.1:
        # A network does not make runs longer; a disk makes both.
        score += facts.share("stage_in")
        reasons.append(_slower(facts, "stage_in", "stage in"))
    if score < 0.1:
        known = "as usual" if facts.deviations.usual.known else "alike in jobs of a type"
        against.append(f"submission, stage out and runs of jobs that move many bytes are {known}")
    elif run > 0.1 and part <= 0.5:
        against.append("jobs that mostly compute are slower as well, so not the disk alone")
    return score, tuple(reasons), tuple(against)


_BOTH = 0.2
"""Part of what was lost that a disk has to explain besides stage in, to explain that as well."""


def _loss(facts: Facts) -> Evidence:
    score = facts.share("stage_in")
    if score < 0.1:
        return 0.0, (), (_not(_usual_text(facts, "stage_in", "stage in"), "the network"),)
    reason = _slower(facts, "stage_in", "stage in")
    used, usual = facts.deviations.used("stage_in_bytes")
    known = ~np.isnan(used) & ~np.isnan(usual)
    if known.any() and usual[known].sum() > 0:
        ratio = used[known].sum() / usual[known].sum()
        reason += f"; of bytes there were {ratio:.2f}x the usual"
    return score, (reason,), ()


def _host(facts: Facts) -> Evidence:
    if not facts.hosts:
        around = set(facts.deviations.table.hosts) - {""}
        why = "no host differs from the others" if len(around) > 1 else "there is one host only"
        return 0.0, (), (why,)
    total = sum(one.excess for one in facts.findings if one.kind == SLOWER)
    there = sum(
        one.excess for one in facts.findings
        if one.kind == SLOWER and one.hosts and len(one.jobs) > 1
    )  # fmt: skip
    score = there / total if total else 0.0
    text = f"{score:.0%} of the seconds lost were lost on {names_text(facts.hosts)}"
    return score, (text,), () if score >= ALSO else (f"only {text}",)


def _size(facts: Facts) -> Evidence:
    if not facts.deviations.usual.known:
        return 0.0, (), ("no other run tells how large its input usually is",)
    size, own = float(facts.excess.size.sum()), float(facts.excess.own.sum())
    score = size / (size + own) if size + own > 0 else 0.0
    ratio = _bytes_ratio(facts)
    told = "the bytes are not told" if ratio is None else f"{ratio:.2f}x the usual bytes"
    computed = "" if facts.computed is None else f", {facts.computed:.2f}x the usual computing"
    against = () if score >= ALSO else (f"{told}{computed}",)
    return score, (f"{told}{computed}",), against


def _bytes_ratio(facts: Facts) -> float | None:
    for name in ("stage_in_bytes", "bytes_read"):
        used, usual = facts.deviations.used(name)
        known = ~np.isnan(used) & ~np.isnan(usual)
        if known.any() and usual[known].sum() > 0:
            return float(used[known].sum() / usual[known].sum())
    return None


def _workers(facts: Facts) -> Evidence:
    waited = [one for one in facts.findings if one.kind == WAITED]
    score = facts.share("queue") if not waited else max(facts.share("queue"), 0.5)
    reasons = tuple(one.text for one in waited) or (
        f"jobs wait {times_text(facts.ratios['queue'])} usual in the queue",
    )
    if score >= 0.1:
        return score, reasons, ()
    follows = float(facts.excess.follows.sum())
    if follows > 0:
        why = f"{seconds_text(follows)} more in the queue follow from jobs that held workers longer"
        return 0.0, (), (why,)
    return 0.0, (), (_usual_text(facts, "queue", "waiting in the queue"),)


def _failures(facts: Facts) -> Evidence:
    bad = [one for one in facts.findings if one.kind in (FAILED, RETRIED)]
    if not bad:
        return 0.0, (), ("every job succeeded at once",)
    lost = sum(one.cost for one in bad)
    failed = any(one.kind == FAILED for one in bad)
    score = 1.0 if failed else lost / max(lost + facts.lost, 1e-9)
    return score, tuple(one.text for one in bad[:3]), ()


def _machines(facts: Facts) -> Evidence:
    """Other machines compute at another speed: every type needs more seconds of CPU."""
    used, usual = facts.deviations.used("cpu")
    own = np.array(facts.deviations.table.kinds, dtype=object)
    ratios = []
    for kind in set(facts.deviations.table.kinds):
        known = (own == kind) & ~np.isnan(used) & (usual > 0.5)
        if known.any():
            ratios.append(float(used[known].sum() / usual[known].sum()))
    if not ratios:
        return 0.0, (), ("seconds of CPU are not told",)
    middle, text = float(np.median(ratios)), f"{np.median(ratios):.2f}x the usual seconds of CPU"
    if min(ratios) > 1.08 and middle < 2:
        return 0.5 * facts.share("run"), (f"all types of jobs need {text}",), ()
    return 0.0, (), (f"jobs need {text}",)


CAUSES: Mapping[str, Cause] = {
    "cpu": Cause("cores taken from the jobs", _cpu, advising.for_cpu),
    "hdd": Cause("a busy disk", _disk, advising.for_disk),
    "loss": Cause("a slow network, as where packets are lost", _loss, advising.for_loss),
    "host": Cause("a slow host", _host, advising.for_host),
    "size": Cause("a larger input", _size, advising.for_size),
    WORKERS: Cause("too few workers", _workers, advising.for_workers),
    "failures": Cause("jobs that failed", _failures, advising.for_failures),
    "machines": Cause("other machines", _machines, advising.for_machines),
}
"""Name of a cause -> how it is judged; the first three are classes of detectors."""

_OTHERS = ("host", "size", WORKERS, "failures", "machines")


def considered(facts: Facts, verdict: Verdict | None) -> list[Considered]:
    """All causes, the likely ones first; those that a detector has a class for with its
    probability.

    A detector's answer stands, but for one that calls a run normal that lost much. Without one,
    the cause that explains most is likely, if it explains enough.
    """
    judged = {name: cause.judge(facts) for name, cause in CAUSES.items()}
    matters = {name: name == "failures" or facts.matters(name) for name in CAUSES}
    # Where a host is slow is told besides what is slow there.
    best = max(
        (name for name in judged if name != "host"),
        key=lambda name: (matters[name], judged[name][0]),
    )
    overruled = verdict is not None and verdict.answer == NORMAL and facts.strong
    found = []
    for name in dict.fromkeys([*(verdict.probabilities if verdict else ()), *CAUSES]):
        if name == NORMAL:
            continue
        score, reasons, against = judged.get(name, (0.0, (), ()))
        matter = matters.get(name, False)
        enough = matter and score >= (LIKELY if name == best else ALSO)
        if name not in _OTHERS and not facts.deviations.usual.known:
            # Jobs of a type may differ by what they have to do; on one host they do not.
            enough = enough and bool(facts.hosts)
        likely = _likely(name, enough, name == best, None if overruled else verdict)
        told = reasons if likely else against or _overruled(name, reasons, verdict)
        if not likely and score >= ALSO and not matter:
            told = (f"only {seconds_text(facts.slowed)} were lost", *told)
        title = CAUSES[name].title if name in CAUSES else name
        title = "slow hosts" if name == "host" and len(facts.hosts) > 1 else title
        probability = verdict.probabilities.get(name) if verdict else None
        one = Considered(name, title, likely, probability, told or (_NOTHING,))
        found.append((not likely, -(probability or 0.0), -score, one))
    found.sort(key=lambda one: one[:3])
    return [one[-1] for one in found]


def _overruled(name: str, reasons: tuple[str, ...], verdict: Verdict | None) -> tuple[str, ...]:
    """What speaks for a cause that is put back all the same, since a detector tells another."""
    if not reasons or verdict is None or verdict.first in (NORMAL, name):
        return reasons
    return (*reasons, f"but the detector says {verdict.first}")


_NOTHING = "nothing in the phases speaks for it"


def _likely(name: str, enough: bool, best: bool, verdict: Verdict | None) -> bool:
    """Whether a cause is called likely: by the detector for its classes where it is sure, by what
    it explains elsewhere."""
    if name not in _OTHERS and verdict is not None and verdict.answer != UNSURE:
        return verdict.answer == name
    if verdict is not None and name in verdict.probabilities:
        return enough and verdict.first == name
    return enough and (best or name in _BESIDE)


_BESIDE = frozenset({"host", "failures", "size"})
"""Causes that may be likely beside another one."""


def advice(facts: Facts, causes: Sequence[Considered]) -> tuple[str, ...]:
    """What to try for the likely causes, without repeats."""
    told = [
        line for one in causes if one.likely and one.cause in CAUSES
        for line in CAUSES[one.cause].advice(facts)
    ]  # fmt: skip
    return tuple(dict.fromkeys(told))
