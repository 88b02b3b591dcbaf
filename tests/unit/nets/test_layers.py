"""Layers: refusals in words, cost, settings, and the table."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from lamina.errors import UnknownNameError
from lamina.nets.layers import LAYERS, Layer, SettingProblem, Shape, ShapeProblem
from lamina.nets.layers.settings import described, setting_mistakes, setting_types


def made(kind: str, **settings: Any) -> Layer:
    return LAYERS.get(kind)(**settings)


SETTINGS: list[tuple[str, dict[str, Any], tuple[Shape, ...], str, str]] = [
    ("Linear", {}, ((3,),), "out_features of at least 1", "0"),
    ("GELU", {"approximate": "erf"}, ((3,),), 'approximate "none" or "tanh"', "'erf'"),
    ("Conv2d", {"out_channels": 2}, ((1, 3, 3),), "kernel_size of at least 1", "0 x 0"),
    (
        "Conv2d",
        {"out_channels": 2, "kernel_size": (2, 2, 2)},
        ((1, 3, 3),),
        "kernel_size as one number or 2",
        "3 of them",
    ),
    (
        "Conv2d",
        {"out_channels": 2, "kernel_size": 3, "padding": "full"},
        ((1, 3, 3),),
        'padding as numbers, "same" or "valid"',
        "'full'",
    ),
    (
        "Conv2d",
        {"out_channels": 2, "kernel_size": 3, "padding": "same", "stride": 2},
        ((1, 3, 3),),
        'stride 1 with padding "same"',
        "2 x 2",
    ),
    (
        "Conv1d",
        {"out_channels": 2, "kernel_size": 3, "padding_mode": "mirror"},
        ((1, 3),),
        "padding_mode one of zeros, reflect, replicate, circular",
        "'mirror'",
    ),
    (
        "Conv1d",
        {"out_channels": 3, "kernel_size": 1, "groups": 2},
        ((4, 3),),
        "out_channels that its 2 groups divide",
        "3",
    ),
    (
        "ConvTranspose2d",
        {"out_channels": 3, "kernel_size": 1, "output_padding": 1},
        ((4, 3, 3),),
        "output_padding below stride or dilation (1 x 1)",
        "1 x 1",
    ),
    (
        "MaxPool2d",
        {"kernel_size": 2, "padding": 2},
        ((1, 3, 3),),
        "padding of at most half its kernel (2 x 2)",
        "2 x 2",
    ),
    ("AdaptiveAvgPool1d", {"output_size": 0}, ((1, 3),), "output_size of at least 1", "0"),
    ("BatchNorm1d", {"momentum": 2.0}, ((3,),), "momentum from 0 to 1", "2.0"),
    ("LayerNorm", {"eps": 0.0}, ((3,),), "eps above 0", "0.0"),
    (
        "LayerNorm",
        {"normalized_shape": ()},
        ((3,),),
        "normalized_shape with at least one axis",
        "none",
    ),
    ("Dropout", {"p": 1.5}, ((3,),), "p from 0 to 1", "1.5"),
    (
        "Embedding",
        {"num_embeddings": 3, "embedding_dim": 1, "padding_idx": 3},
        ((3,),),
        "padding_idx below 3",
        "3",
    ),
    (
        "Flatten",
        {"start_dim": 2, "end_dim": 1},
        ((1, 2, 3),),
        "start_dim before end_dim",
        "start_dim 2, end_dim 1",
    ),
    ("Reshape", {"shape": (-1, -1)}, ((4,),), "sizes from 1 on, and at most one -1", "-1 x -1"),
    ("LSTM", {}, ((4, 2),), "hidden_size of at least 1", "0"),
    (
        "MultiheadAttention",
        {"num_heads": 3},
        ((4, 4),),
        "num_heads that divides the 4 features",
        "3",
    ),
    ("Upsample", {}, ((1, 4),), "size or scale_factor", "none of them"),
    ("Upsample", {"size": 2, "scale_factor": 2}, ((1, 4),), "size or scale_factor", "both"),
    ("Upsample", {"scale_factor": -1.0}, ((1, 4),), "scale_factor above 0", "-1.0"),
    (
        "Upsample",
        {"scale_factor": 2, "align_corners": True},
        ((1, 4),),
        "no align_corners with mode 'nearest'",
        "one",
    ),
]

SHAPES: list[tuple[str, dict[str, Any], tuple[Shape, ...], str, str]] = [
    ("Linear", {"in_features": 8, "out_features": 1}, ((16,),), "8 features", "16"),
    (
        "Conv2d",
        {"out_channels": 1, "kernel_size": 3},
        ((3, 3),),
        "3 axes (channels x height x width)",
        "3 x 3",
    ),
    (
        "Conv2d",
        {"in_channels": 3, "out_channels": 1, "kernel_size": 3},
        ((1, 3, 3),),
        "3 channels",
        "1",
    ),
    (
        "Conv1d",
        {"out_channels": 2, "kernel_size": 1, "groups": 2},
        ((3, 3),),
        "channels that its 2 groups divide",
        "3",
    ),
    (
        "Conv1d",
        {"out_channels": 1, "kernel_size": 1, "padding": 3, "padding_mode": "reflect"},
        ((1, 3),),
        "an input of at least 4 for its reflect padding",
        "3",
    ),
    (
        "ConvTranspose2d",
        {"out_channels": 1, "kernel_size": 1, "padding": 2},
        ((1, 3, 3),),
        "a larger input or less padding than 2 x 2",
        "3 x 3",
    ),
    ("MaxPool2d", {"kernel_size": 4}, ((1, 3, 5),), "an input of at least 4 x 4", "3 x 5"),
    (
        "AvgPool3d",
        {"kernel_size": 2, "padding": 1},
        ((1, 1, 1, 1),),
        "an input of at least 2 x 2 x 2",
        "1 x 1 x 1",
    ),
    ("BatchNorm2d", {"num_features": 2}, ((3, 1, 1),), "2 channels", "3"),
    ("BatchNorm2d", {}, ((3,),), "3 axes (channels x height x width)", "3"),
    ("LayerNorm", {"normalized_shape": 4}, ((3,),), "last axes 4", "3"),
    ("GroupNorm", {"num_groups": 2}, ((3,),), "channels that its 2 groups divide", "3"),
    ("Add", {}, ((3,), (4,)), "inputs of one shape", "3 and 4"),
    ("Concat", {}, ((3, 2), (4, 3)), "inputs that differ in axis 0 only", "3 x 2 and 4 x 3"),
    ("Reshape", {"shape": (2, -1)}, ((3,),), "as many values as 2 x -1 holds", "3 values (3)"),
    ("GRU", {"hidden_size": 2}, ((3,),), "2 axes (steps x features)", "3"),
    ("GRU", {"hidden_size": 2, "input_size": 2}, ((3, 4),), "2 features per step", "4"),
    (
        "MultiheadAttention",
        {},
        ((3, 4), (2, 4), (5, 4)),
        "key and value with equal steps",
        "2 and 5",
    ),
    ("Upsample", {"scale_factor": 0.1}, ((1, 4),), "a larger input for scale_factor 0.1", "4"),
    (
        "Upsample",
        {"scale_factor": 2, "mode": "bilinear"},
        ((1, 4),),
        "3 axes for mode 'bilinear'",
        "1 x 4",
    ),
]


@pytest.mark.parametrize(("kind", "settings", "shapes", "needs", "gets"), SETTINGS)
def test_a_setting_that_is_off_is_refused_whatever_comes_in(
    kind: str, settings: dict[str, Any], shapes: tuple[Shape, ...], needs: str, gets: str
) -> None:
    with pytest.raises(SettingProblem) as caught:
        made(kind, **settings).output(shapes)
    assert (caught.value.needs, caught.value.gets) == (needs, gets)


@pytest.mark.parametrize(("kind", "settings", "shapes", "needs", "gets"), SHAPES)
def test_a_shape_that_does_not_fit_is_refused(
    kind: str, settings: dict[str, Any], shapes: tuple[Shape, ...], needs: str, gets: str
) -> None:
    with pytest.raises(ShapeProblem) as caught:
        made(kind, **settings).output(shapes)
    assert not isinstance(caught.value, SettingProblem)
    assert (caught.value.needs, caught.value.gets) == (needs, gets)


@pytest.mark.parametrize(
    ("kind", "settings", "shapes", "cost"),
    [
        ("Linear", {"out_features": 3}, ((5,),), 33),
        ("Linear", {"out_features": 3, "bias": False}, ((2, 5),), 60),
        ("Conv2d", {"out_channels": 4, "kernel_size": 3}, ((2, 5, 5),), 4 * 9 * (2 * 18 + 1)),
        ("Conv1d", {"out_channels": 4, "kernel_size": 1, "groups": 2}, ((2, 5),), 4 * 5 * 3),
        ("ConvTranspose2d", {"out_channels": 1, "kernel_size": 2}, ((1, 2, 2),), 32 + 9),
        ("MaxPool2d", {"kernel_size": 2}, ((3, 4, 4),), 3 * 4 * 4),
        ("Add", {}, ((3, 4),) * 3, 24),
        ("ReLU", {}, ((3, 4),), 12),
        ("Flatten", {}, ((3, 4),), 0),
        ("GRU", {"hidden_size": 2, "bias": False}, ((7, 3),), 7 * (2 * 6 * 5 + 20)),
    ],
)
def test_cost_counts_two_operations_per_multiply_add(
    kind: str, settings: dict[str, Any], shapes: tuple[Shape, ...], cost: int
) -> None:
    assert made(kind, **settings).cost(shapes) == cost


def test_an_unknown_layer_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'Linear'\?(.|\n)*Conv2d"):
        LAYERS.get("Linaer")


def test_settings_are_checked_before_a_layer_is_made() -> None:
    given = {"in_chanels": 1, "out_channels": 2.5, "bias": 1, "padding": "same", "stride": [1, 2]}
    assert setting_mistakes(LAYERS.get("Conv2d"), given) == [
        "has no setting 'in_chanels'; known: in_channels, out_channels, kernel_size, stride,"
        " padding, dilation, groups, bias, padding_mode",
        "out_channels must be a whole number; it is 2.5",
        "bias must be true or false; it is 1",
    ]
    assert setting_mistakes(LAYERS.get("GroupNorm"), {"eps": float("nan")}) == [
        "eps must be a finite number; it is nan",
        "needs num_groups (a whole number)",
    ]


@pytest.mark.parametrize("kind", LAYERS.names())
def test_every_setting_has_a_type_in_words(kind: str) -> None:
    for wanted in setting_types(LAYERS.get(kind)).values():
        assert "<class" not in described(wanted) and "typing" not in described(wanted)


def test_layers_load_no_heavy_library() -> None:
    code = (
        "import sys; from lamina.nets.layers import LAYERS; [LAYERS.get(n) for n in LAYERS];"
        "import lamina.nets.document, lamina.nets.zoo;"
        "sys.exit(bool({'torch', 'llvmlite', 'jsonschema', 'pyarrow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
