"""Networks for pictures: the Gantt paper's CNN, AlexNet, VGG-16, ResNet-18, with their heads.

Layers carry the names of torchvision's modules, so that the names of our weights are those of its
state dicts, and "features" or "layer1" name parts that can be frozen or have their own rate.
"""

from __future__ import annotations

from dataclasses import dataclass

from lamina.errors import NetworkError
from lamina.nets.layers import Layer
from lamina.nets.layers.activations import LeakyReLU, ReLU
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.dropout import Dropout
from lamina.nets.layers.joining import Add
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import BatchNorm1d, BatchNorm2d
from lamina.nets.layers.pooling import AdaptiveAvgPool2d, MaxPool2d
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import Network, Wiring

HEADS = ("linear", "two-layer")
"""How a network ends: with its published classifier, or with the Gantt paper's two layers."""

HIDDEN = 256
"""Units between the two layers of that head; the paper does not say how many it has."""

DROPOUT = 0.4
"""The paper's rate of dropout."""

IMAGENET = (3, 224, 224)

_STEPS = 128
"""Steps of the CNN's first convolution along the shorter side of large pictures."""


def gantt_cnn(
    classes: int = 4, shape: tuple[int, ...] = (3, 512, 512), width: float = 1.0
) -> Network:
    """The CNN of the Gantt paper (Krawczuk et al., 2021): 5 convolutions, 3 linear layers.

    Behind each convolution are batch normalisation and LeakyReLU; between the linear layers ReLU
    and dropout of 0.4. Kernels, strides and widths are ours: the paper does not state them. The
    first convolution takes steps of a 128th of the shorter side, at least 2: with steps of 2
    charts of 512 x 512 took three times as long, and runs held back were told apart less well.

    Args:
        classes: outputs (logits).
        shape: channels, height and width of a picture; at least 1 x 1.
        width: share of the channels and units; 1 for all.

    Raises:
        NetworkError: a shape or width that does not hold.
    """
    chain = _Chain("gantt-cnn", shape, width)
    step = max(2, min(shape[1:]) // _STEPS)
    for number, channels in enumerate((16, 32, 64, 64, 64), start=1):
        conv = Conv2d(None, chain.wide(channels), step + 1, stride=step, padding=step // 2)
        step = 2
        chain.add(f"features.conv{number}", conv)
        chain.add(f"features.norm{number}", BatchNorm2d())
        chain.add(f"features.leaky{number}", LeakyReLU())
    chain.add("flatten", Flatten())
    for number, units in enumerate((256, 64), start=1):
        chain.add(f"head.linear{number}", Linear(out_features=chain.wide(units)))
        chain.add(f"head.relu{number}", ReLU())
        chain.add(f"head.dropout{number}", Dropout(DROPOUT))
    chain.add("head.linear3", Linear(out_features=classes))
    return chain.wiring.network()


def alexnet(
    classes: int = 1000,
    head: str = "linear",
    shape: tuple[int, ...] = IMAGENET,
    width: float = 1.0,
) -> Network:
    """AlexNet (Krizhevsky, 2014, "One weird trick"), as torchvision has it: 61,100,840 parameters.

    Args:
        classes: outputs (logits).
        head: "linear" is the published classifier; "two-layer" puts Linear, BatchNorm1d, ReLU,
            Dropout and Linear in its place.
        shape: channels, height and width of a picture; at least 63 x 63.
        width: share of the channels and units; 1 for all.

    Raises:
        NetworkError: a shape, width or head that does not hold.
    """
    chain = _Chain("alexnet", shape, width)
    convolutions: dict[int, tuple[int, int, int, int]] = {
        0: (64, 11, 4, 2),
        3: (192, 5, 1, 2),
        6: (384, 3, 1, 1),
        8: (256, 3, 1, 1),
        10: (256, 3, 1, 1),
    }
    for place, (channels, kernel, stride, padding) in convolutions.items():
        conv = Conv2d(None, chain.wide(channels), kernel, stride, padding)
        chain.add(f"features.{place}", conv)
        chain.add(f"features.{place + 1}", ReLU())
        if place in (0, 3, 10):
            chain.add(f"features.{place + 2}", MaxPool2d(3, stride=2))
    chain.add("avgpool", AdaptiveAvgPool2d((6, 6)))
    chain.add("flatten", Flatten())
    for place in (0, 3):
        chain.add(f"classifier.{place}", Dropout())
        chain.add(f"classifier.{place + 1}", Linear(out_features=chain.wide(4096)))
        chain.add(f"classifier.{place + 2}", ReLU())
    chain.end("classifier.6", head, classes)
    return chain.wiring.network()


def vgg_16(
    classes: int = 1000,
    head: str = "linear",
    shape: tuple[int, ...] = IMAGENET,
    width: float = 1.0,
) -> Network:
    """VGG-16 (Simonyan and Zisserman, 2015), configuration D: 138,357,544 parameters.

    Arguments and errors as for `alexnet`; pictures have at least 32 x 32 points.
    """
    chain = _Chain("vgg-16", shape, width)
    place = 0
    for times, channels in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(times):
            chain.add(f"features.{place}", Conv2d(None, chain.wide(channels), 3, padding=1))
            chain.add(f"features.{place + 1}", ReLU())
            place += 2
        chain.add(f"features.{place}", MaxPool2d(2, stride=2))
        place += 1
    chain.add("avgpool", AdaptiveAvgPool2d((7, 7)))
    chain.add("flatten", Flatten())
    for place in (0, 3):
        chain.add(f"classifier.{place}", Linear(out_features=chain.wide(4096)))
        chain.add(f"classifier.{place + 1}", ReLU())
        chain.add(f"classifier.{place + 2}", Dropout())
    chain.end("classifier.6", head, classes)
    return chain.wiring.network()


def resnet_18(
    classes: int = 1000,
    head: str = "linear",
    shape: tuple[int, ...] = IMAGENET,
    width: float = 1.0,
) -> Network:
    """ResNet-18 (He et al., 2016), as torchvision has it: 11,689,512 parameters.

    Arguments and errors as for `alexnet`; pictures may have any size.
    """
    chain = _Chain("resnet-18", shape, width)
    stem = Conv2d(None, chain.wide(64), 7, stride=2, padding=3, bias=False)
    chain.add("conv1", stem)
    chain.add("bn1", BatchNorm2d())
    chain.add("relu", ReLU())
    chain.add("maxpool", MaxPool2d(3, stride=2, padding=1))
    inside = 64
    for number, channels in enumerate((64, 128, 256, 512), start=1):
        for block in (0, 1):
            stride = 2 if number > 1 and block == 0 else 1
            _basic_block(chain, f"layer{number}.{block}", channels, stride, inside != channels)
            inside = channels
    chain.add("avgpool", AdaptiveAvgPool2d((1, 1)))
    chain.add("flatten", Flatten())
    chain.end("fc", head, classes)
    return chain.wiring.network()


def _basic_block(chain: _Chain, name: str, channels: int, stride: int, wider: bool) -> None:
    """Two convolutions beside a shortcut, which is a convolution itself where channels change."""
    came, inner, wide = chain.last, chain.last, chain.wide(channels)
    for step in (1, 2):
        conv = Conv2d(None, wide, 3, stride=stride if step == 1 else 1, padding=1, bias=False)
        inner = chain.wiring.add(conv, inner, name=f"{name}.conv{step}")
        inner = chain.wiring.add(BatchNorm2d(), inner, name=f"{name}.bn{step}")
        if step == 1:
            inner = chain.wiring.add(ReLU(), inner, name=f"{name}.relu1")
    if wider:
        conv = Conv2d(None, wide, 1, stride=stride, bias=False)
        came = chain.wiring.add(conv, came, name=f"{name}.downsample.0")
        came = chain.wiring.add(BatchNorm2d(), came, name=f"{name}.downsample.1")
    joined = chain.wiring.add(Add(), inner, came, name=f"{name}.add")
    chain.last = chain.wiring.add(ReLU(), joined, name=f"{name}.relu2")


@dataclass
class _Chain:
    """A wiring in which a layer reads the one before it."""

    name: str
    shape: tuple[int, ...]
    width: float

    def __post_init__(self) -> None:
        mistakes = []
        if len(self.shape) != 3 or min(self.shape, default=0) < 1:
            got = " x ".join(map(str, self.shape)) or "nothing"
            mistakes.append(
                f"shape is {got}; it is channels x height x width, such as 3 x 224 x 224"
            )
        if not 0 < self.width <= 4:
            mistakes.append(f"width is {self.width}; it is a share above 0, at most 4")
        if mistakes:
            raise NetworkError(f"network {self.name!r} cannot be built", mistakes)
        self.wiring = Wiring(self.name)
        self.last = self.wiring.input("x", self.shape)

    def wide(self, channels: int) -> int:
        """The share of some channels or units that the width leaves."""
        return max(1, round(channels * self.width))

    def add(self, name: str, layer: Layer) -> None:
        """A layer behind the last one."""
        self.last = self.wiring.add(layer, self.last, name=name)

    def end(self, classifier: str, head: str, classes: int) -> None:
        """The published classifier, or the two-layer head in its place."""
        if head not in HEADS:
            mistake = f"head is {head!r}; choose from {', '.join(HEADS)}"
            raise NetworkError(f"network {self.name!r} cannot be built", [mistake])
        if head == "linear":
            self.add(classifier, Linear(out_features=classes))
            return
        layers: tuple[Layer, ...] = (
            Linear(out_features=HIDDEN),
            BatchNorm1d(),
            ReLU(),
            Dropout(DROPOUT),
            Linear(out_features=classes),
        )
        for place, layer in enumerate(layers):
            self.add(f"head.{place}", layer)
