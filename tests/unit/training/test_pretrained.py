"""Weights to begin with: files, published ones, arrays; absent ones; what a model says of them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lamina.errors import ChecksumError, ConversionError, DataError, SettingsError
from lamina.nets.convert.torch_out import to_torch
from lamina.nets.document import read_network
from lamina.nets.initial import Weights, initial_weights
from lamina.nets.network import Network
from lamina.nets.published import PUBLISHED, Published
from lamina.nets.zoo import mlp
from lamina.training import pretrained
from lamina.training.plans import Plan
from lamina.training.pretrained import beginning, published_file
from lamina.training.progress import Event, Warned
from lamina.training.result import bundle
from lamina.training.settings import Settings
from lamina.training.trainer import train

SHORT = Settings(epochs=1, learning_rate=1e-8)


def small(more: str = "") -> Network:
    return read_network(f"resnet-18:shape=3x16x16,width=0.03{more}")


def images(rows: int = 12) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    return generator.normal(size=(rows, 3, 16, 16)), np.arange(rows) % 4


def saved(path: Path, network: Network | None = None) -> Weights:
    """A torch file with weights of our own in torchvision's names."""
    chosen = network or small()
    weights = initial_weights(chosen, "kaiming", 5)
    torch.save(to_torch(chosen, weights).state_dict(), path)
    return weights


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Published]:
    """A published file of our own on a server of our own; the cache is a folder of the test."""
    saved(tmp_path / "small.pth")
    content = (tmp_path / "small.pth").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    address = f"http://127.0.0.1:{server.server_address[1]}/models/small.pth"
    digest = hashlib.sha256(content).hexdigest()
    made = Published(address, digest, len(content), "fc")
    monkeypatch.setitem(PUBLISHED, "resnet-18", made)
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_training_begins_with_the_weights_of_a_file(tmp_path: Path) -> None:
    weights = saved(tmp_path / "w.pth")
    network = small(",head=two-layer,classes=4")
    settings = SHORT.changed(frozen=("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"))
    heard: list[Event] = []
    options: dict[str, Any] = {"weights": tmp_path / "w.pth", "progress": heard.append}
    result = train(network, images(), settings=settings, plan="all", **options)
    assert not [event for event in heard if isinstance(event, Warned)]
    assert result.model is not None
    for name, array in result.model.weights.items():
        assert name.startswith("head.") or np.array_equal(array, weights[name]), name
    told = bundle(result).settings["model"]
    assert "begun with w.pth (sha256:" in told
    assert told.endswith("head.0, head.1, head.4 begin anew")


def test_weights_change_what_an_unfrozen_training_begins_with(tmp_path: Path) -> None:
    weights = saved(tmp_path / "w.pth")
    result = train(
        small(",classes=4"),
        images(),
        settings=SHORT,
        plan=Plan("all", restarts=2),
        weights=tmp_path / "w.pth",
    )
    for member in result.members:
        moved = np.abs(member.weights["conv1.weight"] - weights["conv1.weight"]).max()
        assert 0 < moved < 1e-3


def test_a_refitted_model_begins_with_the_same_weights(tmp_path: Path) -> None:
    weights = saved(tmp_path / "w.pth")
    given: dict[str, Any] = {"weights": str(tmp_path / "w.pth"), "refit": True}
    result = train(small(",classes=4"), images(24), settings=SHORT, plan="kfold:2", **given)
    assert result.model is not None
    assert np.abs(result.model.weights["conv1.weight"] - weights["conv1.weight"]).max() < 1e-3


def test_arrays_by_name_are_weights_too_and_no_bias_is_fitted_over_them() -> None:
    network = mlp(3, (4,))
    weights = initial_weights(network, "normal", 5)
    rows = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    settings = Settings(epochs=1, learning_rate=1e-12)
    for engine in ("torch", "fused"):
        result = train(network, rows, settings=settings, plan="all", engine=engine, weights=weights)
        assert result.model is not None
        for name, array in weights.items():
            np.testing.assert_allclose(result.model.weights[name], array, atol=1e-9)


