"""Checking documents and workflows: every mistake, and what looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lamina.errors import DocumentError, LaminaError
from lamina.workflow.actions.composite import Composite
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.document import read_workflow
from lamina.workflow.graph import Task, Workflow
from lamina.workflow.marks import line_at, lines_of, named_spot
from lamina.workflow.masking import mask, mask_plain, told_secrets
from lamina.workflow.ports import Signature
from lamina.workflow.reading import file_text
from lamina.workflow.source import signature_in_source
from lamina.workflow.told import told_mistakes

_LINE = re.compile(r"line (\d+)(?:, column \d+)?: ")


@dataclass(frozen=True)
class Finding:
    """One finding.

    Args:
        severity: "error" or "warning".
        place: "task 'sort'", "workflow input 'data'", or empty for the whole document.
        message: what is wrong, and the way out.
        line: line of the document; 0 when it is not known.
    """

    severity: str
    place: str
    message: str
    line: int = 0

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{self.severity}: {where}{self.message}"


def lint(path: str | Path) -> tuple[Finding, ...]:
    """All findings about a document, errors first. Nothing of the user's code is run."""
    try:
        workflow = read_workflow(path)
    except DocumentError as error:
        return tuple(_error(mistake) for mistake in error.mistakes)
    findings = lint_workflow(workflow)
    lines = lines_of(file_text(path)) if findings else {}
    return tuple(
        Finding(f.severity, f.place, f.message, line_at(lines, named_spot(f.message)))
        for f in findings
    )


def lint_workflow(workflow: Workflow) -> tuple[Finding, ...]:
    """What looks wrong in a valid workflow, errors first.

    Errors: functions that do not exist, or whose parameters are not the declared ports;
    networks that are told by a name or a file and cannot be read.
    Warnings: inputs and outputs that nothing reads, tasks that lead to no output, secrets.
    """
    found = [_finding("error", place, problem) for place, problem in told_mistakes(workflow)]
    found += [*_functions(workflow), *_unused_inputs(workflow), *_dead_ends(workflow)]
    found += _secrets(workflow)
    for task in workflow.tasks:
        if isinstance(task.action, Composite):
            found += [_inside(task, finding) for finding in _parts(task.action)]
    return tuple(sorted(found, key=lambda finding: finding.severity))


def _error(mistake: str) -> Finding:
    found = _LINE.match(mistake)
    message = mistake[found.end() :] if found else mistake
    spot = named_spot(message)
    place = message.partition(":")[0] if spot else ""
    return Finding("error", place, message, int(found[1]) if found else 0)


def _finding(severity: str, place: str, problem: str) -> Finding:
    return Finding(severity, place, f"{place}: {problem}")


def _parts(action: Composite) -> Iterator[Finding]:
    """Findings about workflows that stand in the document; a file has findings of its own."""
    for part in action.parts():
        if not part.file:
            yield from lint_workflow(part.workflow)


def _inside(task: Task, finding: Finding) -> Finding:
    place = f"task {task.name!r}"
    return Finding(finding.severity, place, f"{place}: {finding.message}")


def _functions(workflow: Workflow) -> Iterator[Finding]:
    for task in workflow.tasks:
        if isinstance(task.action, PythonAction) and task.action.call is None:
            problem = _function(task, task.action)
            if problem:
                yield _finding("error", f"task {task.name!r}", problem)


def _function(task: Task, action: PythonAction) -> str:
    try:
        signature = signature_in_source(action.function, action.folder)
    except LaminaError as error:
        return f"{error.message}; {error.way_out}"
    return _difference(task, signature, action.function)


def _difference(task: Task, signature: Signature, function: str) -> str:
    known = {port.name: port for port in signature.inputs}
    strange = [port.name for port in task.inputs if port.name not in known]
    if strange:
        return (
            f"takes declares {', '.join(strange)}, and {function} has no such parameter; "
            f"it has: {', '.join(known) or 'none'}"
        )
    declared = {port.name for port in task.inputs}
    missing = [name for name, port in known.items() if name not in declared and not port.optional]
    if missing:
        return f"{function} needs {', '.join(missing)}; declare it in takes and give it a value"
    return ""


def _unused_inputs(workflow: Workflow) -> Iterator[Finding]:
    used = {edge.source for edge in workflow.edges}
    for port in workflow.inputs:
        if port.name not in used:
            yield _finding(
                "warning", f"workflow input {port.name!r}", "nothing reads it; wire it or remove it"
            )


def _dead_ends(workflow: Workflow) -> Iterator[Finding]:
    """Tasks that lead to no output, and single output ports that nothing reads."""
    useful = {edge.source_task for edge in workflow.incoming[""]}
    for name in reversed(workflow.order):
        if name in useful or not workflow[name].outputs:
            useful.add(name)
            useful.update(edge.source_task for edge in workflow.incoming[name])
    used = {edge.source for edge in workflow.edges}
    for task in workflow.tasks:
        place = f"task {task.name!r}"
        if task.name not in useful:
            yield _finding(
                "warning", place, "leads to no output of the workflow; wire it on or remove it"
            )
            continue
        for port in task.outputs:
            if f"{task.name}.{port.name}" not in used and not port.type.streams:
                yield _finding(
                    "warning",
                    place,
                    f"nothing reads its output port {port.name!r}; that may be meant",
                )


def _secrets(workflow: Workflow) -> Iterator[Finding]:
    """Values that look secret: a document goes to places where they should not."""
    for port in workflow.inputs:
        if isinstance(port.default, str) and mask(port.default) != port.default:
            yield _finding(
                "warning",
                f"workflow input {port.name!r}",
                "its default holds a secret; give it to each run (-p), or as a variable",
            )
    for task in workflow.tasks:
        places = _secret_places(task)
        if places:
            yield _finding(
                "warning",
                f"task {task.name!r}",
                f"{' and '.join(places)} holds a secret, which no record keeps, so that its runs "
                "cannot be resumed; set an environment variable, and name it under secrets",
            )


def _secret_places(task: Task) -> list[str]:
    variables: Mapping[str, str] = getattr(task.action, "environment", {})
    words: Sequence[str] = getattr(task.action, "argv", ())
    scripts = (*task.care.before, *task.care.after)
    found = [
        f"environment: {name}"
        for name, value in variables.items()
        if mask(value) != value or told_secrets({name: value})
    ]
    found += ["argv"] if mask_plain(list(words)) != list(words) else []
    found += ["a script"] if mask_plain(list(scripts)) != list(scripts) else []
    parameters = {name: value for name, value in task.parameters.items() if isinstance(value, str)}
    return found + [f"with: {name}" for name, value in parameters.items() if mask(value) != value]
