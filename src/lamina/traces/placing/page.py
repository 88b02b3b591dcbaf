"""The page of placing: what policies were worth, and the time line of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from lamina.traces.report.page import Added, Surroundings, report_html
from lamina.traces.trace import Trace


def placing_html(
    trace: Trace, told: Mapping[str, Any], facts: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    """One HTML file that needs no network.

    Args:
        trace: of the policy whose time line is drawn.
        told: `title`, `lines` of text, `policies` (name -> figures), `regret` (policy -> seconds
            beyond the oracle, summed up job by job), `calibration` (policy -> pairs of promised and
            held), `notes`; for the page's script.
        facts: groups of names and texts: what was tried.
    """
    added = Added(dict(told), _asset("placing.js"), _asset("placing.css"))
    return report_html(trace, Surroundings(facts=facts or {}), (), added)


@cache
def _asset(name: str) -> str:
    return (files("lamina.traces.placing") / "assets" / name).read_text("utf-8")
