"""Import of .keras files: Keras's own numbers, and refusals that are complete and safe."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from lamina.errors import ConversionError
from lamina.nets.convert.keras_file import CONFIG, METADATA, WEIGHTS
from lamina.nets.convert.keras_graph import snake_case
from lamina.nets.convert.keras_in import from_keras
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.network import Network

GOLDEN = Path(__file__).parents[2] / "golden" / "keras"

Config = dict[str, Any]


def channels_first(array: np.ndarray[Any, Any], network: Network, name: str) -> torch.Tensor:
    """Keras's rows in the axes of our input or output."""
    shape = network.shapes[name]
    same = array.shape[1:] == shape
    return torch.from_numpy(array if same else np.moveaxis(array, -1, 1).copy())


@pytest.mark.parametrize("name", ["dense", "image", "sequence", "mixed", "volume"])
def test_the_network_computes_what_keras_computed(name: str) -> None:
    network, weights = from_keras(GOLDEN / f"{name}.keras")
    rows = np.load(GOLDEN / f"{name}.npz")
    module = to_torch(network, weights).eval()
    inputs = [
        channels_first(rows[f"in{k}"], network, given.name)
        for k, given in enumerate(network.inputs)
    ]
    with torch.no_grad():
        made = module(*inputs)
    outputs = made if isinstance(made, tuple) else (made,)
    assert len(outputs) == sum(key.startswith("out") for key in rows)
    for number, output in enumerate(outputs):
        np.testing.assert_allclose(output.numpy(), rows[f"out{number}"], atol=2e-5, rtol=2e-4)


def test_inputs_of_spatial_layers_have_their_channels_in_front() -> None:
    network, _ = from_keras(GOLDEN / "image.keras")
    assert network.inputs[0].shape == (2, 9, 8)
    network, _ = from_keras(GOLDEN / "mixed.keras")
    assert {i.name: i.shape for i in network.inputs} == {"signal": (3, 12), "vector": (4,)}
    network, _ = from_keras(GOLDEN / "sequence.keras")
    assert (network.inputs[0].shape, network.inputs[0].values) == ((7,), "int")


def test_a_flatten_before_a_dense_needs_no_permute() -> None:
    network, _ = from_keras(GOLDEN / "image.keras")
    assert "Permute" not in {node.layer.kind for node in network.nodes}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Conv2D", "conv2d"),
        ("LeakyReLU", "leaky_re_lu"),
        ("MaxPooling2D", "max_pooling2d"),
        ("GlobalAveragePooling1D", "global_average_pooling1d"),
        ("LSTM", "lstm"),
        ("InputLayer", "input_layer"),
    ],
)
def test_names_of_weights_follow_keras(name: str, key: str) -> None:
    assert snake_case(name) == key


def members(name: str = "dense") -> dict[str, bytes]:
    with zipfile.ZipFile(GOLDEN / f"{name}.keras") as archive:
        return {member: archive.read(member) for member in archive.namelist()}


