"""ONNX export: every layer computes in onnxruntime what it computes in torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamina.errors import ConversionError, LaminaError
from lamina.nets.bundle import Bundle
from lamina.nets.convert.onnx_graph import OPSET
from lamina.nets.convert.onnx_layers import EXPORTERS
from lamina.nets.convert.onnx_out import check_onnx, to_onnx
from lamina.nets.initial import Weights
from lamina.nets.layers import LAYERS
from lamina.nets.layers.activations import ReLU, Sigmoid
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import BatchNorm1d
from lamina.nets.network import Network, sequential
from lamina.nets.zoo import ZOO, mlp
from lamina.testing.layer_strategies import fitting, networks
from lamina.testing.layers import single, small_zoo

SMALL = sequential([Linear(3, 4), ReLU(), Linear(4, 1), Sigmoid()], name="small")


def random_weights(network: Network, seed: int = 0) -> Weights:
    """Parameters and statistics that are nowhere zero or one."""
    generator = np.random.default_rng(seed)
    shapes = {**network.parameters(), **network.buffers()}
    return {
        name: generator.uniform(0.1, 0.7, shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def bundle(preparation: dict[str, Any] | None = None) -> Bundle:
    weights = random_weights(SMALL)
    return Bundle(SMALL, weights, preparation or {}, ("no", "yes"), "binary", name="small")


def statistics_missing(network: Network) -> bool:
    layer = network.nodes[0].layer
    return getattr(layer, "track_running_stats", True) is False


@pytest.mark.parametrize("kind", LAYERS.names())
@settings(
    deadline=None,
    max_examples=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_every_layer_gives_the_numbers_of_torch(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    layer, shapes = data.draw(fitting(kind))
    network = single(layer, shapes)
    path = tmp_path_factory.mktemp("onnx") / "layer.onnx"
    weights = random_weights(network)
    if statistics_missing(network):
        with pytest.raises(ConversionError, match="depends on the other rows"):
            to_onnx(network, path, weights)
        return
    to_onnx(network, path, weights)
    check = check_onnx(path, network, weights, rows=3)
    assert check.largest <= 2e-5 * max(1.0, check.scale), (layer, shapes)


@given(network=networks(), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
def test_networks_with_skips_give_the_numbers_of_torch(
    network: Network, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("onnx") / "network.onnx"
    weights = random_weights(network, seed)
    to_onnx(network, path, weights)
    check = check_onnx(path, network, weights, seed=seed)
    assert check.largest <= 1e-4 * max(1.0, check.scale)


@pytest.mark.parametrize("name", ZOO.names())
def test_networks_of_the_zoo_give_the_numbers_of_torch(name: str, tmp_path: Path) -> None:
    network = small_zoo(name)
    weights = random_weights(network)
    check = check_onnx(to_onnx(network, tmp_path / "z.onnx", weights), network, weights, rows=2)
    assert check.largest <= 1e-4 * max(1.0, check.scale)


def test_every_layer_of_the_table_has_an_exporter() -> None:
    assert set(EXPORTERS) == set(LAYERS.names())


def test_equal_models_give_equal_files_with_a_free_batch_axis(tmp_path: Path) -> None:
    one, other = (to_onnx(bundle(), tmp_path / name) for name in ("a.onnx", "b.onnx"))
    assert one.read_bytes() == other.read_bytes()
    made = onnx.load(str(one))
    assert made.opset_import[0].version == OPSET
    assert made.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "rows"
    session = onnxruntime.InferenceSession(str(one), providers=["CPUExecutionProvider"])
    for rows in (1, 7):
        assert session.run(None, {"x": np.zeros((rows, 3), np.float32)})[0].shape == (rows, 1)


def test_names_of_values_are_those_of_the_network(tmp_path: Path) -> None:
    made = onnx.load(str(to_onnx(bundle(), tmp_path / "m.onnx")))
    assert [node.output[0] for node in made.graph.node] == ["l1", "r1", "l2", "s1"]
    assert {array.name for array in made.graph.initializer} == set(SMALL.parameters())
    told = {entry.key: entry.value for entry in made.metadata_props}
    assert told["labels"] == "no\nyes"
    assert told["digest"] == bundle().digest


@pytest.mark.parametrize("nested", [False, True])
def test_normalisation_is_part_of_the_file(tmp_path: Path, nested: bool) -> None:
    told = {"shift": [1000.0, -5.0, 0.25], "scale": [0.001, 2.0, 0.0]}
    model = bundle({"arrays": told} if nested else told)
    path = to_onnx(model, tmp_path / "m.onnx")
    assert check_onnx(path, model).largest < 1e-5
    raw = np.array([[1500.0, -4.0, 9.0]], np.float32)
    prepared = ((raw - np.array(told["shift"])) * np.array(told["scale"])).astype(np.float32)
    bare = to_onnx(model, tmp_path / "bare.onnx", preprocessing=False)
    results = [
        onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]).run(
            None, {"x": rows}
        )[0]
        for file, rows in ((path, raw), (bare, prepared))
    ]
    np.testing.assert_allclose(results[0], results[1], atol=1e-6)
    assert check_onnx(bare, model).largest < 1e-5


PRICES = sequential([Linear(3, 4), ReLU(), Linear(4, 2)], name="prices")


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("normalised", [False, True])
def test_the_scale_of_a_target_is_undone_in_the_file(
    tmp_path: Path, nested: bool, normalised: bool
) -> None:
    told: dict[str, Any] = {"target_shift": [152.0, -3.0], "target_scale": [0.013, 0.0]}
    if normalised:
        told |= {"shift": [1000.0, -5.0, 0.25], "scale": [0.001, 2.0, 0.0]}
    preparation = {"arrays": told} if nested else told
    model = Bundle(PRICES, random_weights(PRICES), preparation, name="prices")
    path, bare = (
        to_onnx(model, tmp_path / f"{whole}.onnx", preprocessing=whole) for whole in (True, False)
    )
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    seen = rows
    if normalised:
        seen = ((rows - np.array(told["shift"])) * np.array(told["scale"])).astype(np.float32)
    results = [
        onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]).run(
            ["l2"], {"x": given_rows}
        )[0]
        for file, given_rows in ((path, rows), (bare, seen))
    ]
    assert results[0].dtype == np.float32
    np.testing.assert_allclose(results[0][:, 0], results[1][:, 0] / 0.013 + 152.0, rtol=1e-5)
    assert set(results[0][:, 1]) == {-3.0}
    for file in (path, bare):
        check = check_onnx(file, model)
        assert check.largest <= 1e-5 * check.scale


@pytest.mark.parametrize("wrong", [[1.0], ["x", "y"], [None, 1.0]])
def test_a_scale_of_a_target_that_does_not_fit_is_refused(tmp_path: Path, wrong: Any) -> None:
    model = Bundle(PRICES, random_weights(PRICES), {"target_shift": wrong, "target_scale": wrong})
    with pytest.raises(ConversionError, match=r"shape \(2,\) of its output"):
        to_onnx(model, tmp_path / "m.onnx")


@pytest.mark.parametrize("last", ["", "Sigmoid"])
def test_a_trained_regression_predicts_the_same_from_its_file(tmp_path: Path, last: str) -> None:
    from lamina.data.tables import Table
    from lamina.training import tasks

    generator = np.random.default_rng(0)
    table = Table({name: generator.random(60).astype(np.float32) for name in "abc"})
    table = table.with_columns({"price": 150.0 + 40.0 * table["a"] - 9.0 * table["b"]})
    options = {"engine": "fused", "kind": "regression"}
    network = mlp(3, [4], 1, last=last)
    model = tasks.train(network, table, "price", "holdout", {"epochs": 30}, options)
    path = to_onnx(model, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rows = np.column_stack([table[name] for name in "abc"]).astype(np.float32)
    (found,) = session.run(None, {"x": rows})
    np.testing.assert_allclose(found[:, 0], tasks.predict(model, table)["prediction"], rtol=1e-5)
    assert check_onnx(path, model).largest < 0.01


def test_the_check_finds_a_file_of_another_model(tmp_path: Path) -> None:
    path = to_onnx(SMALL, tmp_path / "m.onnx", random_weights(SMALL, 1))
    assert check_onnx(path, SMALL, random_weights(SMALL, 2)).largest > 1e-3


@dataclass(frozen=True)
class Doubled(ReLU):
    """A layer of a plug-in that ONNX export has never heard of."""


def test_layers_without_an_operator_are_all_named(tmp_path: Path) -> None:
    network = sequential([Doubled(), BatchNorm1d(track_running_stats=False), Doubled()], 3)
    path = tmp_path / "m.onnx"
    with pytest.raises(ConversionError) as caught:
        to_onnx(network, path, random_weights(network))
    assert len(caught.value.mistakes) == 3
    assert "Doubled d1: there is no such operator" in caught.value.mistakes
    assert not path.exists()


def broken_file(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not onnx")
    check_onnx(tmp_path / "m.onnx", SMALL, random_weights(SMALL))


def file_of_another_network(tmp_path: Path) -> None:
    other = sequential([Linear(2, 1)], name="other")
    path = to_onnx(other, tmp_path / "o.onnx", random_weights(other))
    check_onnx(path, SMALL, random_weights(SMALL))


def weights_missing(tmp_path: Path) -> None:
    to_onnx(SMALL, tmp_path / "m.onnx")


def weights_of_another_network(tmp_path: Path) -> None:
    to_onnx(SMALL, tmp_path / "m.onnx", random_weights(sequential([Linear(2, 1)])))


def folder_missing(tmp_path: Path) -> None:
    to_onnx(bundle(), tmp_path / "no" / "m.onnx")


def normalisation_of_another_width(tmp_path: Path) -> None:
    to_onnx(replace(bundle(), preparation={"shift": [1.0], "scale": [2.0]}), tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (broken_file, "does not run as network 'small'"),
        (file_of_another_network, "does not run as network 'small'"),
        (weights_missing, "is missing"),
        (weights_of_another_network, "belongs to no layer|is missing|fits"),
        (folder_missing, "cannot be written"),
        (normalisation_of_another_width, "does not have the shape"),
    ],
)
def test_what_goes_wrong_is_one_error_with_a_way_out(
    act: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(LaminaError, match=message) as caught:
        act(tmp_path)
    assert caught.value.way_out
