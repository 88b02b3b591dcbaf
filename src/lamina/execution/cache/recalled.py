"""The memory of a project: results of earlier runs, looked up by key, each answer with a reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from lamina.data.artifacts.reference import Ref
from lamina.execution.cache.base import Memory, Question, Recall
from lamina.execution.cache.keys import key_of
from lamina.execution.cache.reasons import input_changes, recipe_changes
from lamina.execution.cache.recipes import Recipe, Recipes
from lamina.workflow.actions.composite import Composite
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.graph import Workflow
from lamina.workflow.units import task_of

REUSED = "reused"
TOUCHED = "reused: touched"
CLEANED = "its output was cleaned"
NEW = "not run before"

_ENDED = {
    "failed": "failed",
    "timeout": "ran out of time",
    "memory": "ran out of memory",
    "lost": "was lost",
    "cancelled": "was cancelled",
}
"""Status of an attempt without a result -> how a reason says it."""
EXPANDED = "expanded"
"""Status of an attempt that decided on tasks to run in its place: it has no outputs of its own."""
DECIDES = "it decides which tasks run"


class Kept(Protocol):
    """What the records know of a key; `lamina.records.store.Result` is one."""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Output port -> reference (`Ref.to_json`)."""

    @property
    def run(self) -> str:
        """The run that made them."""

    @property
    def touched(self) -> bool:
        """Whether somebody accepted outputs that other code made."""


@dataclass(frozen=True)
class Earlier:
    """The newest earlier attempt of a unit in runs of the same workflow.

    Args:
        run: its id.
        key, recipe: as its event tells them.
        inputs: port -> reference (`Ref.to_json`).
        status: how it ended; empty when it did not.
    """

    run: str
    key: str
    recipe: str
    inputs: Mapping[str, Any]
    status: str = ""


@dataclass(frozen=True)
class Ledger:
    """What the memory asks the records; the workspace wires it.

    Args:
        results: keys -> those that have a result.
        keep: keeps recipes by digest.
        recipes: digests -> recipes.
        earlier: names of units -> their newest earlier attempts.
    """

    results: Callable[[Sequence[str]], Mapping[str, Kept]]
    keep: Callable[[Mapping[str, Mapping[str, Any]]], None]
    recipes: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]
    earlier: Callable[[Sequence[str]], Mapping[str, Earlier]]


class Presence(Protocol):
    """The store of artifacts, as far as the memory needs it."""

    def lacking(self, refs: Iterable[Ref]) -> list[Ref]:
        """Those whose bytes are not there."""


@dataclass(frozen=True)
class Choice:
    """What a run was asked to do with results of earlier ones.

    Args:
        force: tasks, or units of them, that run in any case; what comes after them runs only if
            their outputs changed.
        force_all: whether every task runs; results are kept.
        use: False looks nothing up and keeps no results.
    """

    force: frozenset[str] = frozenset()
    force_all: bool = False
    use: bool = True

    def forces(self, unit: str) -> bool:
        """Whether a unit runs whatever is known of it."""
        if self.force_all or not self.force:
            return self.force_all
        names = (unit, task_of(unit))
        return any(
            name == told or name.startswith(f"{told}/") for told in self.force for name in names
        )


@dataclass(eq=False)
class _Case:
    """A question on its way to its answer."""

    question: Question
    recipe: Recipe
    key: str
    reason: str = ""
    kept: Kept | None = None
    outputs: dict[str, Ref] = field(default_factory=dict)


