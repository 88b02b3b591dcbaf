"""The table of layers: name -> class, one entry each; plug-ins add theirs to `lamina.layers`."""

from __future__ import annotations

from lamina.nets.layers.base import Layer, ModuleCall, SettingProblem, Shape, ShapeProblem
from lamina.registry import Registry

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

__all__ = ["LAYERS", "Layer", "ModuleCall", "SettingProblem", "Shape", "ShapeProblem"]
