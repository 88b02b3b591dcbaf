"""The papers' documents: trainer specification and model@ file, read and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import ConversionError, DocumentError, LaminaError
from lamina.nets.bundle import Bundle
from lamina.nets.convert.dataview import (
    TrainerSpecification,
    model_text,
    parse_model,
    parse_trainer,
    read_model,
    read_trainer,
    write_model,
    write_trainer,
)
from lamina.nets.initial import initial_weights
from lamina.nets.layers import LAYERS
from lamina.nets.layers.activations import ReLU, Sigmoid, Tanh
from lamina.nets.layers.linear import Linear
from lamina.nets.network import Network, sequential

TRAINER = (
    '{"wIpt":"cancer.csv","wOpt":"out","numOfBatches":"5","numOfEpochs":"1000",'
    '"LayerArc":{"0":"0,5,3","1":"1","2":"0,3,1","3":"2"}}\n'
)
MODEL = (
    '{"DeviceInfo":"some GPU","LayerArc":{"0":"0,2,3","1":"1","2":"0,3,1","3":"2"},'
    '"SavedModel":{"0":{"bias":"[0.10000000,0.20000000,0.30000000]",'
    '"weight":"[[1.00000000,2.00000000,3.00000000],[4.00000000,5.00000000,6.00000000]]"},'
    '"2":{"bias":"[-0.50000000]","weight":"[0.25000000,-0.12500000,1.50000000]"}},'
    '"TestingAccuracy":0.814159,"TrainingCostAtEpoch":{"0":0.539,"100":0.402}}\n'
)


def test_a_trainer_specification_is_read_whole() -> None:
    found = parse_trainer(TRAINER)
    assert (found.data, found.output) == ("cancer.csv", "out")
    assert (found.batches, found.epochs) == (5, 1000)
    assert [n.layer.kind for n in found.network.nodes] == ["Linear", "ReLU", "Linear", "Sigmoid"]
    assert found.network.inputs[0].shape == (5,)


def test_a_trainer_specification_is_written_as_it_was_read() -> None:
    assert parse_trainer(TRAINER).to_text() == TRAINER


def test_white_space_and_an_inner_json_text_are_tolerated() -> None:
    document = json.loads(TRAINER)
    document["LayerArc"] = {"0": " 0, 5 ,3 ", "1": " 1", "2": "0,3,1", "3": "2 "}
    spaced = "\n  " + json.dumps(document, indent=4) + "\n\n"
    document["LayerArc"] = json.dumps(document["LayerArc"])
    assert parse_trainer(spaced) == parse_trainer(TRAINER) == parse_trainer(json.dumps(document))


def test_model_weights_are_transposed_to_torch() -> None:
    bundle = parse_model(MODEL)
    assert bundle.weights["l1.weight"].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert bundle.weights["l2.weight"].tolist() == [[0.25, -0.125, 1.5]]
    assert bundle.weights["l2.bias"].tolist() == [-0.5]
    assert bundle.metrics["accuracy"] == 0.814159
    assert bundle.metrics["cost"] == {"0": 0.539, "100": 0.402}
    assert (bundle.task, bundle.loss, bundle.device) == ("binary", "bce", "some GPU")


def test_what_a_model_file_does_not_say_is_named_unknown() -> None:
    unknown = parse_model(MODEL).settings["unknown"]
    assert {"seed", "learning_rate", "preparation", "labels"} <= set(unknown)
    assert parse_model(MODEL).seed is None


def test_a_model_is_written_as_it_was_read(tmp_path: Path) -> None:
    path = write_model(parse_model(MODEL), tmp_path)
    assert path.name.startswith("model@")
    assert path.read_text() == MODEL
    assert read_model(path).name == path.name


def test_a_trainer_file_comes_back(tmp_path: Path) -> None:
    path = write_trainer(parse_trainer(TRAINER), tmp_path / "t.json")
    assert read_trainer(path) == parse_trainer(TRAINER)


@st.composite
def chains(draw: st.DrawFn) -> Network:
    widths = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5))
    layers: list[Any] = []
    for taken, given_ in pairwise(widths):
        layers.append(Linear(taken, given_))
        layers.append(draw(st.sampled_from([ReLU(), Sigmoid()])))
    return sequential(layers, name="dataview")


@given(network=chains(), seed=st.integers(0, 99), batches=st.integers(1, 50))
@settings(deadline=None, max_examples=40)
def test_both_documents_round_trip(network: Network, seed: int, batches: int) -> None:
    told = TrainerSpecification(network, "d.csv", "o", batches, 10)
    assert parse_trainer(told.to_text()) == told
    weights = initial_weights(network, "xavier", seed)
    again = parse_model(model_text(Bundle(network, weights)))
    assert again.network == network
    for name, array in weights.items():
        np.testing.assert_allclose(again.weights[name], array, atol=5.1e-9, rtol=1e-7)


def test_layers_that_the_papers_do_not_have_are_all_refused() -> None:
    network = sequential([Linear(2, 2), Tanh(), Linear(2, 2), LAYERS.get("GELU")()])
    with pytest.raises(ConversionError) as caught:
        parse_trainer(replace(parse_trainer(TRAINER), network=network).to_text())
    assert caught.value.mistakes == ("Tanh t1 has no code", "GELU g1 has no code")


def trainer_with(**changes: object) -> str:
    document = json.loads(TRAINER)
    document.update(changes)
    return json.dumps({k: v for k, v in document.items() if v is not None})


def model_with(change: Callable[[dict[str, Any]], object]) -> str:
    document = json.loads(MODEL)
    change(document)
    return json.dumps(document)


BROKEN_TRAINERS = {
    "empty": ("", "is not JSON"),
    "a list": ("[1]", "holds a list"),
    "too deep": ('{"a":' * 100_000, "is "),
    "no layers": (trainer_with(LayerArc={}), "at least one layer"),
    "layers are a number": (trainer_with(LayerArc=3), "not an object"),
    "no epochs": (trainer_with(numOfEpochs=None), "'numOfEpochs' is missing"),
    "unknown key": (trainer_with(rate="0.1"), "unknown key 'rate'"),
    "zero epochs": (trainer_with(numOfEpochs="0"), "numOfEpochs is '0'"),
    "epochs are a word": (trainer_with(numOfEpochs="many"), "numOfEpochs is 'many'"),
    "unknown code": (trainer_with(LayerArc={"0": "0,5,3", "1": "7"}), "'7': codes are"),
    "a gap": (trainer_with(LayerArc={"0": "0,5,3", "2": "2"}), "without a gap"),
    "sizes": (trainer_with(LayerArc={"0": "0,5,3", "1": "0,4,1"}), "takes 4 features; it gets 3"),
    "negative size": (trainer_with(LayerArc={"0": "0,5,-3"}), "'-3'"),
    "two numbers": (trainer_with(LayerArc={"0": "0,5"}), "'0,5': codes are"),
    "activation first": (trainer_with(LayerArc={"0": "1", "1": "0,5,3"}), "begins with"),
    "key twice": ('{"wIpt":"a","wIpt":"b"}', "'wIpt' stands twice"),
    "data is a number": (trainer_with(wIpt=3), "wIpt is 3"),
}
BROKEN_MODELS = {
    "no weights": (model_with(lambda d: d.pop("SavedModel")), "'SavedModel' is missing"),
    "a layer lacks": (model_with(lambda d: d["SavedModel"].pop("2")), "SavedModel[2] lacks"),
    "left over": (
        model_with(lambda d: d["SavedModel"].update({"1": {}})),
        "SavedModel[1] belongs to no Linear",
    ),
    "bias size": (
        model_with(lambda d: d["SavedModel"]["0"].update(bias="[1,2]")),
        "SavedModel[0].bias has shape (2,): (3,) fits",
    ),
    "transposed": (
        model_with(lambda d: d["SavedModel"]["0"].update(weight="[[1,4],[2,5],[3,6]]")),
        "has shape (3, 2): (2, 3) fits",
    ),
    "ragged": (
        model_with(lambda d: d["SavedModel"]["0"].update(weight="[[1,4],[2]]")),
        "equal rows",
    ),
    "nan": (model_with(lambda d: d["SavedModel"]["2"].update(bias="[NaN]")), "finite"),
    "c++ nan": (model_with(lambda d: d["SavedModel"]["2"].update(bias="[-nan(ind)]")), "numbers"),
    "not text": (model_with(lambda d: d["SavedModel"]["2"].update(bias=None)), "finite"),
    "accuracy": (model_with(lambda d: d.update(TestingAccuracy="high")), "'high'"),
    "cost": (model_with(lambda d: d.update(TrainingCostAtEpoch=[1])), "epoch and cost"),
}


@pytest.mark.parametrize("case", BROKEN_TRAINERS)
def test_a_broken_trainer_specification_gives_one_error(case: str) -> None:
    text, message = BROKEN_TRAINERS[case]
    with pytest.raises(DocumentError) as caught:
        parse_trainer(text, "t.json")
    assert message in caught.value.message
    assert caught.value.way_out


@pytest.mark.parametrize("case", BROKEN_MODELS)
def test_a_broken_model_file_gives_one_error(case: str) -> None:
    text, message = BROKEN_MODELS[case]
    with pytest.raises(DocumentError) as caught:
        parse_model(text, "model@1")
    assert message in caught.value.message
    assert caught.value.way_out


def test_all_mistakes_are_said_at_once() -> None:
    text = trainer_with(numOfEpochs="x", wIpt=None, LayerArc={"0": "0,5,3", "1": "9", "3": "8"})
    with pytest.raises(DocumentError) as caught:
        parse_trainer(text)
    assert len(caught.value.mistakes) == 5


@given(text=st.text(max_size=200))
@settings(deadline=None, max_examples=60)
def test_no_text_escapes_the_error_tree(text: str) -> None:
    for parse in (parse_trainer, parse_model):
        with pytest.raises(LaminaError):
            parse(text)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, message in (("none", "cannot be read"), ("binary", "UTF-8")):
        with pytest.raises(DocumentError, match=message):
            read_trainer(tmp_path / name)
