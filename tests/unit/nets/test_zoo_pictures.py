"""Networks for pictures: published sizes, heads, input shapes, arguments in text."""

from __future__ import annotations

from math import prod

import pytest

from lamina.errors import DocumentError, LaminaError, NetworkError
from lamina.nets.document import network_from_document, network_to_document, read_network
from lamina.nets.zoo_pictures import alexnet, gantt_cnn, resnet_18, vgg_16

PUBLISHED = {"alexnet": 61_100_840, "vgg-16": 138_357_544, "resnet-18": 11_689_512}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_network_has_the_published_number_of_parameters(name: str) -> None:
    network = read_network(name)
    assert network.parameter_count() == PUBLISHED[name]
    assert network.shapes[network.outputs[0]] == (1000,)
    assert network.inputs[0].shape == (3, 224, 224)


def test_the_papers_cnn_has_five_convolutions_and_three_linear_layers() -> None:
    network = gantt_cnn()
    kinds = [node.layer.kind for node in network.nodes]
    assert kinds[:15] == ["Conv2d", "BatchNorm2d", "LeakyReLU"] * 5
    assert kinds[15:] == ["Flatten", *["Linear", "ReLU", "Dropout"] * 2, "Linear"]
    rates = [node.layer.settings()["p"] for node in network.nodes if node.layer.kind == "Dropout"]
    assert rates == [0.4, 0.4]
    assert network.inputs[0].shape == (3, 512, 512)
    assert network.shapes[network.outputs[0]] == (4,)


@pytest.mark.parametrize(
    ("side", "step", "last"), [(512, 4, 8), (256, 2, 8), (128, 2, 4), (64, 2, 2), (1024, 8, 8)]
)
def test_the_papers_cnn_takes_longer_steps_over_larger_charts(
    side: int, step: int, last: int
) -> None:
    network = gantt_cnn(4, (3, side, side))
    first = network["features.conv1"].layer.settings()
    assert (first["stride"], first["kernel_size"]) == (step, step + 1)
    assert network.shapes["features.conv1"] == (16, side // step, side // step)
    assert network.shapes["features.leaky5"] == (64, last, last)


@pytest.mark.parametrize(
    ("name", "removed", "features"),
    [("alexnet", "classifier.6", 4096), ("vgg-16", "classifier.6", 4096), ("resnet-18", "fc", 512)],
)
def test_the_two_layer_head_takes_the_place_of_the_last_classifier(
    name: str, removed: str, features: int
) -> None:
    plain = read_network(name)
    headed = read_network(f"{name}:head=two-layer,classes=4")
    tail = [node.layer.kind for node in headed.nodes[-5:]]
    assert tail == ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear"]
    assert headed.shapes[headed.outputs[0]] == (4,)
    assert headed.parameters()["head.0.weight"] == (256, features)
    body = {n: s for n, s in plain.parameters().items() if not n.startswith(f"{removed}.")}
    kept = {n: s for n, s in headed.parameters().items() if not n.startswith("head.")}
    assert kept == body
    lost = prod(plain.parameters()[f"{removed}.weight"]) + 1000
    gained = features * 256 + 256 + 2 * 256 + 256 * 4 + 4
    assert headed.parameter_count() == plain.parameter_count() - lost + gained


@pytest.mark.parametrize("shape", [(3, 512, 512), (1, 64, 96)])
def test_pictures_of_other_sizes_give_the_same_parameters_behind_the_first_layer(
    shape: tuple[int, ...],
) -> None:
    for make in (alexnet, vgg_16, resnet_18):
        other, usual = make(shape=shape).parameters(), make().parameters()
        first = next(iter(usual))
        assert list(other) == list(usual)
        assert other[first][1] == shape[0]
        assert {n: s for n, s in other.items() if n != first} == {
            n: s for n, s in usual.items() if n != first
        }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alexnet:shape=3x62x62", "features.12 needs an input of at least 3 x 3"),
        ("vgg-16:shape=3x31x31", "needs an input of at least 2 x 2"),
        ("resnet-18:shape=3x8", "channels x height x width"),
        ("resnet-18:width=0", "a share above 0"),
        ("resnet-18:head=three", "choose from linear, two-layer"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(text: str, said: str) -> None:
    with pytest.raises(NetworkError, match=said):
        read_network(text)


def test_a_width_narrows_every_layer() -> None:
    network = alexnet(classes=4, width=0.125, shape=(3, 64, 64))
    assert network.parameters()["features.0.weight"] == (8, 3, 11, 11)
    assert network.parameters()["classifier.6.weight"] == (4, 512)


def test_arguments_stand_behind_a_colon() -> None:
    told = read_network("resnet-18:classes=10, shape=1x8x8, width=0.25, head=two-layer")
    assert told == resnet_18(classes=10, shape=(1, 8, 8), width=0.25, head="two-layer")
    assert network_from_document(network_to_document(told)) == told


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("alexnet:size=3,classes=0", ["there is no argument 'size'", "classes = '0'"]),
        ("alexnet:classes", ["'classes': an argument is written name=value"]),
        ("alexnet:classes=4,classes=5", ["classes is given twice"]),
        ("alexnet:shape=3x,width=wide", ["shape = '3x'", "width = 'wide'"]),
        ("lenet-5:classes=4", ["there is no argument 'classes'"]),
    ],
)
def test_wrong_arguments_are_said_all_at_once(text: str, mistakes: list[str]) -> None:
    with pytest.raises(DocumentError) as caught:
        read_network(text)
    assert len(caught.value.mistakes) == len(mistakes)
    for mistake, said in zip(mistakes, caught.value.mistakes, strict=True):
        assert mistake in said
    takes = "takes no arguments" if text.startswith("lenet") else "classes (a whole number from 1)"
    assert takes in caught.value.way_out


def test_a_name_that_the_zoo_does_not_know_stays_a_path() -> None:
    with pytest.raises(LaminaError, match="no such file"):
        read_network("alexnot:classes=4")
