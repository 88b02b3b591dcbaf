"""The table of engines: name -> class, one file each."""

from __future__ import annotations

from lamina.registry import Registry
from lamina.training.engines.base import Engine, Estimate, Session, State

ENGINES: Registry[type[Engine]] = Registry(
    "engines",
    "engine",
    {
        "fused": "lamina.training.engines.fused:FusedEngine",
        "torch": "lamina.training.engines.torch_loading:TorchEngine",
    },
    extras={"fused": "fused", "torch": "torch"},
)

__all__ = ["ENGINES", "Engine", "Estimate", "Session", "State"]
