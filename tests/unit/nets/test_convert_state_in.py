"""State dicts in torchvision's layout, made by modules written here as torchvision names theirs."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from torch import Tensor, nn

from lamina.errors import ConversionError
from lamina.nets.bundle import Bundle
from lamina.nets.convert.state_in import fit_state, read_fitted, read_state
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.document import read_network
from lamina.nets.initial import initial_weights
from lamina.nets.network import Network
from lamina.nets.published import PUBLISHED

WIDTH = 1 / 16


def wide(channels: int) -> int:
    return int(channels * WIDTH)


class Classified(nn.Module):
    """AlexNet and VGG: features, an average of fixed size, a classifier."""

    def __init__(self, features: list[nn.Module], places: int, classifier: list[nn.Module]) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d((places, places))
        self.classifier = nn.Sequential(*classifier)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return y


def alexnet() -> nn.Module:
    features: list[nn.Module] = []
    inside = 3
    for out, kernel, stride, padding, pooled in (
        (64, 11, 4, 2, True),
        (192, 5, 1, 2, True),
        (384, 3, 1, 1, False),
        (256, 3, 1, 1, False),
        (256, 3, 1, 1, True),
    ):
        features += [nn.Conv2d(inside, wide(out), kernel, stride, padding), nn.ReLU()]
        features += [nn.MaxPool2d(3, 2)] if pooled else []
        inside = wide(out)
    dense: list[nn.Module] = [nn.Dropout(), nn.Linear(inside * 36, wide(4096)), nn.ReLU()]
    dense += [nn.Dropout(), nn.Linear(wide(4096), wide(4096)), nn.ReLU()]
    return Classified(features, 6, [*dense, nn.Linear(wide(4096), 1000)])


def vgg16() -> nn.Module:
    features: list[nn.Module] = []
    inside = 3
    for out in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if not out:
            features.append(nn.MaxPool2d(2, 2))
            continue
        features += [nn.Conv2d(inside, wide(out), 3, padding=1), nn.ReLU()]
        inside = wide(out)
    dense: list[nn.Module] = [nn.Linear(inside * 49, wide(4096)), nn.ReLU(), nn.Dropout()]
    dense += [nn.Linear(wide(4096), wide(4096)), nn.ReLU(), nn.Dropout()]
    return Classified(features, 7, [*dense, nn.Linear(wide(4096), 1000)])


class Block(nn.Module):
    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample: nn.Module | None = None
        if stride != 1 or inside != out:
            conv = nn.Conv2d(inside, out, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, wide(64), 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(wide(64))
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inside = wide(64)
        for number, channels in enumerate((64, 128, 256, 512), start=1):
            out = wide(channels)
            blocks = [Block(inside, out, 1 if number == 1 else 2), Block(out, out, 1)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            inside = out
        self.fc = nn.Linear(inside, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for number in range(1, 5):
            x = self.get_submodule(f"layer{number}")(x)
        y: Tensor = self.fc(x.mean(dim=(2, 3)))
        return y


MODULES: dict[str, Callable[[], nn.Module]] = {
    "alexnet": alexnet,
    "vgg-16": vgg16,
    "resnet-18": ResNet18,
}


def seeded(name: str) -> nn.Module:
    """A module with weights and running statistics that are not those it begins with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        module = MODULES[name]()
        for buffer in module.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5)
    return module.eval()


def small(name: str, more: str = "") -> Network:
    return read_network(f"{name}:shape=3x64x64,width={WIDTH}{more}")


def files(folder: Path, module: nn.Module) -> dict[str, Path]:
    """The same state dict as torchvision's files have it: zipped, older, and as safetensors."""
    state = module.state_dict()
    zipped, old, safe = folder / "w.pth", folder / "old.pth", folder / "w.safetensors"
    torch.save(state, zipped)
    torch.save(state, old, _use_new_zipfile_serialization=False)
    save_file({name: array.contiguous() for name, array in state.items()}, safe)
    return {"zip": zipped, "old": old, "safetensors": safe}


