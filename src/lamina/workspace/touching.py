"""`touch`: old outputs are accepted for new code, after an edit that changes no result."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.errors import UsageError
from lamina.execution.cache.accepting import Accepted, Accepting
from lamina.workflow.graph import Workflow
from lamina.workflow.log import RunFinished, RunStarted, TaskReused
from lamina.workspace.documents import document
from lamina.workspace.dry_runs import told_inputs
from lamina.workspace.parameters import check_names
from lamina.workspace.plans import PlanValues, RunPlan, plan
from lamina.workspace.project import Project, project
from lamina.workspace.recalling import check_tasks, ledger, memory


@dataclass(frozen=True)
class Touched:
    """What was accepted.

    Args:
        accepted: one entry per unit.
        plan: what a run would do now.
        run: name of the run that records it; empty where nothing was accepted.
    """

    accepted: tuple[Accepted, ...]
    plan: RunPlan
    run: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "run": self.run,
            "accepted": [
                {"task": one.unit, "source": one.run, "change": one.change} for one in self.accepted
            ],
            "left": [
                {"task": step.task, "reason": step.reason} for step in self.plan.steps if step.run
            ],
        }

    def text(self) -> str:
        """A line per unit, then what would still run."""
        lines = [f"{one.unit}: accepted ({one.change})" for one in self.accepted]
        lines += [f"{step.task}: would run ({step.reason})" for step in self.plan.steps if step.run]
        count = len(self.accepted)
        recorded = f", recorded as run {self.run}" if self.run else ""
        lines.append(f"{count} output{'' if count == 1 else 's'} accepted{recorded}")
        return "\n".join(lines)


def touch(what: str, tasks: Sequence[str] = (), given: Mapping[str, Any] | None = None) -> Touched:
    """Accepts the outputs of the newest earlier attempts where only code or environment changed.

    A task whose inputs changed, or that never ended well, is left alone: it runs next time.

    Args:
        what: a workflow document, or a run (id, name, "last") with its inputs.
        tasks: tasks, or units of them; all when empty.
        given: inputs of the document by name.

    Raises:
        UnknownNameError: no such run, or no such task.
        LaminaError: what is wrong with the document or its inputs.
    """
    home = project()
    values = PlanValues(home, reads=True)
    if Path(what).suffix in (".yaml", ".yml", ".json") or Path(what).is_file():
        workflow = document(Path(what))
        check_names(workflow, given or {})
        inputs = told_inputs(values, workflow, given or {})
    else:
        if given:
            raise UsageError("a run has its inputs", "leave -p out, or name the document")
        workflow, inputs = _of_run(home, what)
    check_tasks(workflow, tasks)
    recall = memory(home, workflow)
    accepting = Accepting(recall, ledger(home, workflow), frozenset(tasks))
    found = plan(workflow, inputs, values, accepting)
    taken = tuple(accepting.accepted)
    return Touched(taken, found, _recorded(home, workflow, inputs, taken) if taken else "")


def _of_run(home: Project, what: str) -> tuple[Workflow, dict[str, Ref]]:
    from lamina.workspace.resumes import workflow_of

    record = home.store.find(what)
    inputs = {name: Ref.from_json(entry) for name, entry in record.inputs.items()}
    return workflow_of(record), inputs


def _recorded(
    home: Project, workflow: Workflow, inputs: Mapping[str, Ref], taken: Sequence[Accepted]
) -> str:
    """Writes what was accepted as a run in which nothing ran; gives its name."""
    from lamina.records.names import name_of, new_id
    from lamina.records.store import Result, RunRecord

    identity, now = new_id(), time.time()
    folder = str((workflow.folder or Path.cwd()).absolute())
    record = home.store.create(
        RunRecord(
            identity,
            name_of(identity),
            workflow.name,
            folder=folder,
            inputs={name: ref.to_json() for name, ref in inputs.items()},
            options={"command": sys.argv, "touched": True},
            created=now,
            host=platform.node(),
            pid=os.getpid(),
        )
    )
    about = {"host": platform.node(), "pid": os.getpid(), "command": list(sys.argv)}
    home.store.append(
        record.id,
        [
            RunStarted(now, 1, workflow.name, len(taken), about),
            *(
                TaskReused(
                    now, one.unit, now, one.key, one.run, one.outputs, f"touched: {one.change}"
                )
                for one in taken
            ),
            RunFinished(time.time(), "succeeded"),
        ],
    )
    home.store.adopt(
        [Result(one.key, one.outputs, record.id, one.unit, one.recipe) for one in taken]
    )
    return record.name