def test_absent_weights_are_said_and_the_training_begins_from_scratch(tmp_path: Path) -> None:
    heard: list[Event] = []
    options: dict[str, Any] = {"weights": tmp_path / "none.pth", "progress": heard.append}
    result = train(small(",classes=4"), images(), settings=SHORT, plan="all", **options)
    (said,) = [event.text for event in heard if isinstance(event, Warned)]
    assert (
        said == f"there are no weights at {tmp_path / 'none.pth'}: the training begins from scratch"
    )
    assert result.begun == said
    assert f"weights: {said}" in str(result)
    assert said in bundle(result).settings["model"]
    drawn = initial_weights(small(",classes=4"), "xavier", 0)["conv1.weight"]
    assert np.abs(result.members[0].weights["conv1.weight"] - drawn).max() < 1e-3


def test_weights_that_do_not_fit_end_the_training_before_it_begins(tmp_path: Path) -> None:
    saved(tmp_path / "w.pth", read_network("resnet-18:shape=3x16x16,width=0.06"))
    with pytest.raises(ConversionError, match=r"conv1\.weight has shape"):
        train(small(), images(), settings=SHORT, weights=tmp_path / "w.pth")


def test_published_weights_are_downloaded_checked_and_kept(
    entry: Published, tmp_path: Path
) -> None:
    begun = beginning("published", small())
    assert begun.words == f"begun with small.pth (sha256:{entry.sha256})"
    kept = tmp_path / "cache" / "lamina" / "weights" / "small.pth"
    assert kept.read_bytes() == (tmp_path / "small.pth").read_bytes()
    assert published_file(replace(entry, address="http://127.0.0.1:9/small.pth")) == kept


def test_the_folder_of_local_copies_comes_first(
    entry: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "weights").mkdir(parents=True)
    copy = tmp_path / "data" / "weights" / "small.pth"
    copy.write_bytes((tmp_path / "small.pth").read_bytes())
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path / "data"))
    assert published_file(entry, offline=True) == copy
    copy.write_bytes(b"something else")
    with pytest.raises(ChecksumError, match="not the promised file"):
        beginning("published", small())


def test_other_bytes_behind_the_address_are_refused(entry: Published, tmp_path: Path) -> None:
    with pytest.raises(ChecksumError, match="not the promised file"):
        published_file(replace(entry, sha256="0" * 64))
    assert not (tmp_path / "cache" / "lamina" / "weights").exists()


def test_published_weights_out_of_reach_are_said_and_training_begins_from_scratch(
    entry: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = replace(entry, address="http://127.0.0.1:9/far.pth")
    monkeypatch.setitem(PUBLISHED, "resnet-18", far)
    begun = beginning("published", small())
    assert begun.weights == {} and begun.words == ""
    assert "far.pth are not here: http://127.0.0.1:9/far.pth was not reached" in begun.warning
    assert "the training begins from scratch. Put the file" in begun.warning
    with pytest.raises(DataError, match="the network is not asked"):
        published_file(far, offline=True)


def test_a_network_without_published_weights_says_which_have_some() -> None:
    with pytest.raises(SettingsError, match="published weights for alexnet, resnet-18, vgg-16"):
        beginning("published", mlp(3, (4,)))


@pytest.mark.parametrize("name", ["alexnet", "resnet-18", "vgg-16"])
def test_published_files_carry_the_beginning_of_their_digest_in_their_name(name: str) -> None:
    entry = PUBLISHED[name]
    assert entry.file_name.removesuffix(".pth").rpartition("-")[2] == entry.sha256[:8]
    assert entry.address.startswith("https://download.pytorch.org/models/")
    assert entry.size > 4 * read_network(name).parameter_count()
    layer, parameters = entry.classifier, read_network(name).parameters()
    assert parameters[f"{layer}.weight"][0] == 1000
    assert pretrained.PATIENCE > 600
