"""The zoo: networks by name; each is a function that returns a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from lamina.nets.layers import LAYERS, Layer
from lamina.nets.layers.activations import GELU, ReLU, Sigmoid
from lamina.nets.layers.attention import MultiheadAttention
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.dropout import Dropout
from lamina.nets.layers.joining import Add, Concat
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import BatchNorm2d, LayerNorm
from lamina.nets.layers.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from lamina.nets.layers.recurrent import LSTM
from lamina.nets.layers.reshaping import Flatten, Reshape
from lamina.nets.layers.upsampling import Upsample
from lamina.nets.network import Network, Wiring, sequential
from lamina.registry import Registry

_HERE = "lamina.nets.zoo"

_PICTURES = "lamina.nets.zoo_pictures"

ZOO: Registry[Callable[..., Network]] = Registry(
    "zoo",
    "network",
    {
        **{f"papers-{number}": f"{_HERE}:papers_{number}" for number in range(1, 6)},
        "alexnet": f"{_PICTURES}:alexnet",
        "digits-cnn": f"{_HERE}:digits_cnn",
        "digits-residual": f"{_HERE}:digits_residual",
        "gantt-cnn": f"{_PICTURES}:gantt_cnn",
        "lenet-5": f"{_HERE}:lenet_5",
        "resnet-18": f"{_PICTURES}:resnet_18",
        "sequence-lstm": f"{_HERE}:sequence_lstm",
        "sequence-transformer": f"{_HERE}:sequence_transformer",
        "small-unet": f"{_HERE}:small_unet",
        "vgg-16": f"{_PICTURES}:vgg_16",
    },
)


def mlp(
    inputs: int,
    hidden: Sequence[int],
    outputs: int = 1,
    activation: str = "ReLU",
    last: str = "auto",
    name: str | None = None,
) -> Network:
    """A dense network: Linear layers with an activation between them.

    Args:
        inputs: features of a row.
        hidden: units of each hidden layer; may be empty.
        outputs: units of the last layer.
        activation: kind of layer between two Linear layers.
        last: kind of layer behind the last Linear; "auto" is Sigmoid for one output and
            none for several (logits); "" is none.
        name: of the network; its sizes when left out.

    Raises:
        UnknownNameError: no such activation.
        NetworkError: a size below 1.
    """
    sizes = (inputs, *hidden, outputs)
    chain: list[Layer] = []
    for taken, given in pairwise(sizes):
        chain += [Linear(taken, given), LAYERS.get(activation)()]
    chain.pop()
    ending = ("Sigmoid" if outputs == 1 else "") if last == "auto" else last
    chain += [LAYERS.get(ending)()] if ending else []
    return sequential(chain, shape=inputs, name=name or "-".join(map(str, sizes)))


def from_sizes(text: str) -> Network | None:
    """The dense network that sizes such as "8-5-3-1" mean, or None for other text."""
    if not re.fullmatch(r"[1-9][0-9]{0,5}(-[1-9][0-9]{0,5})+", text):
        return None
    inputs, *hidden, outputs = map(int, text.split("-"))
    return mlp(inputs, hidden, outputs)


def papers_1() -> Network:
    """5-3-1 for breast cancer, of the papers' first experiment."""
    return mlp(5, (3,), name="papers-1")


def papers_2() -> Network:
    """8-5-3-1 for Pima, of the papers' second experiment."""
    return mlp(8, (5, 3), name="papers-2")


def papers_3() -> Network:
    """4-2-1 for banknotes, of the papers' third experiment."""
    return mlp(4, (2,), name="papers-3")


def papers_4() -> Network:
    """13-8-5-3-1 for grid stability, of the papers' fourth experiment."""
    return mlp(13, (8, 5, 3), name="papers-4")


def papers_5() -> Network:
    """16-8-5-3-1 for bank marketing, of the papers' fifth experiment."""
    return mlp(16, (8, 5, 3), name="papers-5")


def digits_cnn() -> Network:
    """Three convolutions for 8 x 8 grey pictures of 10 classes (scikit-learn's digits)."""
    return sequential(
        [
            ("c1", Conv2d(1, 16, 3, padding="same")),
            ("r1", ReLU()),
            ("c2", Conv2d(16, 32, 3, padding="same")),
            ("r2", ReLU()),
            ("p1", MaxPool2d(2)),
            ("c3", Conv2d(32, 32, 3, padding="same")),
            ("r3", ReLU()),
            ("p2", MaxPool2d(2)),
            ("f1", Flatten()),
            ("l1", Linear(128, 10)),
        ],
        shape=(1, 8, 8),
        name="digits-cnn",
    )


