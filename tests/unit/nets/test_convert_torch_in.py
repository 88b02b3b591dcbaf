"""Networks from torch modules: the same numbers, the same names, all gaps said at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, fx, nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from lamina.errors import ConversionError, LaminaError
from lamina.nets.convert.torch_in import from_torch
from lamina.nets.convert.torch_out import make_module, to_torch
from lamina.nets.layers import LAYERS
from lamina.nets.network import Network
from lamina.nets.zoo import ZOO
from lamina.testing.layer_strategies import fitting
from lamina.testing.layers import rows_for, single, small_zoo


def randomised(module: nn.Module) -> nn.Module:
    """Evaluation mode, with running statistics and gains that are not their defaults."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.6 + 0.1)
    return module.eval()


def assert_same(module: nn.Module, *inputs: Tensor, atol: float = 1e-6) -> Network:
    """The converted network computes what the module does."""
    randomised(module)
    example: Any = list(inputs) if len(inputs) > 1 else inputs[0]
    network, weights = from_torch(module, example)
    again = to_torch(network, weights).eval()
    with torch.no_grad():
        wanted, made = module(*inputs), again(*inputs)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    made = made if isinstance(made, tuple) else (made,)
    for one, other in zip(wanted, made, strict=True):
        torch.testing.assert_close(other, one, atol=atol, rtol=1e-5)
    return network


class Functional(nn.Module):
    """Most functional forms of a small convolutional network."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding="same")
        self.norm = nn.BatchNorm2d(4, eps=1e-3)
        self.drop = nn.Dropout(0.2)
        self.fc1 = nn.Linear(4 * 2 * 2, 8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x)))
        x = F.max_pool2d(x, 2, ceil_mode=True)
        x = F.adaptive_avg_pool2d(x, (2, 2))
        x = x.view(x.size(0), -1)
        x = self.drop(F.gelu(self.fc1(x), approximate="tanh"))
        x = F.dropout(F.leaky_relu(x, 0.2), 0.3, training=self.training)
        return F.softmax(self.fc2(x), dim=1)


class Block(nn.Module):
    def __init__(self, taken: int, given_: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(taken, given_, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(given_)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(given_, given_, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(given_)
        self.short = nn.Identity() if stride == 1 else nn.Conv2d(taken, given_, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += self.short(x)
        made: Tensor = self.relu(out)
        return made


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.layers = nn.Sequential(Block(4, 4, 1), Block(4, 8, 2))
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(self.stem(x))
        made: Tensor = self.fc(x.mean(dim=(2, 3)))
        return made


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(2, 3, 1)
        self.b = nn.Conv2d(2, 4, 3, padding=1, dilation=1)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.t = nn.ConvTranspose2d(7, 2, 2, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([self.a(x), self.b(x)], dim=1)
        return self.up(joined), torch.tanh(self.t(joined))


class Sequence(nn.Module):
    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], pick: str, **options: Any) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.cells = kind(6, 5, batch_first=True, **options)
        self.fc = nn.Linear(10 if options.get("bidirectional") else 5, 2)
        self.pick = pick

    def forward(self, x: Tensor) -> Tensor:
        sequence, state = self.cells(self.embed(x))
        hidden = state[0] if isinstance(self.cells, nn.LSTM) else state
        picked = {
            "last step": lambda: sequence[:, -1],
            "last step, all": lambda: sequence[:, -1, :],
            "state": lambda: hidden[-1],
            "squeezed": lambda: hidden.squeeze(0),
            "sequence": lambda: sequence,
        }[self.pick]()
        made: Tensor = self.fc(picked)
        return made


class Attention(nn.Module):
    """A pre-norm block of self-attention with skips, then the mean over the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.dense = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        x = x + self.attend(y, y, y, need_weights=False)[0]
        x = torch.add(x, self.dense(x))
        made: Tensor = self.head(x.mean(1))
        return made


