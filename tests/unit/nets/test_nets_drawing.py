"""Networks as pictures: layers with shapes and counts, neurons with their weights."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings

from lamina.errors import NetworkError, UnknownNameError
from lamina.nets.drawing import draw_network, network_drawing
from lamina.nets.initial import initial_weights
from lamina.nets.layers.activations import ReLU
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import BatchNorm1d
from lamina.nets.network import Network, sequential
from lamina.nets.neurons import neurons_svg
from lamina.nets.zoo import digits_cnn, mlp, papers_1, sequence_transformer, small_unet
from lamina.testing.layer_strategies import networks

SVG = "{http://www.w3.org/2000/svg}"


def test_the_layer_graph_has_shapes_on_its_arrows_and_counts_in_its_boxes() -> None:
    drawing = network_drawing(small_unet())
    boxes = {box.title: box for box in drawing.nodes}
    assert boxes["Conv2d high"].detail == "kernel 3, padding same · 80 parameters"
    assert boxes["Concat join1"].kind == "merge"
    into = [line.label for line in drawing.edges if line.target == "layer join1"]
    assert into == ["16 × 16 × 16", "8 × 16 × 16"]  # noqa: RUF001 - the sign for times
    assert drawing.title == "small-unet · 14,561 parameters, 2.12 million operations a row"


def test_a_network_as_text_shows_its_skips() -> None:
    text = draw_network(sequence_transformer())
    assert "MultiheadAttention attention" in text
    assert "├─●" in text


def test_a_network_as_mermaid_names_every_layer() -> None:
    text = draw_network(digits_cnn(), "mermaid")
    assert text.count("-->") == len(digits_cnn().nodes) + 1


@settings(deadline=None, max_examples=25)
@given(networks())
def test_any_network_is_drawn_in_every_form(network: Network) -> None:
    for form in ("text", "mermaid"):
        assert all(node.name in draw_network(network, form) for node in network.nodes)
    root = ElementTree.fromstring(draw_network(network, "svg"))
    assert len(root.findall(f".//{SVG}g[@class='node']")) == sum(
        map(len, (network.inputs, network.nodes, network.outputs))
    )


def test_a_form_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="known: mermaid, svg, text"):
        draw_network(papers_1(), "gif")


def test_neurons_have_a_line_per_weight_and_a_ring_per_bias() -> None:
    network = papers_1()
    root = ElementTree.fromstring(
        neurons_svg(network, initial_weights(network, "xavier", 0), list("abcde"), ["malignant"])
    )
    lines = [p for p in root.iter(f"{SVG}path") if p.find(f"{SVG}title") is not None]
    assert len(lines) == 5 * 3 + 3
    circles = [c.get("class", "") for c in root.iter(f"{SVG}circle")]
    assert sum("cell" in c for c in circles) == 5 + 3 + 1
    assert sum("ring" in c for c in circles) == 3 + 1 + 1  # and one in the key
    texts = ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]
    assert {"a", "e", "malignant", "Linear l1", "3 units · ReLU"} <= set(texts)


def test_the_strongest_weight_is_drawn_last_and_in_the_colour_of_its_sign() -> None:
    network = sequential([Linear(2, 2)])
    weight = np.array([[0.1, -3.0], [0.2, 0.3]], np.float32)
    svg = neurons_svg(network, {"l1.weight": weight, "l1.bias": np.zeros(2, np.float32)})
    root = ElementTree.fromstring(svg)
    lines = [p for p in root.iter(f"{SVG}path") if p.find(f"{SVG}title") is not None]
    assert lines[-1].get("class") == "w neg"
    assert lines[-1].findtext(f"{SVG}title") == "x[1] → Linear l1[0]: -3"
    widths = [float(line.get("stroke-width", "0")) for line in lines]
    assert widths == sorted(widths)


def test_large_columns_leave_out_their_middle() -> None:
    root = ElementTree.fromstring(neurons_svg(mlp(40, (20,), 3)))
    cells = [c for c in root.iter(f"{SVG}circle") if "cell" in c.get("class", "")]
    assert len(cells) == 16 + 16 + 3
    texts = ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]
    assert {"24 more", "4 more", "40 values", "20 units · ReLU"} <= set(texts)


def test_layers_that_keep_the_shape_are_named_above_the_column() -> None:
    svg = neurons_svg(sequential([Linear(3, 2, bias=False), BatchNorm1d(), ReLU()]))
    assert "2 units · BatchNorm1d · ReLU" in svg


def test_odd_weights_do_not_break_the_picture() -> None:
    network = sequential([Linear(1, 1)])
    for value in (0.0, float("nan"), float("inf")):
        arrays = {
            "l1.weight": np.full((1, 1), value, np.float32),
            "l1.bias": np.zeros(1, np.float32),
        }
        svg = neurons_svg(network, arrays)
        ElementTree.fromstring(svg)
        assert '"nan"' not in svg and '"inf"' not in svg


def test_names_are_escaped() -> None:
    ElementTree.fromstring(neurons_svg(sequential([Linear(1, 1)], name="<&>"), None, ["a<b"]))


def test_a_network_that_is_not_dense_is_refused_with_every_reason() -> None:
    with pytest.raises(NetworkError) as caught:
        neurons_svg(small_unet())
    assert caught.value.mistakes[0] == "the layers do not form one chain"
    assert "lamina graph" in caught.value.way_out
    assert any("Conv2d high is not dense" in mistake for mistake in caught.value.mistakes)


def test_names_and_weights_of_another_size_are_refused() -> None:
    with pytest.raises(NetworkError, match="2 names for 5 inputs"):
        neurons_svg(papers_1(), None, ["a", "b"])
    with pytest.raises(NetworkError, match=r"l1.weight needs shape \(3, 5\); it gets nothing"):
        neurons_svg(papers_1(), {})
