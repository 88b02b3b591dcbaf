"""An explanation for the terminal: the answer in the first line, then why, then what to try."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from lamina.diagnosis.explain.explanation import Considered, Explanation, seconds_text
from lamina.diagnosis.explain.findings import TITLES

SHOWN = 6
"""Findings that are shown; all of them stand in the report and in JSON."""


_HARD = "\u00a0"
"""A space at which no line ends."""


def explanation_lines(told: Explanation, width: int = 100, *, every: bool = False) -> list[str]:
    """Lines of text.

    Args:
        told: the explanation.
        width: letters of a line.
        every: all findings and all causes, however many there are.
    """
    lines = list(_wrapped(told.headline, width, "", "  "))
    lines += _phases(told, width) if told.findings else []
    findings = told.findings if every else told.findings[:SHOWN]
    lines += part_lines("findings", (one.text for one in findings), width)
    left = len(told.findings) - len(findings)
    lines += [f"  and {left} more: --all"] if left > 0 else []
    lines += part_lines("in common", [told.share] if told.share else [], width)
    lines += part_lines("because", _reasons(told.considered), width)
    put_back = [one for one in told.considered if not one.likely]
    shown = (
        put_back
        if every
        else [one for one in put_back if one.probability is not None] or put_back[:4]
    )
    lines += part_lines("put back", map(_cause_text, shown), width)
    lines += part_lines("the answer rests on", _rests_on(told), width)
    lines += part_lines("try", told.advice, width)
    lines += part_lines("note", told.notes, width)
    return lines


def part_lines(title: str, texts: Iterable[str], width: int) -> list[str]:
    """A part of the text: its title, and its lines below; nothing where there are none."""
    found = [line for text in texts for line in _wrapped(text, width, "  - ", "    ")]
    return [title, *found] if found else []


def _wrapped(text: str, width: int, first: str, later: str) -> Iterator[str]:
    kept = re.sub(r"(?<=\d) (?=s\b)", _HARD, text)
    for line in textwrap.wrap(
        kept, max(width, 40), initial_indent=first, subsequent_indent=later,
        break_long_words=False, break_on_hyphens=False,
    ):  # fmt: skip
        yield line.replace(_HARD, " ")


def _phases(told: Explanation, width: int) -> list[str]:
    """What each phase cost, beside what the run took longer."""
    costs = sorted(told.phases.items(), key=lambda item: -item[1])
    parts = [f"{TITLES[name]} +{seconds_text(cost)}" for name, cost in costs if cost >= 0.005]
    if not parts:
        return []
    longer = told.longer
    sign = "-" if longer is not None and longer < 0 else "+"
    head = "" if longer is None else f"{sign}{seconds_text(abs(longer))} against usual; "
    return list(_wrapped(f"{head}by phase: {', '.join(parts)}", width, "  ", "  "))


def _reasons(causes: Iterable[Considered]) -> Iterator[str]:
    for one in causes:
        if one.likely:
            yield f"{one.title}: {'; '.join(one.reasons)}"


def _cause_text(one: Considered) -> str:
    sure = "" if one.probability is None else f" ({one.probability:.2f})"
    return f"{one.title}{sure}: {'; '.join(one.reasons)}"


def _rests_on(told: Explanation) -> Iterator[str]:
    if told.verdict is None:
        return
    first = told.verdict.first
    for one in told.saliency[:3]:
        if one.odds > 0:
            yield f"{TITLES[one.phase]} of {one.kind}: {one.share:.0%} of what speaks for {first}"
    if told.without:
        name = max(told.without, key=lambda each: told.without[each])
        yield f"without these findings: {name} ({told.without[name]:.2f})"
