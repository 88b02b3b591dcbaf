"""Network documents: nothing lost on the way, all mistakes at once, every form is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lamina.errors import DocumentError, NetworkError, UnknownNameError
from lamina.nets.document import (
    network_from_document,
    network_text,
    network_to_document,
    parse_network,
    read_network,
    write_network,
)
from lamina.nets.layers import LAYERS
from lamina.nets.layers.embedding import Embedding
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.settings import setting_types
from lamina.nets.network import Network, sequential
from lamina.nets.schema import generated_schema, network_schema, schema_text
from lamina.nets.zoo import ZOO, mlp, small_unet
from lamina.testing.layer_strategies import networks

GOOD: dict[str, Any] = {
    "lamina": "network/1",
    "inputs": {"x": 4},
    "layers": [{"l1": {"layer": "Linear", "out_features": 2}}, {"r1": "ReLU"}],
}


def mistakes_of(changes: dict[str, Any]) -> tuple[str, ...]:
    document = {key: value for key, value in {**GOOD, **changes}.items() if value != "left out"}
    with pytest.raises(DocumentError) as caught:
        network_from_document(document)
    assert caught.value.way_out
    return caught.value.mistakes


@settings(deadline=None, max_examples=60)
@given(networks())
def test_a_network_comes_back_from_yaml_and_json_as_it_was(network: Network) -> None:
    document = network_to_document(network)
    assert network_from_document(json.loads(json.dumps(document))) == network
    assert parse_network(network_text(network, "yaml")) == network
    assert parse_network(network_text(network, "json")) == network
    assert json.loads(network_text(network, "json")) == document


@settings(deadline=None, max_examples=30)
@given(networks())
def test_documents_obey_the_published_schema(network: Network) -> None:
    Draft202012Validator(network_schema()).validate(network_to_document(network))


@pytest.mark.parametrize("name", ZOO.names())
def test_the_zoo_comes_back_from_its_documents(name: str, tmp_path: Path) -> None:
    network = read_network(name)
    Draft202012Validator(network_schema()).validate(network_to_document(network))
    for file in ("n.yaml", "n.json"):
        write_network(network, tmp_path / file)
        assert read_network(tmp_path / file) == network
        assert read_network(str(tmp_path / file)) == network


def test_the_shipped_schema_is_the_one_that_the_layers_make() -> None:
    made = generated_schema(LAYERS.names())
    Draft202012Validator.check_schema(made)
    assert schema_text(network_schema()) == schema_text(json.loads(schema_text(made))), (
        "run: python -m lamina.nets.schema > src/lamina/nets/network.schema.json"
    )


def test_a_document_reads_well_and_has_one_line_per_layer() -> None:
    network = sequential(
        [Embedding(9, 2), ("out", Linear(out_features=1, bias=False))],
        (3,),
        name="codes",
        values="int",
    )
    assert network_text(network) == (
        "lamina: network/1\n"
        "name: codes\n"
        "inputs:\n"
        "  x: {shape: 3, values: int}\n"
        "layers:\n"
        "  - e1: {layer: Embedding, num_embeddings: 9, embedding_dim: 2}\n"
        "  - out: {layer: Linear, out_features: 1, bias: false}\n"
        "outputs: [out]\n"
    )


def test_a_change_of_one_layer_changes_one_line() -> None:
    before, after = (network_text(mlp(8, (width, 3), name="n")) for width in (5, 6))
    changed = [
        pair
        for pair in zip(before.splitlines(), after.splitlines(), strict=True)
        if len(set(pair)) > 1
    ]
    assert [line.split(":")[0] for line, _ in changed] == ["  - l1", "  - l2"]


def test_what_people_leave_out_is_filled_in() -> None:
    text = """
    lamina: network/1
    inputs: {x: [4], y: 4}
    layers:
      - a: {layer: Linear, out_features: 4, from: x}
      - r: ReLU
      - s: {layer: Add, from: [r, y]}
    """
    network = parse_network(text)
    assert network.outputs == ("s",)
    assert network["r"].sources == ("a",)
    assert network.name == "network"


def test_all_mistakes_are_said_at_once_with_the_layers_name() -> None:
    layers = [
        {"l1": {"layer": "Linear", "out_feature": 3, "bias": "yes"}},
        {"c1": {"layer": "Conv4d"}},
        "ReLU",
        {"g1": {"layer": "GroupNorm", "from": 3}},
        {"n1": {"kind": "ReLU"}},
        {7: "ReLU"},
    ]
    found = mistakes_of({"layers": layers, "outputs": [1], "colour": "red"})
    assert found[0] == "unknown key 'colour'; known: lamina, name, inputs, layers, outputs"
    assert (
        found[1]
        == "layer l1: Linear has no setting 'out_feature'; known: in_features, out_features, bias"
    )
    assert found[2] == "layer l1: Linear bias must be true or false; it is 'yes'"
    assert found[3].startswith("layer c1: unknown layer 'Conv4d'; did you mean 'Conv")
    assert found[4:] == (
        "layers, item 3: is text; it is one name with its layer, such as {r1: ReLU}",
        "layer g1: GroupNorm needs num_groups (a whole number)",
        "layer g1: from is 3; it is a name or a list of names",
        "layer n1: does not say its layer, such as {layer: ReLU}",
        "layers, item 6: the name is 7; it is text: put it in quotes",
        "outputs is [1]; it is a name or a list of names",
    )


@pytest.mark.parametrize(
    ("changes", "mistake"),
    [
        ({"lamina": "network/2"}, "says lamina: network/2; a network document says"),
        ({"lamina": "left out"}, "lacks its first line"),
        ({"inputs": "left out"}, "inputs: is missing"),
        ({"inputs": {}}, "inputs: is an empty mapping"),
        ({"inputs": {"x": 0}}, "input x: shape is 0"),
        ({"inputs": {"x": [3, True]}}, "input x: shape is [3, True]"),
        ({"inputs": {"x": 2.5}}, "input x: shape is 2.5"),
        ({"inputs": {"x": {"shape": 3, "values": "text"}}}, "values is 'text'; known: float, int"),
        ({"inputs": {"x": {"shape": 3, "unit": "m"}}}, "unknown key 'unit'; known: shape, values"),
        ({"inputs": {3: 4}}, "an input's name is 3; it is text"),
        ({"layers": []}, "layers: is an empty list"),
        ({"layers": {"l1": "ReLU"}}, "layers: is a mapping; give a list"),
        ({"layers": [{"a": "ReLU", "b": "ReLU"}]}, "layers, item 1: is a mapping"),
        ({"layers": [{"a": None}]}, "layer a: does not say its layer"),
        ({"layers": [{"a": {"layer": ["ReLU"]}}]}, "layer a: unknown layer"),
        ({"inputs": {"x": 1, "y": 1}}, "layer l1: say what it reads with from: [...]"),
        ({"name": 3}, "name is 3; it is text"),
    ],
)
def test_a_broken_document_is_refused_in_words(changes: dict[str, Any], mistake: str) -> None:
    assert any(mistake in found for found in mistakes_of(changes))


@pytest.mark.parametrize("document", [None, 3, "text", [], [GOOD], {}])
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(DocumentError):
        network_from_document(document)


SOURCES = st.sampled_from([["x"], ["x", "x"], ["x", "x", "x"]])
ODD = st.sampled_from(
    [
        0,
        1,
        -1,
        2,
        3,
        10**30,
        -(10**30),
        0.5,
        1e308,
        -1e308,
        True,
        None,
        "",
        "same",
        "tanh",
        "bilinear",
    ]
) | st.lists(st.sampled_from([0, 1, -1, 2, 10**30, 1e308, None, "a"]), max_size=4)


@pytest.mark.parametrize("kind", LAYERS.names())
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_odd_settings_and_shapes_are_taken_or_refused_in_words(
    kind: str, data: st.DataObject
) -> None:
    names = list(setting_types(LAYERS.get(kind)))
    given = data.draw(st.dictionaries(st.sampled_from(names), ODD)) if names else {}
    shape = data.draw(st.lists(st.sampled_from([1, 2, 3, 4, 10**30]), max_size=5))
    values = LAYERS.get(kind).values.replace("any", "int")
    document = {
        "lamina": "network/1",
        "inputs": {"x": {"shape": shape, "values": values}},
        "layers": [{"a": {"layer": kind, **given, "from": data.draw(SOURCES)}}],
    }
    try:
        network = network_from_document(document)
    except (DocumentError, NetworkError) as error:
        assert error.mistakes
    else:
        assert network.cost() >= 0
        assert network.parameter_count() >= 0
        assert network_from_document(network_to_document(network)) == network


def test_a_sound_document_whose_layers_do_not_fit_is_a_network_error() -> None:
    document = {
        **GOOD,
        "layers": [{"l1": {"layer": "Linear", "in_features": 3, "out_features": 1}}],
    }
    with pytest.raises(NetworkError, match="Linear l1 needs 3 features; it gets 4 from input x"):
        network_from_document(document)


def test_a_name_that_is_neither_network_nor_file_is_answered_with_the_zoo() -> None:
    with pytest.raises(DocumentError, match=r"did you mean 'papers-5'\?(.|\n)*small-unet"):
        read_network("paper-5")


def test_sizes_are_a_dense_network() -> None:
    assert read_network("8-5-3-1") == mlp(8, (5, 3))


def test_the_papers_documents_are_read(tmp_path: Path) -> None:
    arc = {"0": "0,5,3", "1": "1", "2": "0,3,1", "3": "2"}
    trainer = {
        "wIpt": "d.csv",
        "wOpt": "o",
        "numOfBatches": "5",
        "numOfEpochs": "9",
        "LayerArc": arc,
    }
    (tmp_path / "trainer.json").write_text(json.dumps(trainer))
    saved = {
        "0": {"bias": "[1,2,3]", "weight": json.dumps([[1, 2, 3]] * 5)},
        "2": {"bias": "[1]", "weight": "[1,2,3]"},
    }
    (tmp_path / "model@1a").write_text(json.dumps({"LayerArc": arc, "SavedModel": saved}))
    for file in ("trainer.json", "model@1a"):
        network = read_network(tmp_path / file)
        assert [node.layer for node in network.nodes] == [node.layer for node in mlp(5, (3,)).nodes]


def test_a_form_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="known: json, yaml"):
        network_text(small_unet(), "toml")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be written"):
        write_network(small_unet(), tmp_path)
