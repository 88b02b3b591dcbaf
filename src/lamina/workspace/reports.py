"""`report`: a recorded run as one HTML file that opens anywhere."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError
from lamina.records.store import RunRecord
from lamina.records.tables import size
from lamina.traces.report.page import Surroundings, Value, report_html
from lamina.traces.trace import Trace
from lamina.workflow.masking import HIDDEN, looks_secret, mask_plain
from lamina.workspace.outputs import written
from lamina.workspace.project import Project, project
from lamina.workspace.timelines import trace

DRAWN = 60
"""Tasks up to which the report shows a drawing of the workflow."""

_SHOWN = 300
"""Letters of a value that the report shows."""


def write(run: str, target: Path | None = None, here: Project | None = None) -> Path:
    """Writes the report of a recorded run, finished or not.

    Args:
        run: id, beginning of an id, name, or "last".
        target: the file; "<name of the run>.html" in the current folder when None.
        here: the project; that of the current folder when None.

    Raises:
        LaminaError: no such run, records that cannot be read, a file that cannot be written.
    """
    home = here or project()
    record = home.store.find(run)
    found = trace(record.id, home, until=time.time())
    digest = str(found.about.get("environment", ""))
    machine = home.store.recipes([digest]).get(digest, {}) if digest else {}
    page = report_html(
        found,
        Surroundings(
            _values(record.inputs), _values(found.outputs), _facts(found, record, machine),
            _drawing(record), record.name or record.id,
        ),
    )  # fmt: skip
    return written(page, target or Path(f"{record.name or record.id}.html"))


def _values(refs: Mapping[str, Any]) -> list[Value]:
    return [
        Value(
            name,
            str(ref.get("codec", "")),
            int(ref.get("size", 0)),
            str(ref.get("digest", "")),
            HIDDEN if looks_secret(name) else _shown(ref),
        )
        for name, ref in mask_plain(refs).items()
    ]


def _shown(ref: Mapping[str, Any]) -> str:
    text = str(ref.get("inline") or ref.get("origin") or ref.get("name") or "")
    if not text and ref.get("count") is not None:
        text = f"{ref['count']} items"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _facts(
    found: Trace, record: RunRecord, machine: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """What the records say of the surroundings, in groups; nested mappings are groups."""
    groups: dict[str, dict[str, str]] = {"Run": {}}
    about = {**mask_plain(found.about), "host": record.host, "folder": record.folder}
    about |= {"machine": _machine(machine), "packages": machine.get("packages", {})}
    for name, told in about.items():
        if isinstance(told, Mapping):
            groups.setdefault(name.capitalize(), {}).update(
                {str(key): _worded(value) for key, value in told.items()}
            )
        else:
            groups["Run"][name] = _worded(told)
    return {
        title: {name: text for name, text in facts.items() if text}
        for title, facts in groups.items()
    }


def _machine(told: Mapping[str, Any]) -> dict[str, Any]:
    names = ("system", "machine", "cpu", "cores", "memory", "gpus", "python")
    found = {name: told[name] for name in names if told.get(name)}
    return {**found, "memory": size(found["memory"])} if "memory" in found else found


def _worded(value: Any) -> str:
    if isinstance(value, list | tuple):
        return shlex.join(map(str, value))
    if value is None or value is False or value == {}:
        return ""
    return "yes" if value is True else str(value)


def _drawing(record: RunRecord) -> str:
    """The workflow as SVG; empty where it is large, or cannot be read any more."""
    if not 0 < len(record.document.get("tasks") or {}) <= DRAWN:
        return ""
    from lamina.workflow.document import workflow_from_document
    from lamina.workflow.draw.layered import to_svg
    from lamina.workflow.draw.workflows import draw_workflow

    try:
        workflow = workflow_from_document(dict(record.document), record.folder or None)
    except LaminaError:
        return ""
    return to_svg(draw_workflow(workflow))
