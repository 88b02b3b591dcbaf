"""Tasks known by name (train, predict, vote, ...): functions of other rooms and of plug-ins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from lamina.registry import Registry
from lamina.workflow.actions.base import Action, Place
from lamina.workflow.ports import Signature
from lamina.workflow.signature import signature_of

TASKS: Registry[Callable[..., Any]] = Registry(
    "tasks",
    "task",
    {
        "train": "lamina.training.tasks:train",
        "train-folds": "lamina.training.folds:train_folds",
        "join-folds": "lamina.training.folds:join_folds",
        "train-tapped": "lamina.training.tapped:train_tapped",
        "predict": "lamina.training.tasks:predict",
        "evaluate": "lamina.training.tasks:evaluate",
        "layer": "lamina.nets.workflow:run_layer",
        "vote": "lamina.training.tasks:vote",
        "layer-output": "lamina.training.tasks:layer_output",
        "read-table": "lamina.data.tables:read_table",
        "write-table": "lamina.data.tables:write_table",
        "unpack": "lamina.data.artifacts.archives:unpacked",
        "split-table": "lamina.data.split:split_table",
        "split": "lamina.workflow.patterns:split",
        "join": "lamina.workflow.patterns:join",
        "shuffle": "lamina.workflow.patterns:shuffle",
        "group": "lamina.workflow.patterns:group",
    },
)
"""Name -> function; `TASKS.register(name, function)` or the entry points `lamina.tasks`."""

_RESULTS = {
    "train": "model",
    "join-folds": "model",
    "predict": "predictions",
    "evaluate": "metrics",
    "unpack": "folder",
}
"""What the one output of a task is called in documents, where "result" would say too little."""


@dataclass(frozen=True)
class NamedAction(Action):
    """Calls a function from the table of tasks; its annotations are the ports."""

    name: str
    kind: ClassVar[str] = "named"

    def signature(self) -> Signature:
        """Ports from the function's annotations. Raises UnknownNameError."""
        signature = signature_of(TASKS.get(self.name))
        result = _RESULTS.get(self.name)
        if result is None or len(signature.outputs) != 1:
            return signature
        return Signature(signature.inputs, (replace(signature.outputs[0], name=result),))

    def to_document(self) -> dict[str, Any]:
        """`do` is the name itself."""
        return {"do": self.name}

    @classmethod
    def from_document(cls, entry: dict[str, Any], place: Place) -> NamedAction:
        """Every word after `do` that is no kind of action."""
        del place
        return cls(entry["do"])

    def summary(self) -> str:
        """Its name."""
        return self.name
