"""The table of layers: name -> class, one entry each; plug-ins add theirs to `lamina.layers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem
from lamina.registry import Registry

if TYPE_CHECKING:
    from lamina.nets.layers.activations import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
    from lamina.nets.layers.attention import MultiheadAttention
    from lamina.nets.layers.convolution import Conv1d, Conv2d, Conv3d, ConvTranspose2d
    from lamina.nets.layers.dropout import Dropout
    from lamina.nets.layers.embedding import Embedding
    from lamina.nets.layers.joining import Add, Concat
    from lamina.nets.layers.linear import Linear
    from lamina.nets.layers.normalisation import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
    from lamina.nets.layers.permuting import Permute
    from lamina.nets.layers.pooling import (
        AdaptiveAvgPool1d,
        AdaptiveAvgPool2d,
        AvgPool1d,
        AvgPool2d,
        AvgPool3d,
        MaxPool1d,
        MaxPool2d,
        MaxPool3d,
    )
    from lamina.nets.layers.recurrent import GRU, LSTM
    from lamina.nets.layers.reshaping import Flatten, Reshape
    from lamina.nets.layers.upsampling import Upsample

_HERE = "lamina.nets.layers"
_FILES = {
    "activations": "ReLU LeakyReLU GELU SiLU Sigmoid Tanh Softmax",
    "attention": "MultiheadAttention",
    "convolution": "Conv1d Conv2d Conv3d ConvTranspose2d",
    "dropout": "Dropout",
    "embedding": "Embedding",
    "joining": "Add Concat",
    "linear": "Linear",
    "normalisation": "BatchNorm1d BatchNorm2d LayerNorm GroupNorm",
    "pooling": "MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d"
    " AdaptiveAvgPool1d AdaptiveAvgPool2d",
    "permuting": "Permute",
    "recurrent": "LSTM GRU",
    "reshaping": "Flatten Reshape",
    "upsampling": "Upsample",
}

LAYERS: Registry[type[Layer]] = Registry(
    "layers",
    "layer",
    {name: f"{_HERE}.{file}:{name}" for file, names in _FILES.items() for name in names.split()},
)

__all__ = [
    "GELU",
    "GRU",
    "LAYERS",
    "LSTM",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "Add",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Concat",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "ModuleCall",
    "MultiheadAttention",
    "Permute",
    "ReLU",
    "Reshape",
    "SettingProblem",
    "Shape",
    "ShapeProblem",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Upsample",
]


def __getattr__(name: str) -> type[Layer]:
    """A built-in layer by its name, its file imported on first use."""
    if any(name in names.split() for names in _FILES.values()):
        return LAYERS.get(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
