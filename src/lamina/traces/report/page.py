"""The report of a run as one HTML file: a page, its style, its scripts and the data, all inside."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from lamina.traces.report.columns import columns_of
from lamina.traces.trace import Trace
from lamina.traces.usual import Norms

_SCRIPTS = ("data", "details", "timeline", "table", "curves", "page")
"""Parts of the page's script, in their order."""


@dataclass(frozen=True)
class Value:
    """An input or output of the run.

    Args:
        name: of the workflow's port.
        kind: how it is kept: "json", "arrow", "file", ...
        size: bytes.
        digest: SHA-256.
        shown: the value itself where it is short, or a file's name or address.
    """

    name: str
    kind: str
    size: int
    digest: str
    shown: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What stands around the timeline.

    Args:
        inputs, outputs: of the workflow.
        facts: groups of names and texts: versions, options, machine.
        drawing: the workflow as SVG; empty for none.
        command: how the run is called on a command line: "brave-otter".
    """

    inputs: Sequence[Value] = ()
    outputs: Sequence[Value] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    drawing: str = ""
    command: str = ""


@dataclass(frozen=True, eq=False)
class Added:
    """What another room puts on the page, above all else.

    Args:
        data: plain values, for its script. `marks` of them are drawn on the chart: index of an
            attempt -> (number of a phase in `LOOKS`, number of the mark or 0, weight from 0 to 1).
        script: that defines the function `buildAdded`, which fills the section `added`.
        style: for it.
        norms: what is usual for each job, in the place of what other runs tell.
        norms_from: how many runs those are from; 0 for the run itself.
    """

    data: Mapping[str, Any]
    script: str
    style: str = ""
    norms: Norms | None = None
    norms_from: int = 0


def report_html(
    trace: Trace,
    around: Surroundings | None = None,
    others: Sequence[Trace] = (),
    added: Added | None = None,
) -> str:
    """The report as one page without addresses: it opens offline, and tells nobody.

    Names and texts come from users: they reach the page as data only, never as its source, and
    its policy forbids every script but its own.

    Args:
        trace: of the run.
        around: what stands around the timeline.
        others: runs that say how long its jobs usually take; the run itself where there are none.
        added: what another room puts on the page.
    """
    told = around or Surroundings()
    data = {
        "head": {
            "workflow": trace.workflow,
            "name": trace.name,
            "run": trace.run,
            "status": trace.status,
            "begin": trace.begin,
            "end": trace.end,
            "planned": trace.planned,
            "command": told.command or _command(trace),
        },
        **columns_of(trace, others, added.norms if added else None),
        "usual_from": added.norms_from if added and added.norms else len(others),
        "added": dict(added.data) if added else None,
        "inputs": [vars(value) for value in told.inputs],
        "outputs": [vars(value) for value in told.outputs],
        "facts": {title: dict(facts) for title, facts in told.facts.items()},
    }
    script = _asset_of_scripts(added.script if added else "")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "TITLE": escape(f"{trace.workflow} · {trace.name or trace.run} · {trace.status}"),
        "POLICY": f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        "STYLE": _asset("report.css") + (added.style if added else ""),
        "DRAWING": told.drawing,
        "DATA": json_for_page(data),
        "SCRIPT": script,
    }
    # One pass over the template: what is put in is never looked at again.
    pieces = _asset("report.html").split("%%")
    return "".join(parts[one] if at % 2 else one for at, one in enumerate(pieces))


def _command(trace: Trace) -> str:
    """How the run is called on a command line; nothing where its records are another system's."""
    return (trace.name or trace.run) if trace.origin == "lamina" else ""


def json_for_page(data: Any) -> str:
    """JSON that may stand inside a page's <script>: it can neither end it nor open a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    # A lone surrogate is no Unicode text: it could not be written as UTF-8.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@cache
def _asset(name: str) -> str:
    return (files("lamina.traces.report") / "assets" / name).read_text("utf-8")


def _asset_of_scripts(more: str = "") -> str:
    body = "\n".join([more, *(_asset(f"{name}.js") for name in _SCRIPTS)])
    return f'"use strict";\n(() => {{\n{body}\n}})();\n'
