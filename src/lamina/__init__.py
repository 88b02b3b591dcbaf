"""Lamina: scientific workflows with deep learning inside.

Public names, loaded when they are first used:

    workflows   task, command, named, Workflow, run (and `lamina.workflow.workflow`)
    networks    Network, Wiring, sequential, layers, zoo, read_network
    data        Table, read_table, load
    training    train, Settings, Plan, Specification, TrainingResult, bundle
    models      Bundle, predict, evaluate, vote
    conversion  to_torch, from_torch, to_onnx, from_keras
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from lamina.data.sources import load
    from lamina.data.tables import Table, read_table
    from lamina.nets import layers, zoo
    from lamina.nets.bundle import Bundle
    from lamina.nets.convert.keras_in import from_keras
    from lamina.nets.convert.onnx_out import to_onnx
    from lamina.nets.convert.torch_in import from_torch
    from lamina.nets.convert.torch_out import to_torch
    from lamina.nets.document import read_network
    from lamina.nets.network import Network, Wiring, sequential
    from lamina.training.plans import Plan
    from lamina.training.result import TrainingResult, bundle
    from lamina.training.settings import Settings
    from lamina.training.specification import Specification
    from lamina.training.tasks import evaluate, predict, vote
    from lamina.training.trainer import train
    from lamina.workflow import Workflow, command, named, task
    from lamina.workspace.handle import run

_HOMES = {
    "lamina.data.sources": "load",
    "lamina.data.tables": "Table read_table",
    "lamina.nets": "layers zoo",
    "lamina.nets.bundle": "Bundle",
    "lamina.nets.convert.keras_in": "from_keras",
    "lamina.nets.convert.onnx_out": "to_onnx",
    "lamina.nets.convert.torch_in": "from_torch",
    "lamina.nets.convert.torch_out": "to_torch",
    "lamina.nets.document": "read_network",
    "lamina.nets.network": "Network Wiring sequential",
    "lamina.training.plans": "Plan",
    "lamina.training.result": "TrainingResult bundle",
    "lamina.training.settings": "Settings",
    "lamina.training.specification": "Specification",
    "lamina.training.tasks": "evaluate predict vote",
    "lamina.training.trainer": "train",
    "lamina.workflow": "Workflow command named task",
    "lamina.workspace.handle": "run",
}
_MODULES = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Bundle",
    "Network",
    "Plan",
    "Settings",
    "Specification",
    "Table",
    "TrainingResult",
    "Wiring",
    "Workflow",
    "bundle",
    "command",
    "evaluate",
    "from_keras",
    "from_torch",
    "layers",
    "load",
    "named",
    "predict",
    "read_network",
    "read_table",
    "run",
    "sequential",
    "task",
    "to_onnx",
    "to_torch",
    "train",
    "vote",
    "zoo",
]


def __getattr__(name: str) -> Any:
    """Loads a public name on first use, so that `import lamina` stays light."""
    if name not in _MODULES:
        raise AttributeError(f"module 'lamina' has no attribute {name!r}")
    home = _MODULES[name]
    if home == "lamina.nets":
        value: Any = import_module(f"{home}.{name}")
    else:
        value = getattr(import_module(home), name)
    globals()[name] = value
    return value
