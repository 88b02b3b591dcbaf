"""Model bundles: one file, deterministic, checked, never a pickle."""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import BundleError
from lamina.nets.bundle import Bundle, schema
from lamina.nets.initial import initial_weights
from lamina.nets.layers.activations import ReLU, Sigmoid
from lamina.nets.layers.linear import Linear
from lamina.nets.network import sequential

NETWORK = sequential([Linear(5, 3), ReLU(), Linear(3, 1), Sigmoid()], name="papers-1")


def model(seed: int = 0) -> Bundle:
    return Bundle(
        network=NETWORK,
        weights=initial_weights(NETWORK, "xavier", seed),
        preparation={"target": "diagnosis", "normalise": "min-max", "shift": [0.1, 0.2]},
        labels=("benign", "malignant"),
        task="binary",
        loss="bce",
        metrics={"accuracy": np.float64(0.96), "auc": float("nan")},
        settings={"epochs": 1000, "learning_rate": 0.1},
        seed=7,
        engine="fused",
        device="cpu",
        versions={"python": "3.11"},
        digests={"data": "sha256:aa"},
        name="breast cancer",
    )


def test_a_bundle_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    saved = model()
    loaded = Bundle.load(saved.save(tmp_path / "m.lamina"))
    assert loaded.to_document() == saved.to_document()
    assert loaded.network == saved.network
    assert all(np.array_equal(loaded.weights[n], a) for n, a in saved.weights.items())


def test_a_length_that_begins_as_a_pickle_does_is_no_pickle() -> None:
    small = Bundle(NETWORK, model().weights)
    made = (replace(small, name="m" * length).to_bytes() for length in range(1, 300))
    alike = [data for data in made if data[0] == 0x80 and data[1] <= 5]
    assert alike
    assert Bundle.from_bytes(alike[0]).network == NETWORK


def test_equal_content_gives_equal_bytes_in_whatever_order_it_is_given() -> None:
    one = model()
    other = replace(
        one,
        weights=dict(reversed(list(one.weights.items()))),
        metrics=dict(reversed(list(one.metrics.items()))),
    )
    assert one.to_bytes() == other.to_bytes()
    assert one.digest == other.digest
    assert one.digest != model(seed=1).digest


def test_a_metric_that_is_not_a_number_becomes_none() -> None:
    assert model().metrics == {"accuracy": 0.96, "auc": None}


def test_saving_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "m.lamina"
    model().save(path)
    model(seed=1).save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.lamina"]
    assert Bundle.load(path).digest == model(seed=1).digest


def test_saving_into_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"cannot be written.*\n.*make the folder"):
        model().save(tmp_path / "no" / "m.lamina")


def test_weights_that_do_not_fit_are_all_listed() -> None:
    weights = initial_weights(NETWORK, "xavier", 0)
    weights["l9.weight"] = weights.pop("l1.bias")
    weights["l2.weight"] = np.zeros((1, 4), np.float32)
    weights["l2.bias"] = np.array([np.nan], np.float32)
    with pytest.raises(BundleError) as caught:
        Bundle(NETWORK, weights)
    for part in ("'l1.bias' (3,) is missing", "'l9.weight' (3,) belongs", "(1, 3) fits", "finite"):
        assert part in caught.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "guess"}, "choose from binary, classes, regression"),
        ({"labels": ("a", "b", "c")}, "2 fit"),
        ({"labels": ("a", "a")}, "each stands once"),
        ({"labels": (1, 0)}, "they are texts"),
        ({"labels": 7}, "they are texts"),
        ({"task": ["binary"]}, "task is ['binary']: it is text"),
        ({"name": 3}, "name is 3: it is text"),
        ({"preparation": "none"}, "preparation is 'none': it is a mapping"),
        ({"metrics": [0.9]}, "metrics is [0.9]: it is a mapping"),
        ({"versions": {"numpy": 2}}, "versions is {'numpy': 2}: it is a mapping of texts"),
        ({"seed": "7"}, "seed is '7': it is a whole number, or unknown"),
        ({"settings": {"epochs": object()}}, "settings.epochs is a object"),
    ],
)
def test_a_bundle_is_valid_at_birth(change: dict[str, object], message: str) -> None:
    with pytest.raises(BundleError) as caught:
        replace(model(), **change)  # type: ignore[arg-type]
    assert message in caught.value.message


