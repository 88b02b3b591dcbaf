"""Hypothesis strategies: any layer with the shapes it reads, and whole networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from lamina.nets.layers import LAYERS, Layer, Shape, ShapeProblem
from lamina.nets.layers.activations import GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from lamina.nets.layers.dropout import Dropout
from lamina.nets.layers.joining import Add, Concat
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import LayerNorm
from lamina.nets.network import Network, Wiring

Case = tuple[Layer, tuple[Shape, ...]]
"""A layer and the shapes of the rows that it reads."""

_WIDTHS = st.integers(1, 5)
_AXES = {"1": 1, "2": 2, "3": 3}
_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear")


def layers_of(kind: str) -> st.SearchStrategy[Case]:
    """Layers of a built-in kind with shapes of small sizes, which fit more often than not."""
    family = next((f for f in _FAMILIES if kind in f), None)
    if family is None:
        return st.tuples(st.just(LAYERS.get(kind)()), st.tuples(_shapes(0, 4)))
    return _FAMILIES[family](kind)


def fitting(kind: str) -> st.SearchStrategy[Case]:
    """Layers of a built-in kind with shapes that fit."""
    return layers_of(kind).filter(lambda case: fits(*case))


def fits(layer: Layer, shapes: tuple[Shape, ...]) -> bool:
    """Whether a layer takes these shapes."""
    try:
        layer.output(shapes)
    except ShapeProblem:
        return False
    return True


@st.composite
def networks(draw: st.DrawFn, most: int = 8) -> Network:
    """Dense networks with skips, of up to `most` layers on one or two inputs."""
    wiring = Wiring(draw(st.sampled_from(["network", "a b", "no", "1e-3", "ü"])))
    names = st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=4)
    given = draw(st.lists(names, min_size=1, max_size=2, unique=True))
    widths = {wiring.input(name, width): width for name in given for width in [draw(_WIDTHS)]}
    unread = dict.fromkeys(widths)
    for _ in range(draw(st.integers(1, most))):
        layer, sources, width = draw(_steps(widths))
        name = draw(st.none() | names.filter(lambda n: n not in widths))
        added = wiring.add(layer, *sources, name=name)
        widths[added] = width
        unread = {n: None for n in (*unread, added) if n not in sources}
    return wiring.network(*unread)


def _steps(shapes: dict[str, int]) -> st.SearchStrategy[tuple[Layer, tuple[str, ...], int]]:
    names = st.sampled_from(list(shapes))
    one = st.sampled_from(
        [
            ReLU(),
            LeakyReLU(0.25),
            GELU("tanh"),
            SiLU(),
            Tanh(),
            Sigmoid(),
            Dropout(0.25),
            LayerNorm(),
        ]
    )
    pairs = st.tuples(names, names)
    return st.one_of(
        st.tuples(_WIDTHS, st.booleans(), names).map(
            lambda t: (Linear(out_features=t[0], bias=t[1]), (t[2],), t[0])
        ),
        st.tuples(one, names).map(lambda t: (t[0], (t[1],), shapes[t[1]])),
        pairs.map(lambda t: (Concat(), t, shapes[t[0]] + shapes[t[1]])),
        names.map(lambda n: (Add(), (n, n), shapes[n])),
    )


def _shapes(least: int, most: int, largest: int = 6) -> st.SearchStrategy[Shape]:
    return st.lists(st.integers(1, largest), min_size=least, max_size=most).map(tuple)


def _sizes(axes: int, least: int, most: int) -> st.SearchStrategy[Any]:
    number = st.integers(least, most)
    return number | st.tuples(*[number] * axes)


def _images(kind: str) -> st.SearchStrategy[Shape]:
    axes = _AXES[kind[-2]]
    return st.tuples(st.integers(1, 6), *[st.integers(1, 9)] * axes)


def _convolutions(kind: str) -> st.SearchStrategy[Case]:
    axes = _AXES[kind[-2]]
    settings: dict[str, st.SearchStrategy[Any]] = {
        "out_channels": st.integers(1, 6),
        "kernel_size": _sizes(axes, 1, 4),
        "stride": _sizes(axes, 1, 3),
        "padding": _sizes(axes, 0, 3),
        "dilation": _sizes(axes, 1, 2),
        "groups": st.sampled_from([1, 1, 2, 3]),
        "bias": st.booleans(),
    }
    if kind == "ConvTranspose2d":
        settings["output_padding"] = _sizes(2, 0, 2)
        return st.tuples(_made(kind, settings), st.tuples(_images(kind)))
    settings["padding_mode"] = st.sampled_from(
        ["zeros", "zeros", "reflect", "replicate", "circular"]
    )
    kept = {**settings, "padding": st.just("same"), "stride": st.just(1)}
    either = _made(kind, settings) | _made(kind, kept)
    return st.tuples(either, st.tuples(_images(kind)))


def _pooling(kind: str) -> st.SearchStrategy[Case]:
    axes = _AXES[kind[-2]]
    settings = {
        "kernel_size": _sizes(axes, 1, 4),
        "stride": st.none() | _sizes(axes, 1, 4),
        "padding": _sizes(axes, 0, 2),
        "ceil_mode": st.booleans(),
    }
    more = _sizes(axes, 1, 2) if kind.startswith("Max") else st.booleans()
    settings["dilation" if kind.startswith("Max") else "count_include_pad"] = more
    return st.tuples(_made(kind, settings), st.tuples(_images(kind)))


def _adaptive(kind: str) -> st.SearchStrategy[Case]:
    size: st.SearchStrategy[Any] = st.integers(1, 9)
    if kind.endswith("2d"):
        size |= st.tuples(st.none() | size, st.none() | size)
    return st.tuples(_made(kind, {"output_size": size}), st.tuples(_images(kind)))


def _normalisation(kind: str) -> st.SearchStrategy[Case]:
    if kind == "LayerNorm":
        return _shapes(1, 4).flatmap(_layer_norms)
    affine = {"affine": st.booleans(), "eps": st.sampled_from([1e-5, 0.1])}
    if kind == "GroupNorm":
        groups = {**affine, "num_groups": st.integers(1, 3)}
        return st.tuples(_made(kind, groups), st.tuples(_shapes(1, 4)))
    batch = {**affine, "momentum": st.floats(0, 1), "track_running_stats": st.booleans()}
    return st.tuples(_made(kind, batch), st.tuples(_shapes(0, 4)))


def _layer_norms(shape: Shape) -> st.SearchStrategy[Case]:
    tails = [None, shape[-1], *(shape[-count:] for count in range(1, len(shape) + 1))]
    settings = {
        "normalized_shape": st.sampled_from(tails),
        "elementwise_affine": st.booleans(),
        "bias": st.booleans(),
    }
    return st.tuples(_made("LayerNorm", settings), st.just((shape,)))


def _recurrent(kind: str) -> st.SearchStrategy[Case]:
    settings = {
        "hidden_size": st.integers(1, 4),
        "num_layers": st.integers(1, 3),
        "bias": st.booleans(),
        "bidirectional": st.booleans(),
        "last": st.booleans(),
    }
    return st.tuples(_made(kind, settings), st.tuples(_shapes(2, 2)))


def _attention(kind: str) -> st.SearchStrategy[Case]:
    settings = {"num_heads": st.integers(1, 3), "bias": st.booleans()}
    steps, width = st.integers(1, 4), st.sampled_from([2, 3, 4, 6])
    one = st.tuples(st.tuples(steps, width))
    three = st.tuples(steps, width, steps, width, width).map(
        lambda t: ((t[0], t[1]), (t[2], t[3]), (t[2], t[4]))
    )
    return st.tuples(_made(kind, settings), st.one_of(one, three))


def _upsampling(kind: str) -> st.SearchStrategy[Case]:
    factor = st.sampled_from([0.5, 1.0, 1.7, 2, 3])
    wanted = st.one_of(
        st.fixed_dictionaries({"scale_factor": factor | st.tuples(factor, factor)}),
        st.fixed_dictionaries({"size": st.integers(1, 9)}),
    )
    made = st.tuples(wanted, st.sampled_from(_MODES)).map(
        lambda t: LAYERS.get(kind)(**{**t[0], "mode": t[1]})
    )
    return st.tuples(made, st.tuples(_shapes(2, 4)))


def _joining(kind: str) -> st.SearchStrategy[Case]:
    if kind == "Add":
        return st.tuples(_shapes(0, 3), st.integers(2, 4)).map(lambda t: (Add(), (t[0],) * t[1]))
    return st.tuples(
        _shapes(1, 3), st.integers(-3, 2), st.lists(st.integers(1, 4), max_size=2)
    ).map(lambda t: (Concat(t[1]), _varied(t[0], t[1], t[2])))


def _varied(shape: Shape, dim: int, others: list[int]) -> tuple[Shape, ...]:
    """The shape, and copies of it with other sizes along dim."""
    at = dim % len(shape)
    return (shape, shape, *((*shape[:at], other, *shape[at + 1 :]) for other in others))


def _reshaping(kind: str) -> st.SearchStrategy[Case]:
    if kind == "Flatten":
        dims = {"start_dim": st.integers(-3, 2), "end_dim": st.integers(-3, 2)}
        return st.tuples(_made(kind, dims), st.tuples(_shapes(0, 4)))
    size = st.sampled_from([-1, 1, 2, 3, 4])
    shape = st.lists(size, max_size=3).map(tuple)
    return st.tuples(_made(kind, {"shape": shape}), st.tuples(_shapes(0, 4, 4)))


def _permuting(kind: str) -> st.SearchStrategy[Case]:
    dims = st.integers(0, 3).flatmap(lambda rank: st.permutations(range(rank))).map(tuple)
    return st.tuples(_made(kind, {"dims": dims}), st.tuples(_shapes(0, 3)))


def _dense(kind: str) -> st.SearchStrategy[Case]:
    settings = {"out_features": st.integers(1, 6), "bias": st.booleans()}
    return st.tuples(_made(kind, settings), st.tuples(_shapes(0, 3)))


def _softmax(kind: str) -> st.SearchStrategy[Case]:
    return st.tuples(_made(kind, {"dim": st.integers(-3, 2)}), st.tuples(_shapes(0, 3)))


def _embedding(kind: str) -> st.SearchStrategy[Case]:
    settings = {
        "num_embeddings": st.integers(1, 6),
        "embedding_dim": st.integers(1, 6),
        "padding_idx": st.none() | st.integers(-3, 3),
    }
    return st.tuples(_made(kind, settings), st.tuples(_shapes(0, 2)))


def _made(kind: str, settings: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Layer]:
    return st.fixed_dictionaries(settings).map(lambda given: LAYERS.get(kind)(**given))


_FAMILIES: dict[tuple[str, ...], Callable[[str], st.SearchStrategy[Case]]] = {
    ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d"): _convolutions,
    ("MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d"): _pooling,
    ("AdaptiveAvgPool1d", "AdaptiveAvgPool2d"): _adaptive,
    ("BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm"): _normalisation,
    ("LSTM", "GRU"): _recurrent,
    ("MultiheadAttention",): _attention,
    ("Upsample",): _upsampling,
    ("Add", "Concat"): _joining,
    ("Flatten", "Reshape"): _reshaping,
    ("Permute",): _permuting,
    ("Linear",): _dense,
    ("Softmax",): _softmax,
    ("Embedding",): _embedding,
}
