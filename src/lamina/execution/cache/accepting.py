"""Old outputs for new code: accepting what earlier attempts gave for the same inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.execution.cache.base import Memory, Question, Recall
from lamina.execution.cache.reasons import input_changes
from lamina.execution.cache.recalled import TOUCHED, Choice, Earlier, Kept, Ledger


@dataclass(frozen=True)
class Accepted:
    """Outputs that stand for a new key.

    Args:
        unit: whose they are.
        key, recipe: the new ones.
        outputs: port -> reference (`Ref.to_json`).
        run: that made them.
        change: what changed since: "code changed: words.py:12 (count)".
    """

    unit: str
    key: str
    recipe: str
    outputs: Mapping[str, Any]
    run: str
    change: str


class Accepting(Memory):
    """Asks another memory first; where it says that a task must run, looks for old outputs.

    Args:
        memory: the other one.
        ledger: the records.
        tasks: tasks, or units of them, that old outputs are accepted for; all when empty.
    """

    def __init__(self, memory: Memory, ledger: Ledger, tasks: frozenset[str] = frozenset()) -> None:
        self._memory = memory
        self._ledger = ledger
        self._chosen = Choice(tasks, not tasks)
        self.accepted: list[Accepted] = []

    def recall(self, questions: Sequence[Question]) -> list[Recall]:
        """One answer per question; what was accepted is answered as if it were known."""
        answers = self._memory.recall(questions)
        missed = [
            place
            for place, answer in enumerate(answers)
            if answer.outputs is None and answer.key and self._chosen.forces(questions[place].name)
        ]
        earlier = self._ledger.earlier([questions[place].name for place in missed])
        kept = self._ledger.results([found.key for found in earlier.values() if found.key])
        for place in missed:
            question = questions[place]
            before = earlier.get(question.name)
            if before is not None:
                result = kept.get(before.key)
                answers[place] = self._answer(question, answers[place], before, result)
        return answers

    def _answer(
        self, question: Question, answer: Recall, before: Earlier, result: Kept | None
    ) -> Recall:
        ports = {port.name for port in question.task.outputs}
        if result is None or not ports <= set(result.outputs) or not _same_inputs(question, before):
            return answer
        told = result.outputs
        self.accepted.append(
            Accepted(question.name, answer.key, answer.recipe, told, result.run, answer.reason)
        )
        outputs = {port: Ref.from_json(entry) for port, entry in told.items()}
        return replace(answer, reason=TOUCHED, outputs=outputs, source=result.run)


def _same_inputs(question: Question, before: Earlier) -> bool:
    entries = {port: ref.to_json() for port, ref in question.arguments.items()}
    return not input_changes(before.inputs, entries)