def digits_residual() -> Network:
    """Two residual blocks (He et al., 2016) for 8 x 8 grey pictures of 10 classes."""
    wiring = Wiring("digits-residual")
    x = wiring.input("x", (1, 8, 8))
    stem = wiring.add(Conv2d(1, 16, 3, padding="same", bias=False), x, name="stem")
    wide = wiring.add(ReLU(), wiring.add(BatchNorm2d(16), stem), name="r1")
    first = _residual(wiring, wide, 16, "a")
    half = wiring.add(MaxPool2d(2), first, name="half")
    second = _residual(wiring, half, 16, "b")
    mean = wiring.add(AdaptiveAvgPool2d(1), second, name="mean")
    wiring.add(Linear(16, 10), wiring.add(Flatten(), mean), name="classes")
    return wiring.network()


def lenet_5() -> Network:
    """LeNet-5 (LeCun et al., 1998) with ReLU, for 32 x 32 grey pictures of 10 classes."""
    return sequential(
        [
            ("c1", Conv2d(1, 6, 5)),
            ("r1", ReLU()),
            ("s2", AvgPool2d(2)),
            ("c3", Conv2d(6, 16, 5)),
            ("r3", ReLU()),
            ("s4", AvgPool2d(2)),
            ("c5", Conv2d(16, 120, 5)),
            ("r5", ReLU()),
            ("f5", Flatten()),
            ("f6", Linear(120, 84)),
            ("r6", ReLU()),
            ("out", Linear(84, 10)),
        ],
        shape=(1, 32, 32),
        name="lenet-5",
    )


def sequence_lstm() -> Network:
    """An LSTM over 8 steps of 8 features (a digit read line by line), 10 classes."""
    return sequential(
        [
            ("lines", Reshape((8, 8))),
            ("lstm", LSTM(8, 32, last=True)),
            ("d1", Dropout(0.1)),
            ("classes", Linear(32, 10)),
        ],
        shape=(1, 8, 8),
        name="sequence-lstm",
    )


def sequence_transformer() -> Network:
    """One encoder block (Vaswani et al., 2017) over 8 steps of 8 features, 10 classes."""
    wiring = Wiring("sequence-transformer")
    lines = wiring.add(Reshape((8, 8)), wiring.input("x", (1, 8, 8)), name="lines")
    tokens = wiring.add(Linear(8, 32), lines, name="tokens")
    attended = wiring.add(MultiheadAttention(32, 4), tokens, name="attention")
    first = wiring.add(LayerNorm(), wiring.add(Add(), tokens, attended, name="a1"), name="n1")
    wide = wiring.add(GELU(), wiring.add(Linear(32, 64), first, name="wide"), name="g1")
    narrow = wiring.add(Linear(64, 32), wide, name="narrow")
    second = wiring.add(LayerNorm(), wiring.add(Add(), first, narrow, name="a2"), name="n2")
    wiring.add(Linear(256, 10), wiring.add(Flatten(), second, name="f1"), name="classes")
    return wiring.network()


def small_unet() -> Network:
    """A U-Net of two levels (Ronneberger et al., 2015): 16 x 16 pictures to masks."""
    wiring = Wiring("small-unet")
    x = wiring.input("x", (1, 16, 16))
    high = _block(wiring, x, 8, "high")
    low = _block(wiring, wiring.add(MaxPool2d(2), high, name="down1"), 16, "low")
    floor = _block(wiring, wiring.add(MaxPool2d(2), low, name="down2"), 32, "floor")
    up2 = wiring.add(Upsample(scale_factor=2), floor, name="up2")
    back = _block(wiring, wiring.add(Concat(), up2, low, name="join2"), 16, "back")
    up1 = wiring.add(Upsample(scale_factor=2), back, name="up1")
    top = _block(wiring, wiring.add(Concat(), up1, high, name="join1"), 8, "top")
    mask = wiring.add(Conv2d(8, 1, 1), top, name="mask")
    wiring.add(Sigmoid(), mask, name="probability")
    return wiring.network()


def _residual(wiring: Wiring, source: str, channels: int, prefix: str) -> str:
    inner = source
    for step in (1, 2):
        conv = Conv2d(channels, channels, 3, padding="same", bias=False)
        inner = wiring.add(conv, inner, name=f"{prefix}_conv{step}")
        inner = wiring.add(BatchNorm2d(channels), inner, name=f"{prefix}_norm{step}")
        if step == 1:
            inner = wiring.add(ReLU(), inner, name=f"{prefix}_relu1")
    joined = wiring.add(Add(), inner, source, name=f"{prefix}_skip")
    return wiring.add(ReLU(), joined, name=f"{prefix}_relu2")


def _block(wiring: Wiring, source: str, channels: int, name: str) -> str:
    conv = Conv2d(out_channels=channels, kernel_size=3, padding="same")
    return wiring.add(ReLU(), wiring.add(conv, source, name=name), name=f"{name}_relu")
