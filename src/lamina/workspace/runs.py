"""`run`: a workflow document run here, its inputs read and its outputs written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError, TaskFailedError, UsageError
from lamina.execution import Outcome
from lamina.execution import run as execute
from lamina.nets.zoo import ZOO
from lamina.training.engines.cost import cores
from lamina.workflow.document import read_workflow
from lamina.workflow.graph import Workflow
from lamina.workflow.log import AttemptEnded, Event, RunStarted
from lamina.workflow.reading import file_text, parse_text
from lamina.workspace.outputs import folder_to_write
from lamina.workspace.values import is_dataview_model, value
from lamina.workspace.written import brief, shown, write_value

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Ran:
    """A finished run: its outcome, and where each output was written ("" for not)."""

    workflow: Workflow
    outcome: Outcome
    written: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values: status, seconds, tasks with their times, outputs."""
        return {
            "workflow": self.workflow.name,
            "status": self.outcome.status,
            "seconds": self.outcome.seconds,
            "tasks": [
                {"task": s.task, "status": s.status, "start": s.start, "end": s.end}
                for s in self.outcome.timeline
            ],
            "outputs": {
                name: self.written.get(name) or shown(given)
                for name, given in self.outcome.outputs.items()
            },
        }

    def text(self) -> str:
        """Outputs and the count of tasks, for a terminal."""
        rows = []
        for name, given in self.outcome.outputs.items():
            path = self.written.get(name)
            rows.append([name, brief(given) + (f"  -> {path}" if path else "")])
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"{name:<{width}}  {told}" for name, told in rows]
        count = len(self.outcome.timeline)
        lines.append(f"{self.workflow.name}: {count} tasks done in {self.outcome.seconds:.2f} s")
        return "\n".join(lines)


def parameters(given: Sequence[str], file: Path | None) -> dict[str, Any]:
    """Inputs from -p NAME=VALUE (as text) over those of a YAML or JSON file.

    Raises:
        UsageError: a parameter without "=", or a file that is no mapping.
    """
    found: dict[str, Any] = {}
    if file is not None:
        document = parse_text(file_text(file), str(file))
        if not isinstance(document, Mapping):
            raise UsageError(f"{file} is no mapping of names to values", "write NAME: VALUE lines")
        found.update({str(name): entry for name, entry in document.items()})
    for text in given:
        name, equals, told = text.partition("=")
        if not equals:
            raise UsageError(f"-p {text!r} cannot be read", "write -p NAME=VALUE")
        found[name.strip()] = told
    return found


@dataclass(frozen=True)
class RunPlan:
    """What a run would do: (task, what it does, why), in order; nothing has run."""

    workflow: str
    tasks: tuple[tuple[str, str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        keys = ("task", "does", "reason")
        return {
            "workflow": self.workflow,
            "tasks": [dict(zip(keys, entry, strict=True)) for entry in self.tasks],
            "run": len(self.tasks),
            "reused": 0,
        }

    def text(self) -> str:
        """A line per task, and the counts."""
        width, does = (max((len(entry[k]) for entry in self.tasks), default=0) for k in (0, 1))
        lines = [f"{task:<{width}}  {did:<{does}}  {why}" for task, did, why in self.tasks]
        return "\n".join([*lines, f"{len(self.tasks)} tasks would run, 0 are reused"])


def plan(file: Path, given: Mapping[str, Any]) -> RunPlan:
    """What a run would do; nothing is run and no input is read."""
    workflow = _read(file)
    _check_names(workflow, given)
    return RunPlan(
        workflow.name,
        tuple(
            (task.name, task.action.summary(), "not run before")
            for task in (workflow[name] for name in workflow.order)
        ),
    )


def run(
    file: Path, given: Mapping[str, Any], output: Path | None, threads: int, say: Say | None
) -> Ran:
    """Reads the inputs, runs the workflow, writes the outputs into a folder.

    Args:
        file: a workflow document.
        given: inputs by name: text as on a command line, or plain values.
        output: folder for the outputs; tables become CSV, models bundles, networks YAML, arrays
            .npy, other values JSON. A list of such values becomes a folder of numbered files.
        threads: tasks at the same time; 0 for as many as there are cores.
        say: takes a line when a task ends.

    Raises:
        LaminaError: as `lamina.execution.run`.
    """
    workflow = _read(file)
    _check_names(workflow, given)
    if output is not None:
        folder_to_write(output)
    types = {port.name: str(port.type) for port in workflow.inputs}
    values = _values(given, types)
    try:
        outcome = execute(
            workflow, values, threads=threads or cores(), on_event=_teller(say),
            folder=None if output is None else output / "work",
        )  # fmt: skip
    except TaskFailedError as error:
        if not error.way_out:
            error.way_out = f"mend the task and run again: lamina run {file}"
        raise
    written = {} if output is None else _write(outcome.outputs, output)
    return Ran(workflow, replace(outcome), written)


def _read(file: Path) -> Workflow:
    """The workflow; a model or a network in its place is told what to do with it."""
    if file.suffix == ".lamina" or is_dataview_model(file):
        raise UsageError(f"{file} is a model, not a workflow", f"lamina predict {file} DATA")
    if not file.exists() and str(file) in ZOO:
        raise UsageError(f"{file} is a network, not a workflow", f"lamina train {file} --data ...")
    return read_workflow(file)


def _values(given: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name, entry in given.items():
        try:
            found[name] = value(entry, types[name]) if isinstance(entry, str) else entry
        except LaminaError as error:
            error.message = f"input {name!r}: {error.message}"
            raise
    return found


def _check_names(workflow: Workflow, given: Mapping[str, Any]) -> None:
    known = [port.name for port in workflow.inputs]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise UsageError(
            f"workflow {workflow.name!r} has no input {', '.join(map(repr, unknown))}",
            f"its inputs: {', '.join(known) or 'none'}",
        )


def _teller(say: Say | None) -> Callable[[Event], None] | None:
    if say is None:
        return None
    began = 0.0

    def tell(event: Event) -> None:
        nonlocal began
        if isinstance(event, RunStarted):
            began = event.time
        elif isinstance(event, AttemptEnded) and event.status != "cancelled":
            begin, end = event.phases.get("run", (event.time, event.time))
            said = f"{event.time - began:8.2f} s  "
            if event.status == "succeeded":
                say(f"{said}done    {event.task}  ({end - begin:.2f} s)")
            else:
                say(f"{said}failed  {event.task}  {event.error.get('cause', '')}")

    return tell


def _write(outputs: Mapping[str, Any], folder: Path) -> dict[str, str]:
    return {name: str(write_value(name, given, folder)) for name, given in outputs.items()}
