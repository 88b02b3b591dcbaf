"""The torch engine: sessions, forms, seeds, states, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lamina.errors import CheckpointError, TrainingError
from lamina.nets.layers.activations import ReLU
from lamina.nets.layers.convolution import Conv2d
from lamina.nets.layers.dropout import Dropout
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.normalisation import BatchNorm1d, BatchNorm2d
from lamina.nets.layers.recurrent import LSTM
from lamina.nets.layers.reshaping import Flatten
from lamina.nets.network import Network, Wiring, sequential
from lamina.testing.engines import Case, dense_program
from lamina.training.engines import cost, torch_data, torch_forms
from lamina.training.engines.fused import FusedEngine
from lamina.training.engines.torch import TorchEngine, TorchSession
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cost, "calibration_file", lambda: tmp_path / "engines.json")
    return tmp_path


def dropping() -> Network:
    layers = [Conv2d(1, 2, 3), Dropout(0.4), Flatten(), ReLU(), Linear(out_features=2)]
    return sequential(layers, shape=(1, 5, 5))


def program(network: Network, rows: int = 25, members: int = 2, **settings: object) -> Program:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(rows, *network.inputs[0].shape))
    shape = network.shapes[network.outputs[0]]
    targets = generator.normal(size=(rows, *shape)).astype(np.float32)
    portion = Portion(np.arange(5, rows), np.arange(5), np.arange(0))
    chosen = Settings(epochs=10, batches=3, learning_rate=0.05).changed(**settings)
    group = tuple(Member(f"{k}", 0, chosen, k) for k in range(members))
    return Program(network, features, targets, (portion,), group, "mse")


def every(made: Program) -> NDArray[np.bool_]:
    return np.ones(len(made.members), dtype=np.bool_)


@pytest.mark.parametrize("form", ["vectorised", "one by one"])
@pytest.mark.parametrize("kind", ["dropout", "recurrent"])
def test_dropout_resumes_bit_for_bit(form: str, kind: str) -> None:
    recurrent = [LSTM(hidden_size=3, num_layers=2, dropout=0.5, last=True), Linear(3, 2)]
    network = dropping() if kind == "dropout" else sequential(recurrent, shape=(4, 2))
    made = program(network)
    engine = TorchEngine(form=form)
    whole = engine.start(made, "cpu", 1)
    whole.advance(3, every(made))
    state = whole.state()
    costs = whole.advance(3, every(made))
    resumed = engine.start(made, "cpu", 1)
    resumed.restore(state)
    np.testing.assert_array_equal(resumed.advance(3, every(made)), costs)


def test_dropout_depends_on_the_member_and_the_epoch_only() -> None:
    made = program(dropping(), members=3)
    session = TorchEngine(form="vectorised").start(made, "cpu", 1)
    together = session.advance(2, every(made))
    first = np.array([True, False, False])
    alone = TorchEngine(form="vectorised").start(made, "cpu", 1).advance(2, first)
    np.testing.assert_allclose(alone[:, 0], together[:, 0], rtol=1e-5)
    assert len(set(together[0])) == 3


def pictures(members: int = 1, **settings: Any) -> Program:
    layers = [Conv2d(1, 2, 3), ReLU(), Flatten(), Linear(out_features=2)]
    made = program(sequential(layers, shape=(1, 5, 5)), members=members, **settings)
    shades = np.random.default_rng(1).integers(0, 256, size=made.features.shape, dtype=np.uint8)
    return replace(made, features=shades)


def brighter(x: torch.Tensor, seed: int) -> torch.Tensor:
    return x + (seed % 1000) / 1000


def test_bytes_stay_bytes_and_count_as_values_up_to_one() -> None:
    made = pictures()
    values = replace(made, features=(made.features / 255.0).astype(np.float32))
    session, other = (TorchEngine().start(m, "cpu", 1) for m in (made, values))
    assert isinstance(session, TorchSession)
    assert session._recipe.pool.x.dtype == torch.uint8
    np.testing.assert_allclose(
        session.advance(3, every(made)), other.advance(3, every(made)), rtol=1e-5
    )
    np.testing.assert_allclose(session.outputs("test")[0], other.outputs("test")[0], rtol=1e-4)


@pytest.mark.parametrize("shuffle", ["once", "epoch"])
def test_batches_are_changed_anew_in_each_epoch_and_alike_after_a_resume(shuffle: str) -> None:
    seeds: list[int] = []

    def change(x: torch.Tensor, seed: int) -> torch.Tensor:
        seeds.append(seed)
        return brighter(x, seed)

    made = replace(pictures(members=2, shuffle=shuffle), augment=change)
    whole = TorchEngine().start(made, "cpu", 1)
    whole.advance(2, every(made))
    assert len(set(seeds)) == len(seeds) == 2 * 2 * 3, "members, epochs, batches"
    state = whole.state()
    costs = whole.advance(2, every(made))
    resumed = TorchEngine().start(made, "cpu", 1)
    resumed.restore(state)
    np.testing.assert_array_equal(resumed.advance(2, every(made)), costs)
    plain = TorchEngine().start(replace(made, augment=None), "cpu", 1)
    assert (plain.advance(4, every(made))[2:] != costs).all()


def test_what_is_evaluated_is_not_changed() -> None:
    made = replace(pictures(learning_rate=1e-9), augment=lambda x, seed: x * 0.0 + 100.0)
    session = TorchEngine().start(made, "cpu", 1)
    before = session.outputs("test")[0]
    session.advance(1, every(made))
    np.testing.assert_allclose(session.outputs("test")[0], before, atol=1e-4)


def test_an_engine_that_cannot_change_batches_refuses_to() -> None:
    made = dense_program(Case())
    assert FusedEngine().refusal(made, "cpu") == ""
    assert "changes its batches" in FusedEngine().refusal(replace(made, augment=brighter), "cpu")


def test_small_operations_take_one_thread_and_large_ones_all() -> None:
    small = program(sequential([Linear(5, 3), ReLU(), Linear(3, 2)]), rows=600)
    large = program(sequential([Linear(600, 600), ReLU(), Linear(600, 2)]), rows=3000)
    used = [
        TorchEngine(form="one by one").start(made, "cpu", 2).state()["run"][2]
        for made in (small, large)
    ]
    assert used == [1, 2]


def test_the_global_seed_and_threads_of_torch_are_left_alone() -> None:
    torch.manual_seed(5)
    threads, seed = torch.get_num_threads(), torch.random.get_rng_state()
    recurrent = [LSTM(hidden_size=3, num_layers=2, dropout=0.5, last=True), Linear(3, 2)]
    for network in (dropping(), sequential(recurrent, shape=(4, 2))):
        made = program(network)
        session = TorchEngine(form="one by one").start(made, "cpu", threads + 1)
        session.advance(1, every(made))
        session.outputs("test")
    assert torch.equal(seed, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads


def test_outputs_are_in_evaluation_mode() -> None:
    network = sequential([BatchNorm1d(), Dropout(0.9), Linear(5, 2)], shape=5)
    made = program(network)
    session = TorchEngine().start(made, "cpu", 1)
    session.advance(2, every(made))
    one, other = session.outputs("test"), session.outputs("test")
    np.testing.assert_array_equal(one[0], other[0])
    weights = session.weights()[0]
    x = made.prepared(made.portions[0], "test")
    scaled = (x - weights["b1.running_mean"]) / np.sqrt(weights["b1.running_var"] + 1e-5)
    scaled = scaled * weights["b1.weight"] + weights["b1.bias"]
    expected = scaled @ weights["l1.weight"].T + weights["l1.bias"]
    np.testing.assert_allclose(one[0], expected, rtol=1e-4, atol=1e-5)


def test_members_that_stop_leave_the_others_where_they_would_be() -> None:
    made = dense_program(Case(folds=3, changes=(("learning_rate", 0.05),)))
    session = TorchEngine(form="vectorised").start(made, "cpu", 1)
    whole = TorchEngine(form="vectorised").start(made, "cpu", 1).advance(6, every(made))
    session.advance(3, every(made))
    costs = session.advance(3, np.array([True, False, True]))
    np.testing.assert_allclose(costs[:, [0, 2]], whole[3:, [0, 2]], rtol=1e-5)
    assert np.isnan(costs[:, 1]).all()


@pytest.mark.parametrize("shuffle", ["once", "epoch"])
def test_where_rows_lie_does_not_change_the_numbers(
    shuffle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = dense_program(Case(folds=3, row_weights=True, changes=(("shuffle", shuffle),)))
    found = []
    for shared, resident in ((1 << 28, 1 << 30), (0, 1 << 30), (0, 0), (1 << 28, 0)):
        monkeypatch.setattr(torch_data, "SHARED_BYTES", shared)
        monkeypatch.setattr(torch_data, "RESIDENT_BYTES", resident)
        session = TorchEngine(form="vectorised").start(made, "cpu", 1)
        found.append(session.advance(5, every(made)))
    for costs in found[1:]:
        np.testing.assert_allclose(costs, found[0], rtol=1e-6)


def test_large_parts_are_evaluated_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    made = dense_program(Case())
    session = TorchEngine().start(made, "cpu", 1)
    whole = session.outputs("train")
    monkeypatch.setattr("lamina.training.engines.torch.EVALUATED_VALUES", 100)
    for one, other in zip(session.outputs("train"), whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_state_of_another_training_is_refused() -> None:
    session = TorchEngine().start(dense_program(Case(folds=3)), "cpu", 1)
    other = TorchEngine().start(dense_program(Case(folds=2)), "cpu", 1)
    with pytest.raises(CheckpointError, match="weights"):
        session.restore(other.state())


def test_a_state_brings_its_form_and_threads() -> None:
    made = dense_program(Case(folds=3))
    written = TorchEngine(form="vectorised").start(made, "cpu", 1)
    written.advance(1, every(made))
    restored = TorchEngine(form="one by one").start(made, "cpu", 2)
    restored.restore(written.state())
    assert restored.form == "vectorised"
    np.testing.assert_array_equal(restored.advance(2, every(made)), written.advance(2, every(made)))


def test_more_epochs_than_the_program_has_are_an_error() -> None:
    made = program(sequential([Linear(2, 2)]))
    session = TorchEngine().start(made, "cpu", 1)
    session.advance(10, every(made))
    with pytest.raises(TrainingError, match="10 epochs"):
        session.advance(1, every(made))


def test_the_form_is_measured_once_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    made = dense_program(Case(folds=3))
    first = TorchEngine().start(made, "cpu", 1)

    def fail(*_: object) -> int:
        raise AssertionError("measured again")

    monkeypatch.setattr(torch_forms, "measure", fail)
    assert TorchEngine().start(made, "cpu", 1).form == first.form
    with pytest.raises(AssertionError, match="measured again"):
        TorchEngine().start(dense_program(Case(folds=4)), "cpu", 1)


def test_the_faster_form_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    made = dense_program(Case(folds=3))
    for alone, together, form in ((2.0, 1.0, "vectorised"), (1.0, 2.0, "one by one")):
        seconds = {1: alone, 3: together}
        monkeypatch.setattr(
            torch_forms, "_time", lambda lanes, _, s=seconds: s[len(lanes[0].numbers)]
        )
        monkeypatch.setattr(cost, "recall", lambda *_: None)
        assert TorchEngine().start(made, "cpu", 1).form == form


def test_measuring_leaves_the_start_weights_alone() -> None:
    made = dense_program(Case(folds=3))
    session = TorchEngine().start(made, "cpu", 1)
    for member, weights in zip(made.members, session.weights(), strict=True):
        for name, array in made.start_weights(member).items():
            np.testing.assert_array_equal(weights[name], array)


def test_members_too_large_to_fit_together_run_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    made = dense_program(Case(folds=5))
    values = sum(int(np.prod(shape)) for shape in made.network.shapes.values())
    monkeypatch.setattr(torch_forms, "MEMORY_BYTES", 2 * 8 * 17 * values)
    session = TorchEngine(form="vectorised").start(made, "cpu", 1)
    assert isinstance(session, TorchSession)
    assert np.isfinite(session.advance(2, every(made))).all()
    assert [len(lane.numbers) for lane in session._lanes] == [2, 2, 1]


def test_refusals_say_what_is_wrong() -> None:
    engine = TorchEngine()
    made = program(sequential([Linear(2, 2)]))
    assert "choose cpu" in engine.refusal(made, "tpu")
    wiring = Wiring()
    left, right = wiring.input("left", 2), wiring.input("right", 2)
    two = wiring.network(wiring.add(Linear(2, 2), left), wiring.add(Linear(2, 2), right))
    members = made.members
    both = Program(two, made.features, made.targets, made.portions, members, "mse")
    assert "one input and one output; there are 2 and 2" in engine.refusal(both, "cpu")


def test_a_batch_of_one_row_cannot_be_normalised() -> None:
    flat = program(sequential([BatchNorm1d(), Linear(3, 2)], shape=3), batch_size=19)
    assert "BatchNorm1d b1" in TorchEngine().refusal(flat, "cpu")
    images = [Conv2d(1, 2, 2), BatchNorm2d(), Flatten(), Linear(out_features=2)]
    made = program(sequential(images, shape=(1, 3, 3)), batch_size=19)
    assert TorchEngine().refusal(made, "cpu") == ""


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="there is a CUDA device: CUDA_VISIBLE_DEVICES= hides it"
)
def test_without_cuda_its_refusal_says_so() -> None:
    assert "no CUDA device" in TorchEngine().refusal(dense_program(Case()), "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("form", ["vectorised", "one by one"])
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("shuffle", ["once", "epoch"])
def test_captured_epochs_give_what_plain_ones_give(form: str, optimiser: str, shuffle: str) -> None:
    images = [Conv2d(1, 4, 3), BatchNorm2d(), ReLU(), Flatten(), Linear(out_features=2)]
    network = sequential(images, shape=(1, 6, 6))
    made = program(network, optimiser=optimiser, shuffle=shuffle, schedule="cosine")
    found = []
    for graphs in (True, False):
        session = TorchEngine(form=form, graphs=graphs).start(made, "cuda", 1)
        found.append((session.advance(6, every(made)), session.weights()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    for name, array in found[0][1][0].items():
        np.testing.assert_allclose(array, found[1][1][0][name], rtol=1e-4, atol=1e-6)


@pytest.mark.gpu
def test_mixed_precision_stays_near_float32() -> None:
    made = dense_program(Case("mse", "Tanh"))
    full = TorchEngine().start(made, "cuda", 1).advance(10, every(made))
    mixed = TorchEngine(precision="bfloat16").start(made, "cuda", 1).advance(10, every(made))
    np.testing.assert_allclose(mixed, full, rtol=0.1)
