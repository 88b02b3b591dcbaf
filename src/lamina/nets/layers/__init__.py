"""The table of layers: name -> class, one entry each; plug-ins add theirs to `lamina.layers`."""

from __future__ import annotations

from lamina.nets.layers.base import Layer, ModuleCall, Shape, ShapeProblem
from lamina.registry import Registry

_HERE = "lamina.nets.layers"
_FILES = {
    "activations": "ReLU LeakyReLU GELU SiLU Sigmoid Tanh Softmax",
    "linear": "Linear",
}

LAYERS: Registry[type[Layer]] = Registry(
    "layers",
    "layer",
    {name: f"{_HERE}.{file}:{name}" for file, names in _FILES.items() for name in names.split()},
)

__all__ = ["LAYERS", "Layer", "ModuleCall", "Shape", "ShapeProblem"]