@pytest.mark.parametrize("name", MODULES)
def test_a_file_in_torchvisions_layout_gives_the_same_outputs(name: str, tmp_path: Path) -> None:
    module, network = seeded(name), small(name)
    rows = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 3, 64, 64)).astype(np.float32))
    with torch.no_grad():
        wanted = module(rows)
        assert wanted.std() > 1e-4
        for path in files(tmp_path, module).values():
            fitted = read_fitted(path, network)
            assert (fitted.anew, fitted.unused) == ((), ())
            given = to_torch(network, fitted.weights).eval()(rows)
            assert torch.allclose(given, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", MODULES)
def test_the_published_names_and_shapes_are_those_of_the_whole_network(name: str) -> None:
    network = small(name)
    state = seeded(name).state_dict()
    given = {n: tuple(a.shape) for n, a in state.items() if not n.endswith("num_batches_tracked")}
    assert given == {**network.parameters(), **network.buffers()}


@pytest.mark.parametrize("name", MODULES)
def test_a_head_of_its_own_begins_anew_and_the_body_is_taken(name: str, tmp_path: Path) -> None:
    network = small(name, ",head=two-layer,classes=4")
    fitted = read_fitted(files(tmp_path, seeded(name))["zip"], network)
    assert fitted.anew == ("head.0", "head.1", "head.4")
    assert fitted.unused == (PUBLISHED[name].classifier,)
    wanted = {*network.parameters(), *network.buffers()}
    assert set(fitted.weights) == {n for n in wanted if not n.startswith("head.")}


def test_the_last_layer_begins_anew_for_another_number_of_classes(tmp_path: Path) -> None:
    fitted = read_fitted(
        files(tmp_path, seeded("resnet-18"))["zip"], small("resnet-18", ",classes=4")
    )
    assert fitted.anew == ("fc",)
    assert fitted.unused == ()
    assert not any(name.startswith("fc.") for name in fitted.weights)


def test_a_model_of_ours_gives_its_weights_too(tmp_path: Path) -> None:
    network = small("alexnet", ",head=two-layer,classes=4")
    weights = initial_weights(network, "normal", 3)
    Bundle(network, weights).save(tmp_path / "m.lamina")
    whole = read_fitted(tmp_path / "m.lamina", network)
    assert whole.anew == () and set(whole.weights) == set(weights)
    assert all(np.array_equal(whole.weights[n], weights[n]) for n in weights)
    other = read_fitted(tmp_path / "m.lamina", small("alexnet", ",head=two-layer,classes=6"))
    assert other.anew == ("head.4",)


def test_everything_that_does_not_fit_is_said_at_once() -> None:
    network = small("resnet-18")
    state = {n: a.numpy() for n, a in seeded("resnet-18").state_dict().items()}
    state["layer1.0.conv1.weight"] = state["layer1.0.conv1.weight"][:, :2]
    state["layer2.0.bn1.weight"] = state["layer2.0.bn1.weight"].astype(np.int64)
    state["extra.weight"] = np.zeros((2, 3), dtype=np.float32)
    del state["bn1.running_var"]
    with pytest.raises(ConversionError) as caught:
        fit_state(state, network, "w.pth")
    assert set(caught.value.mistakes) == {
        "bn1.running_var (4,) is missing",
        "layer1.0.conv1.weight has shape (4, 2, 3, 3); the network needs (4, 4, 3, 3)",
        "layer2.0.bn1.weight holds int64, not floating-point numbers",
        "extra.weight (2, 3) has no place in the network",
    }
    assert "w.pth do not fit network 'resnet-18'" in str(caught.value)


def test_weights_of_another_network_are_refused() -> None:
    state = {n: a.numpy() for n, a in seeded("alexnet").state_dict().items()}
    with pytest.raises(ConversionError) as caught:
        fit_state(state, small("vgg-16"))
    assert "features.0.weight has shape (4, 3, 11, 11); the network needs (4, 3, 3, 3)" in str(
        caught.value
    )
    assert "features.24.weight (32, 32, 3, 3) is missing" in str(caught.value)


def test_a_classifier_without_a_place_is_a_mistake_where_no_head_replaces_it() -> None:
    network = small("resnet-18")
    state = {n: a.numpy() for n, a in seeded("resnet-18").state_dict().items()}
    state["classifier.6.weight"] = np.zeros((3, 3), dtype=np.float32)
    with pytest.raises(ConversionError, match=r"classifier\.6\.weight \(3, 3\) has no place"):
        fit_state(state, network)


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    state = {
        n: a.half() if a.is_floating_point() else a
        for n, a in seeded("alexnet").state_dict().items()
    }
    torch.save({n: a.bfloat16() for n, a in state.items()}, tmp_path / "b.pth")
    save_arrays({n: a.numpy() for n, a in state.items()}, tmp_path / "h.safetensors")
    for path in (tmp_path / "b.pth", tmp_path / "h.safetensors"):
        assert {a.dtype for a in read_fitted(path, small("alexnet")).weights.values()} == {
            np.dtype(np.float32)
        }


class Trap:
    """Runs code when a pickle of it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("trapped"),))


def test_no_code_of_a_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Trap()}, tmp_path / "trap.pth")
    Path("trap.pkl").write_bytes(pickle.dumps(Trap()))
    for name in ("trap.pth", "trap.pkl"):
        with pytest.raises(ConversionError, match="weights only"):
            read_state(tmp_path / name)
    assert not Path("trapped").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not weights at all", "neither safetensors nor a torch file"),
        (b"", "neither safetensors nor a torch file"),
        (b"PK\x03\x04 cut off", "torch, reading weights only"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{broken", "safetensors"),
    ],
)
def test_a_file_that_holds_no_weights_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(ConversionError, match=said):
        read_state(path)


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"epoch": 3, "state_dict": {}}, "epoch is a value of int, no tensor"),
        ([torch.zeros(1)], "it holds a value of list, no state dict"),
        ({}, "an empty dict, no state dict"),
    ],
)
def test_a_torch_file_of_something_else_is_refused(held: Any, said: str, tmp_path: Path) -> None:
    torch.save(held, tmp_path / "w.pth")
    with pytest.raises(ConversionError, match=said):
        read_state(tmp_path / "w.pth")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="No such file"):
        read_state(tmp_path / "none.pth")