class Cross(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(8, 4, batch_first=True, kdim=6, vdim=5)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        made: Tensor = self.attend(q, k, v)[0]
        return made


class Branching(nn.Module):
    """Control flow on shapes: what fx cannot follow, and export can."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.layer = nn.LayerNorm(3)
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x))) if x.shape[1] == 2 else x
        x = F.max_pool2d(x, 2)
        return F.softmax(self.fc(self.layer(x.mean((2, 3)))), 1)


class Shapes(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x.permute(0, 2, 3, 1).contiguous().transpose(1, 2)
        y = torch.flatten(y, 1, 2).unsqueeze(1).squeeze(1)
        y = y.reshape(-1, 5 * 4 * 3)
        return torch.unflatten(y, 1, (3, 20)).mean(2, keepdim=True)


X = torch.linspace(-1, 1, 3 * 3 * 8 * 8).reshape(3, 3, 8, 8)
CODES = torch.arange(3 * 7).reshape(3, 7) % 11

CASES: dict[str, tuple[Callable[[], nn.Module], tuple[Tensor, ...]]] = {
    "dense": (
        lambda: nn.Sequential(
            nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 1, bias=False), nn.Sigmoid()
        ),
        (X[0, 0],),
    ),
    "one layer": (lambda: nn.Linear(8, 2), (X[0, 0],)),
    "functional": (Functional, (X[:, :1, :7, :7],)),
    "resnet": (ResNet, (X,)),
    "inception, two outputs": (Inception, (X[:, :2],)),
    "attention": (Attention, (X[:, 0],)),
    "cross attention": (Cross, (X[:, 0], X[:, 1, :5, :6], X[:, 2, :5, :5])),
    "encoder layer": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True),
        (X[:, 0],),
    ),
    "encoder": (
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu"),
            2,
            nn.LayerNorm(8),
            enable_nested_tensor=False,
        ),
        (X[:, 0],),
    ),
    "branching": (Branching, (X[:, :2],)),
    "shapes": (Shapes, (X[:, :, :4, :5],)),
    "one axis": (
        lambda: nn.Sequential(
            nn.Conv1d(3, 4, 3, stride=2, padding=1, padding_mode="circular"),
            nn.BatchNorm1d(4),
            nn.SiLU(),
            nn.AvgPool1d(2, count_include_pad=False),
            nn.AdaptiveMaxPool1d(1),
            nn.Flatten(),
            nn.Tanh(),
        ),
        (X[:, :, 0],),
    ),
    "three axes": (
        lambda: nn.Sequential(
            nn.Conv3d(1, 2, 2), nn.MaxPool3d(2, 1), nn.GroupNorm(2, 2), nn.AdaptiveAvgPool3d(1)
        ),
        (X[:, None, :3],),
    ),
    **{
        f"{kind.__name__}, {pick}": (
            lambda kind=kind, pick=pick: Sequence(kind, pick),  # type: ignore[misc]
            (CODES,),
        )
        for kind in (nn.LSTM, nn.GRU)
        for pick in ("last step", "last step, all", "state", "squeezed", "sequence")
    },
    "two layers both ways": (
        lambda: Sequence(nn.LSTM, "sequence", num_layers=2, bidirectional=True),
        (CODES,),
    ),
    "state of the second layer": (lambda: Sequence(nn.GRU, "state", num_layers=2), (CODES,)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_network_computes_what_the_module_computes(case: str) -> None:
    make, inputs = CASES[case]
    assert_same(make(), *inputs)


@pytest.mark.parametrize("name", ZOO.names())
def test_networks_of_the_zoo_go_to_torch_and_come_back(name: str) -> None:
    network = small_zoo(name)
    module = to_torch(network)
    network_again, weights = from_torch(module, network.inputs[0].shape)
    assert network_again == network
    assert {key: value.shape for key, value in weights.items()} == {
        **network.parameters(),
        **network.buffers(),
    }


def test_lamina_modules_inside_another_module_are_taken_apart() -> None:
    inner = to_torch(ZOO.get("papers-1")())
    network = assert_same(nn.Sequential(inner, nn.Linear(1, 2)), X[0, 0, :, :5])
    assert [node.name for node in network.nodes][:2] == ["0.l1", "0.r1"]


def test_names_of_weights_are_those_of_the_state_dict() -> None:
    module = ResNet()
    _, weights = from_torch(module, (3, 8, 8))
    named = {name for name in module.state_dict() if not name.endswith("num_batches_tracked")}
    assert set(weights) == named


def test_the_module_is_left_as_it_was() -> None:
    module = ResNet()
    module.fc.eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    from_torch(module, (3, 8, 8))
    assert module.training and not module.fc.training and module.stem.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_the_weights_are_copies() -> None:
    module = nn.Linear(2, 1)
    _, weights = from_torch(module, 2)
    with torch.no_grad():
        module.weight.zero_()
    assert np.any(weights["0.weight"])


@given(
    widths=st.lists(st.integers(1, 9), min_size=2, max_size=5),
    kinds=st.lists(st.sampled_from([nn.ReLU, nn.Tanh, nn.SiLU, nn.Sigmoid]), min_size=4),
    biased=st.booleans(),
)
@settings(deadline=None, max_examples=15)
def test_dense_networks_of_any_shape_come_over(
    widths: list[int], kinds: list[type[nn.Module]], biased: bool
) -> None:
    parts: list[nn.Module] = []
    for index, (taken, given_) in enumerate(pairwise(widths)):
        parts += [nn.Linear(taken, given_, bias=biased), kinds[index]()]
    network = assert_same(nn.Sequential(*parts), torch.rand(4, widths[0]))
    assert len(network.nodes) == len(parts)


@pytest.mark.parametrize("kind", LAYERS.names())
@given(data=st.data())
@settings(
    deadline=None,
    max_examples=8,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_layer_goes_to_torch_and_comes_back(kind: str, data: st.DataObject) -> None:
    layer, shapes = data.draw(fitting(kind))
    inputs = [torch.from_numpy(rows) for rows in rows_for(single(layer, shapes), 3)]
    if any(not shape for shape in shapes):
        return  # an example without axes cannot be told from a row
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice on the speed of even kernels
        assert_same(called(make_module(layer.module(shapes)), len(inputs)), *inputs)


def called(part: nn.Module, count: int) -> nn.Module:
    """A module whose forward calls another one on `count` inputs."""
    graph = fx.Graph()
    graph.output(graph.call_module("part", tuple(graph.placeholder(f"x{k}") for k in range(count))))
    return fx.GraphModule({"part": part}, graph)


class Twice(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.part(self.part(x))
        return made


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)
        self.two.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.two(self.one(x))
        return made


class Many(nn.Module):
    """Five things that no layer has."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Hardswish()
        self.pos = nn.Parameter(torch.zeros(4))
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(self.act(x)) + self.pos
        x = x * 2
        x = torch.cumsum(x, 1)
        return torch.log_softmax(x, 1)


class Odd(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def test_a_module_without_weights_may_be_used_twice() -> None:
    network = assert_same(Twice(nn.LeakyReLU(0.3)), X[0, 0])
    assert [node.name for node in network.nodes] == ["part", "part_2"]


def test_everything_that_is_missing_is_named() -> None:
    with pytest.raises(ConversionError) as caught:
        from_torch(Many(), 4)
    named = " | ".join(caught.value.mistakes)
    assert len(caught.value.mistakes) == 5
    for part in ("Hardswish act", "function add", "function mul", "cumsum", "log_softmax"):
        assert part in named
    assert caught.value.way_out


REFUSED: dict[str, tuple[Callable[[], nn.Module], Any, str]] = {
    "weights used twice": (lambda: Twice(nn.Linear(4, 4)), 4, "used twice"),
    "tied weights": (Tied, 4, "shares weights with Linear one"),
    "steps first": (lambda: Sequence(nn.LSTM, "sequence"), "steps", "batch_first"),
    "softmax over rows": (lambda: nn.Softmax(dim=0), 4, "batch axis"),
    "flatten with rows": (lambda: nn.Flatten(0), (2, 2), "batch axis"),
    "mean of all": (lambda: Odd(torch.mean), 4, "say its dim"),
    "broadcast": (lambda: Odd(lambda x: x + x.mean(1, keepdim=True)), 4, "equal shapes"),
    "a slice": (lambda: Odd(lambda x: x[:, :2]), 4, "picking elements"),
    "rows mixed": (lambda: Odd(lambda x: x.reshape(1, -1)), 4, "batch axis"),
    "axes with rows": (lambda: Odd(lambda x: x.transpose(0, 1)), 3, "batch axis"),
    "constant": (lambda: Odd(lambda x: x + 1), 4, "not numbers"),
    "indices": (lambda: nn.MaxPool2d(2, return_indices=True), (1, 4, 4), "return_indices"),
    "cumulative": (lambda: nn.BatchNorm2d(1, momentum=None), (1, 4, 4), "momentum=None"),
    "projection": (
        lambda: Odd(nn.LSTM(4, 4, proj_size=2, batch_first=True)),
        (3, 4),
        "proj_size",
    ),
    "wrong shape": (lambda: nn.Linear(4, 2), 5, "does not run"),
    "no example": (lambda: nn.Linear(4, 2), "four", "neither a row's shape"),
    "no batch": (lambda: nn.Linear(4, 2), (0,), "neither a row's shape"),
    "returns a number": (lambda: Odd(lambda x: 3), 4, ""),  # type: ignore[arg-type, return-value]
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_counterpart_is_refused_with_its_reason(case: str) -> None:
    make, example, message = REFUSED[case]
    module = make()
    if example == "steps":
        module.cells.batch_first = False  # type: ignore[union-attr]
        example = CODES
    with pytest.raises(LaminaError) as caught:
        from_torch(module, example)
    assert isinstance(caught.value, ConversionError)
    assert message in caught.value.message
    assert caught.value.way_out