def test_the_description_is_plain_and_says_what_computes() -> None:
    told = json.loads(json.dumps(model().describe()))
    assert told["parameters"] == 5 * 3 + 3 + 3 + 1
    assert told["inputs"] == {"x": [5]}
    assert [layer["kind"] for layer in told["layers"]] == ["Linear", "ReLU", "Linear", "Sigmoid"]
    assert told["seed"] == 7
    assert told["digests"]["weights"].startswith("sha256:")


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_changed_byte_or_a_cut_is_always_noticed(data: st.DataObject) -> None:
    whole = model().to_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        broken = whole[:position]
    else:
        flip = data.draw(st.integers(1, 255))
        broken = whole[:position] + bytes([whole[position] ^ flip]) + whole[position + 1 :]
    try:
        loaded = Bundle.from_bytes(broken)
    except BundleError as error:
        assert error.way_out
    else:
        assert loaded.digest == model().digest  # only white space of the header had changed


def test_the_specification_follows_the_published_schema() -> None:
    whole = model().to_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    text = json.loads(whole[8 : 8 + length])["__metadata__"]["lamina"]
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(text), schema())


def test_a_file_of_version_one_is_read_and_written_bit_for_bit() -> None:
    golden = Path(__file__).parents[2] / "golden" / "model-1.lamina"
    loaded = Bundle.load(golden)
    assert (loaded.name, loaded.seed) == ("breast cancer", 7)
    assert loaded.to_bytes() == golden.read_bytes()


def header_with(change: Callable[[dict[str, object]], object]) -> bytes:
    whole = model().to_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + length])
    document = json.loads(header["__metadata__"]["lamina"])
    change(document)
    header["__metadata__"]["lamina"] = json.dumps(document, separators=(",", ":"))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + whole[8 + length :]


BROKEN = {
    "empty": (b"", "0 bytes"),
    "a few bytes": (b"\x01\x02", "2 bytes"),
    "text": (b"hello, this is no model at all", "not a model bundle"),
    "cut header": (model().to_bytes()[:40], "cut off"),
    "cut weights": (model().to_bytes()[:-9], "cut off"),
    "pickle": (pickle.dumps({"w": [1, 2]}), "pickles are never loaded"),
    "torch zip": (b"PK\x03\x04" + bytes(60), "zip archive"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(60), "HDF5"),
    "json": (b'{"LayerArc": {"0": "0,1,1"}}', "JSON text"),
    "no specification": (struct.pack("<Q", 2) + b"{}", "without a Lamina specification"),
    "header is a list": (struct.pack("<Q", 2) + b"[]", "not a model bundle"),
    "huge header": (struct.pack("<Q", 2**60) + b"{}", "not a model bundle"),
    "deep header": (struct.pack("<Q", 50_000) + b'{"a":' * 10_000, "damaged"),
    "newer version": (header_with(lambda d: d.update(lamina="model/2")), "'model/2'"),
    "other version": (header_with(lambda d: d.update(lamina="network/1")), "'network/1'"),
    "changed metric": (header_with(lambda d: d.update(metrics={"accuracy": 1})), "digest"),
    "a metric that is infinite": (
        header_with(lambda d: d.update(metrics={"accuracy": float("inf")})),
        "digest",
    ),
    "no digest": (header_with(lambda d: d.pop("sha256")), "digest"),
    "changed weight": (model().to_bytes()[:-1] + b"\x01", "weights do not have the digest"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_gives_one_error_with_a_way_out(case: str, tmp_path: Path) -> None:
    content, message = BROKEN[case]
    path = tmp_path / "broken.lamina"
    path.write_bytes(content)
    with pytest.raises(BundleError) as caught:
        Bundle.load(path)
    assert message in caught.value.message
    assert "broken.lamina" in caught.value.message
    assert caught.value.way_out


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no model file"):
        Bundle.load(tmp_path / "none.lamina")
    with pytest.raises(BundleError, match="cannot be read"):
        Bundle.load(tmp_path)


def test_a_newer_version_asks_for_an_upgrade() -> None:
    with pytest.raises(BundleError) as caught:
        Bundle.from_bytes(BROKEN["newer version"][0])
    assert "upgrade" in caught.value.way_out