def write(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in parts.items():
            archive.writestr(member, data)
    return path


def changed(change: Callable[[Config], object], name: str = "dense") -> dict[str, bytes]:
    """A golden file with another configuration."""
    parts = members(name)
    config = json.loads(parts[CONFIG])
    change(config)
    return {**parts, CONFIG: json.dumps(config).encode()}


def layer_changed(kind: str, name: str = "dense", **values: Any) -> dict[str, bytes]:
    """A golden file with other settings in the first layer of a kind."""

    def change(config: Config) -> None:
        found = next(x for x in config["config"]["layers"] if x["class_name"] == kind)
        found["config"].update(values)

    return changed(change, name)


def kind_changed(old: str, new: str, name: str = "dense") -> dict[str, bytes]:
    """A golden file with another class in place of the first layer of a kind."""

    def change(config: Config) -> None:
        found = next(x for x in config["config"]["layers"] if x["class_name"] == old)
        found["class_name"] = new

    return changed(change, name)


def weights_changed(change: Callable[[h5py.File], object]) -> dict[str, bytes]:
    """A golden file with another HDF5 file in it."""
    parts = members()
    buffer = io.BytesIO(parts[WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        change(file)
    return {**parts, WEIGHTS: buffer.getvalue()}


def replaced(file: h5py.File, place: str, make: Callable[[h5py.Group, str], object]) -> None:
    group, _, name = place.rpartition("/")
    del file[place]
    make(file[group], name)


KERNEL = "layers/dense/vars/0"

BROKEN: dict[str, tuple[Callable[[], dict[str, bytes]], str]] = {
    "no configuration": (
        lambda: {k: v for k, v in members().items() if k != CONFIG},
        "config.json is missing",
    ),
    "no weights": (
        lambda: {k: v for k, v in members().items() if k != WEIGHTS},
        "model.weights.h5 is missing",
    ),
    "nothing": (dict, "metadata.json is missing"),
    "a path that leads out": (
        lambda: {**members(), "../evil.py": b"x"},
        "leads out of the file",
    ),
    "an absolute path": (lambda: {**members(), "/etc/x": b"x"}, "leads out of the file"),
    "a bomb": (lambda: {**members(), "assets/zeros": bytes(40_000_000)}, "no model does"),
    "configuration is no JSON": (lambda: {**members(), CONFIG: b"{"}, "not a JSON object"),
    "configuration is pickled": (
        lambda: {**members(), CONFIG: pickle.dumps({"a": 1})},
        "not a JSON object",
    ),
    "configuration is deep": (
        lambda: {**members(), CONFIG: b'{"class_name":' * 3000},
        "not a JSON object",
    ),
    "metadata is a list": (lambda: {**members(), METADATA: b"[]"}, "metadata.json is not"),
    "weights are no HDF5": (lambda: {**members(), WEIGHTS: b"weights"}, "not a sound HDF5"),
    "a subclass": (lambda: changed(lambda c: c.update(class_name="MyModel")), "not subclasses"),
    "layers are text": (
        lambda: changed(lambda c: c["config"].update(layers="all")),
        "layers cannot be read",
    ),
    "no layers": (
        lambda: changed(lambda c: c["config"].update(layers=[])),
        "layers cannot be read",
    ),
    "code in a layer": (lambda: kind_changed("Dropout", "Lambda"), "holds code"),
    "an unknown layer": (lambda: kind_changed("Dropout", "Warp"), "Warp dropout: there is no"),
    "an open size": (
        lambda: layer_changed("InputLayer", batch_shape=[None, None]),
        "sizes that are left open",
    ),
    "an activation": (lambda: layer_changed("Dense", activation="elu"), "activation 'elu'"),
    "an activation of its own": (
        lambda: layer_changed("Dense", activation={"class_name": "f"}),
        "has no counterpart",
    ),
    "units of another size": (lambda: layer_changed("Dense", units=9), "fits"),
    "units are text": (lambda: layer_changed("Dense", units="many"), "units='many'"),
    "a threshold": (
        lambda: layer_changed("ReLU", "image", threshold=0.5, max_value=6.0),
        "max_value=6.0, threshold=0.5",
    ),
    "channels first": (
        lambda: layer_changed("Conv2D", "image", data_format="channels_first"),
        "data_format='channels_first'",
    ),
    "reset before": (
        lambda: layer_changed("GRU", "sequence", reset_after=False),
        "reset_after=False",
    ),
    "backwards": (lambda: layer_changed("LSTM", "sequence", go_backwards=True), "go_backwards"),
    "masked": (lambda: layer_changed("Embedding", "sequence", mask_zero=True), "mask_zero"),
    "strides are text": (lambda: layer_changed("Conv2D", "image", strides="2"), "strides='2'"),
    "a cycle": (
        lambda: changed(_cycle, "image"),
        "read tensors that nothing makes",
    ),
    "a layer used twice": (lambda: changed(_twice, "image"), "used twice"),
    "odd calls": (
        lambda: changed(lambda c: c["config"]["layers"][1].update(inbound_nodes=7), "image"),
        "configuration is odd",
    ),
    "a weight is missing": (
        lambda: weights_changed(lambda f: f.__delitem__(KERNEL)),
        "vars/0 is missing",
    ),
    "a weight of another shape": (
        lambda: weights_changed(
            lambda f: replaced(f, KERNEL, lambda g, n: g.create_dataset(n, data=np.ones((2, 2))))
        ),
        "has shape (2, 2)",
    ),
    "a weight that is text": (
        lambda: weights_changed(
            lambda f: replaced(f, KERNEL, lambda g, n: g.create_dataset(n, data=b"w"))
        ),
        "holds no numbers",
    ),
    "a weight that is not finite": (
        lambda: weights_changed(lambda f: f[KERNEL].write_direct(np.full((6, 8), np.nan, "f4"))),
        "is not finite",
    ),
    "a weight in another file": (
        lambda: weights_changed(
            lambda f: replaced(
                f, KERNEL, lambda g, n: g.__setitem__(n, h5py.ExternalLink("/etc/passwd", "x"))
            )
        ),
        "vars/0 is missing",
    ),
    "a weight far larger than its file": (
        lambda: weights_changed(
            lambda f: replaced(
                f, KERNEL, lambda g, n: g.create_dataset(n, (2**40,), "f4", chunks=(2**20,))
            )
        ),
        "does not lie in the file",
    ),
}


def _cycle(config: Config) -> None:
    layers = config["config"]["layers"]
    history = layers[1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
    history[0] = layers[-1]["config"]["name"]


def _twice(config: Config) -> None:
    layers = config["config"]["layers"]
    conv = next(x for x in layers if x["class_name"] == "Conv2D")
    conv["inbound_nodes"].append(conv["inbound_nodes"][0])


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_gives_one_error_with_a_way_out(case: str, tmp_path: Path) -> None:
    make, message = BROKEN[case]
    with pytest.raises(ConversionError) as caught:
        from_keras(write(tmp_path / "m.keras", make()))
    assert message in caught.value.message
    assert caught.value.way_out


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no sound zip archive"),
        (b"PK\x03\x04 and nothing", "no sound zip archive"),
        (b"\x89HDF\r\n\x1a\n", "HDF5 file of an older Keras"),
        (pickle.dumps([1]), "it is a pickle"),
    ],
)
def test_what_is_no_keras_file_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(data)
    with pytest.raises(ConversionError, match=message):
        from_keras(path)


def test_a_file_that_is_not_there_and_a_cut_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="cannot be read"):
        from_keras(tmp_path / "none.keras")
    cut = tmp_path / "cut.keras"
    cut.write_bytes((GOLDEN / "dense.keras").read_bytes()[:2000])
    with pytest.raises(ConversionError, match="no sound zip archive"):
        from_keras(cut)


def test_everything_that_is_missing_is_named(tmp_path: Path) -> None:
    def change(config: Config) -> None:
        layers = config["config"]["layers"]
        for number, kind in ((3, "PReLU"), (7, "GaussianNoise"), (9, "Lambda")):
            layers[number]["class_name"] = kind
        layers[1]["config"]["activation"] = "selu"

    with pytest.raises(ConversionError) as caught:
        from_keras(write(tmp_path / "m.keras", changed(change)))
    assert len(caught.value.mistakes) == 4


def test_keras_and_its_back_ends_are_not_loaded() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from lamina.nets.convert.keras_in import from_keras; "
        f"from_keras({str(GOLDEN / 'dense.keras')!r}); "
        "print([m for m in ('keras', 'torch', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