class Recalled(Memory):
    """Answers from the records.

    A task whose outputs were cleaned is still "reused": their references stand in for it, and its
    bytes are made again only when a task that must run reads them.

    Args:
        workflow: the run's workflow.
        ledger: the records.
        artifacts: the store that outputs lie in.
        choice: what the run was asked for.
        folder: what relative files in commands are relative to.
    """

    def __init__(
        self,
        workflow: Workflow,
        ledger: Ledger,
        artifacts: Presence,
        choice: Choice | None = None,
        folder: Path | None = None,
    ) -> None:
        self._ledger = ledger
        self._artifacts = artifacts
        self._choice = choice or Choice()
        self._recipes = Recipes(folder or workflow.folder)
        self._final = frozenset(_final(workflow, ""))
        self._workflow = workflow
        self._told: set[str] = set()

    @cached_property
    def _made(self) -> Mapping[str, frozenset[str]]:
        return made_ports(self._workflow)

    def recall(self, questions: Sequence[Question]) -> list[Recall]:
        """One answer per question, in order."""
        stale = self._recipes.stale()
        cases = [self._case(question, stale) for question in questions]
        self._look_up([case for case in cases if case.key and not case.reason])
        missed = [case for case in cases if case.kept is None]
        self._explain([case for case in missed if not case.reason])
        self._tell_recipes(missed)
        lacking = self._lacking(ref for c in missed for ref in c.question.arguments.values())
        return [self._answer(case, lacking) for case in cases]

    def _case(self, question: Question, stale: bool) -> _Case:
        recipe = self._recipes.of(question.task)
        if not question.task.care.cache:
            return _Case(question, recipe, "", "opted out of the cache")
        if not self._choice.use:
            return _Case(question, recipe, "", "the cache is off")
        if recipe.problem:
            return _Case(question, recipe, "", recipe.problem)
        if stale and recipe.code.stamps and not recipe.code.fresh:
            unknown = replace(recipe, digest="")
            return _Case(question, unknown, "", "its code changed while the run went on")
        key = key_of(recipe.digest, question.arguments)
        if not key:
            return _Case(question, recipe, "", "reads a stream while it is written")
        return _Case(question, recipe, key, "forced" if self._choice.forces(question.name) else "")

    def _look_up(self, cases: Sequence[_Case]) -> None:
        """Finds results and leaves out those that cannot stand in."""
        if not cases:
            return
        known = self._ledger.results([case.key for case in cases])
        for case in cases:
            case.kept = known.get(case.key)
            if case.kept is None:
                continue
            told = case.kept.outputs
            if all(port.name in told for port in case.question.task.outputs):
                case.outputs = {port: Ref.from_json(entry) for port, entry in told.items()}
            else:  # other tasks gave its outputs: each of them is asked about by itself
                case.kept, case.reason = None, DECIDES
        gone = self._lacking(ref for case in cases for ref in case.outputs.values())
        for case in cases if gone else ():
            if any(ref.digest in gone for ref in case.outputs.values()):
                # Somebody outside reads the outputs of a workflow, so their bytes must be there.
                if self._is_final(case.question.name):
                    case.kept, case.reason = None, CLEANED
                else:
                    case.reason = f"{REUSED}, though {CLEANED}"

    def _lacking(self, refs: Iterable[Ref]) -> set[str]:
        asked = [ref for ref in refs if ref.inline is None and not ref.origin]
        return {ref.digest for ref in self._artifacts.lacking(asked)} if asked else set()

    def _is_final(self, unit: str) -> bool:
        name = task_of(unit)
        return any(name == told or name.startswith(f"{told}/") for told in self._final)

    def _explain(self, cases: Sequence[_Case]) -> None:
        """Says what is not as it was at the newest earlier attempt."""
        if not cases:
            return
        earlier = self._ledger.earlier([case.question.name for case in cases])
        recipes = self._ledger.recipes(sorted({found.recipe for found in earlier.values()}))
        for case in cases:
            found = earlier.get(case.question.name)
            if found is None:
                case.reason = NEW
                continue
            made = self._made.get(task_of(case.question.name), frozenset())
            recipe = recipes.get(found.recipe)
            lines = differences(found, recipe, case.recipe.body, case.question, made)
            case.reason = lines[0] if lines else _not_kept(found)

    def _tell_recipes(self, cases: Sequence[_Case]) -> None:
        """Recipes are kept before the attempts that name them."""
        new = {
            case.recipe.digest: case.recipe.body
            for case in cases
            if case.recipe.digest and case.recipe.digest not in self._told
        }
        if new:
            self._ledger.keep(new)
            self._told.update(new)

    def _answer(self, case: _Case, lacking: set[str]) -> Recall:
        if case.kept is None:
            arguments = case.question.arguments.values()
            gone = [ref.digest for ref in arguments if ref.digest in lacking] if lacking else ()
            return Recall(case.key, case.recipe.digest, case.reason, lacking=tuple(gone))
        reason = case.reason or (TOUCHED if case.kept.touched else REUSED)
        return Recall(case.key, case.recipe.digest, reason, case.outputs, case.kept.run)


def differences(
    earlier: Earlier,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any],
    question: Question,
    made: Collection[str] = (),
) -> list[str]:
    """All that changed since an earlier attempt, the weightiest first.

    Args:
        earlier: the attempt.
        old, new: its recipe, None where it is not known, and the recipe now.
        question: the unit now.
        made: ports that other tasks fill.
    """
    entries = {port: ref.to_json() for port, ref in question.arguments.items()}
    inputs = input_changes(earlier.inputs, entries, made)
    if old is None:
        return inputs or (["its code then is not known"] if earlier.recipe else [])
    return [*recipe_changes(old, new), *inputs]


def _not_kept(earlier: Earlier) -> str:
    if earlier.status == EXPANDED:
        return DECIDES
    if earlier.status in ("succeeded", "reused"):
        return "its outputs were lost" if earlier.key else "its result was not kept"
    return f"it {_ENDED.get(earlier.status, 'did not end')} before"


def made_ports(workflow: Workflow, prefix: str = "") -> dict[str, frozenset[str]]:
    """Task -> its ports that other tasks fill; tasks of workflows inside by their full names."""
    found = {}
    for task in workflow.tasks:
        edges = workflow.incoming[task.name]
        found[f"{prefix}{task.name}"] = frozenset(e.target_port for e in edges if e.source_task)
        if isinstance(task.action, Composite):
            for part in task.action.parts():
                found |= made_ports(part.workflow, f"{prefix}{task.name}/")
    return found


def _final(workflow: Workflow, prefix: str) -> Iterable[str]:
    """Tasks whose outputs leave the workflow."""
    for edge in workflow.incoming.get("", ()):
        if edge.source_task:
            action = workflow[edge.source_task].action
            name = f"{prefix}{edge.source_task}"
            if isinstance(action, SubworkflowAction):
                yield from _final(action.workflow, f"{name}/")
            else:
                yield name
