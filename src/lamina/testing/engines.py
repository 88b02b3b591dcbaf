"""What every training engine is held to; call `check_engine`, or the checks one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lamina.nets.initial import Weights
from lamina.nets.layers import LAYERS
from lamina.nets.layers.activations import Activation, Sigmoid, Softmax
from lamina.nets.layers.linear import Linear
from lamina.nets.layers.recurrent import LSTM
from lamina.nets.network import Network, sequential
from lamina.testing.dense_reference import Reference
from lamina.training.engines import Engine
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import LOSSES, Settings

TOLERANCE = 1e-4
"""Largest relative difference of losses within the first 50 epochs."""

EPOCHS = 50


@dataclass(frozen=True)
class Case:
    """A small dense program: loss, activation, and what else differs from plain training.

    Args:
        loss: a resolved loss.
        activation: kind between the Linear layers.
        last: whether a Sigmoid or Softmax stands last (bce, cross-entropy).
        normalise: whether each portion has a shift and a scale, for mse of the targets too.
        row_weights: whether rows have weights.
        folds: number of portions; 59 rows, so that training rows differ by one.
        changes: settings of all members.
        each: further settings of each member; one member per fold and entry.
    """

    loss: str = "bce"
    activation: str = "ReLU"
    last: bool = True
    normalise: bool = False
    row_weights: bool = False
    folds: int = 2
    changes: tuple[tuple[str, object], ...] = ()
    each: tuple[tuple[tuple[str, object], ...], ...] = ((),)

    def __str__(self) -> str:
        extra = [f"{name}={value}" for name, value in self.changes]
        return "-".join([self.loss, self.activation, *extra])


SGD = (("learning_rate", 0.05), ("momentum", 0.9))
OPTIMISERS: dict[str, tuple[tuple[str, object], ...]] = {
    "sgd": (*SGD, ("weight_decay", 0.01)),
    "nesterov": (*SGD, ("nesterov", True)),
    "adam": (("optimiser", "adam"), ("learning_rate", 0.01), ("weight_decay", 0.01)),
    "adamw": (("optimiser", "adamw"), ("learning_rate", 0.01), ("weight_decay", 0.1)),
}
ACTIVATIONS = ("ReLU", "LeakyReLU", "GELU", "SiLU", "Sigmoid", "Tanh")

SMOOTH = tuple(loss for loss in LOSSES if loss != "l1")
SLOW = ("learning_rate", 0.0005)
"""For l1, whose slope jumps: near a fit, float32 and float64 part for good reason."""

PARTS = (("frozen", ("l2",)), ("rates", (("l3", 0.02),)))

NUMERIC_CASES: tuple[Case, ...] = (
    *(Case(loss, "Tanh", changes=o) for loss in SMOOTH for o in OPTIMISERS.values()),
    *(Case("l1", "Tanh", changes=(*o, SLOW)) for o in OPTIMISERS.values()),
    *(Case("bce", activation, changes=SGD) for activation in ACTIVATIONS),
    *(Case("mse", activation, changes=SGD) for activation in ACTIVATIONS),
    Case("cross-entropy", "Tanh", last=False, changes=SGD),
    Case("bce", "Tanh", normalise=True, changes=SGD),
    Case("mse", "Tanh", normalise=True, folds=3, changes=SGD),
    Case("bce", "Tanh", row_weights=True, changes=SGD),
    Case("cross-entropy", "Tanh", row_weights=True, changes=(*SGD, ("shuffle", "epoch"))),
    Case("mse", "Tanh", changes=(*SGD, ("shuffle", "epoch"))),
    Case("mse", "Tanh", changes=(*SGD, ("batches", 1))),
    Case("mse", "Tanh", folds=3, changes=(*SGD, ("batch_size", 8))),
    Case("mse", "Tanh", folds=3, changes=(*SGD, ("batch_size", 13))),
    Case("mse", "Tanh", changes=(*SGD, ("batch_size", 1000))),
    Case("huber", "Tanh", changes=(*SGD, ("huber_delta", 0.3))),
    Case("mse", "Tanh", changes=(*SGD, ("clip_norm", 0.2))),
    Case("mse", "Tanh", changes=(*OPTIMISERS["adam"], ("clip_norm", 0.2))),
    Case("mse", "Tanh", changes=(*SGD, ("schedule", "step"), ("step_epochs", 20))),
    Case("mse", "Tanh", changes=(*SGD, ("schedule", "cosine"), ("warmup_epochs", 5))),
    Case("mse", "Tanh", changes=(*SGD, ("initialisation", "kaiming"))),
    Case("mse", "Tanh", changes=(*SGD, *PARTS, ("weight_decay", 0.01), ("schedule", "cosine"))),
    Case("bce", "Tanh", changes=(*OPTIMISERS["adam"], *PARTS, ("clip_norm", 0.05))),
    Case("mse", "Tanh", changes=(*OPTIMISERS["adamw"], ("rates", (("l1", 0.001),)))),
    Case(
        "bce",
        "Tanh",
        folds=3,
        each=(
            (("learning_rate", 0.1), ("momentum", 0.9)),
            (("learning_rate", 0.01), ("momentum", 0.1), ("weight_decay", 0.02)),
            (("learning_rate", 0.05), ("momentum", 0.0), ("clip_norm", 0.1)),
            (("learning_rate", 0.05), ("momentum", 0.5), ("nesterov", True)),
        ),
    ),
    Case(
        "mse",
        "Tanh",
        changes=(("optimiser", "adam"),),
        each=(
            (("learning_rate", 0.01), ("beta1", 0.8)),
            (("learning_rate", 0.003), ("beta2", 0.99), ("epsilon", 1e-6)),
        ),
    ),
)


def dense_network(case: Case) -> Network:
    """A network of 5 inputs and two hidden layers that fits the case's loss."""
    kind = LAYERS.get(case.activation)
    assert issubclass(kind, Activation)
    width = {"cross-entropy": 3, "mse": 2, "l1": 2, "huber": 2}.get(case.loss, 1)
    chain = [Linear(5, 6), kind(), Linear(6, 4), kind(), Linear(4, width)]
    if case.last and case.loss in ("bce", "cross-entropy"):
        return sequential([*chain, Sigmoid() if case.loss == "bce" else Softmax()])
    return sequential(chain)


def dense_program(case: Case, rows: int = 59, epochs: int = EPOCHS) -> Program:
    """A program of a case: generated data, folds of unequal size, members of several seeds."""
    generator = np.random.default_rng(7)
    network = dense_network(case)
    features = generator.normal(size=(rows, 5))
    hidden = np.tanh(features @ generator.normal(size=(5, 3)))
    targets: NDArray[np.float32] | NDArray[np.int64]
    if case.loss == "cross-entropy":
        targets = hidden.argmax(axis=1).astype(np.int64)
    elif case.loss in ("bce", "bce-logits"):
        targets = (hidden[:, :1] > 0).astype(np.float32)
    else:
        targets = hidden[:, :2].astype(np.float32)
    parts = np.array_split(generator.permutation(rows), case.folds + 1)
    portions = []
    for fold in range(case.folds):
        train = np.concatenate([part for n, part in enumerate(parts) if n != fold])
        portion = Portion(train, parts[fold], np.arange(0))
        if case.normalise:
            shift, scale = _standard(features[train])
            portion = replace(portion, shift=shift, scale=scale)
        if case.normalise and case.loss == "mse":
            shift, scale = _standard(targets[train].astype(np.float64))
            portion = replace(portion, target_shift=shift, target_scale=scale)
        if case.row_weights:
            weights = generator.uniform(0.5, 2.0, rows).astype(np.float32)
            portion = replace(portion, row_weights=weights)
        portions.append(portion)
    members = []
    for number, own in enumerate(case.each):
        settings = Settings(epochs=epochs, batches=3).changed(**dict((*case.changes, *own)))
        members += [
            Member(f"fold {fold} of set {number}", fold, settings, 10 * number + fold)
            for fold in range(case.folds)
        ]
    return Program(network, features, targets, tuple(portions), tuple(members), case.loss)


def check_numbers(engine: Engine, case: Case, device: str = "cpu") -> bool:
    """Losses of 50 epochs and outputs are those of float64 NumPy within 1e-4 relative.

    Returns:
        Whether the engine took the program; an engine may refuse what it does not know.
    """
    program = dense_program(case)
    if engine.refusal(program, device):
        return False
    session = engine.start(program, device, 1)
    costs = session.advance(EPOCHS, _all(program))
    outputs, weights = session.outputs("test"), session.weights()
    for number, member in enumerate(program.members):
        reference = Reference(program, member)
        expected = reference.train(EPOCHS)
        np.testing.assert_allclose(
            costs[:, number], expected, rtol=TOLERANCE, err_msg=f"losses, {member.label}, {case}"
        )
        np.testing.assert_allclose(
            outputs[number], reference.outputs("test"), rtol=1e-3, atol=1e-3, err_msg=f"{case}"
        )
        assert list(weights[number]) == list(program.start_weights(member))
    return True


def check_start(engine: Engine, device: str = "cpu") -> None:
    """Before the first epoch, weights are the program's start weights, float32, copied."""
    program = dense_program(Case())
    session = engine.start(program, device, 1)
    for member, weights in zip(program.members, session.weights(), strict=True):
        _same([program.start_weights(member)], [weights], "start weights")
        assert all(array.dtype == np.float32 for array in weights.values())
    session.weights()[0]["l1.weight"][:] = 99.0
    assert session.weights()[0]["l1.weight"].max() < 99.0, "weights() is not a copy"


def check_chunks(engine: Engine, device: str = "cpu") -> None:
    """advance(6) is, bit for bit, six times advance(1), and advance(4) and advance(2)."""
    for case in _varied():
        program = dense_program(case)
        found = []
        for chunks in ((6,), (1,) * 6, (4, 2)):
            session = engine.start(program, device, 1)
            parts = [session.advance(chunk, _all(program)) for chunk in chunks]
            found.append((np.concatenate(parts), session.weights()))
        for costs, weights in found[1:]:
            np.testing.assert_array_equal(costs, found[0][0], err_msg=f"chunks, {case}")
            _same(weights, found[0][1], f"chunks, {case}")


def check_restore(engine: Engine, device: str = "cpu") -> None:
    """A session restored from a state goes on bit for bit as the one that wrote it."""
    for case in _varied():
        program = dense_program(case)
        session = engine.start(program, device, 1)
        session.advance(3, _all(program))
        state = session.state()
        copied = {name: array.copy() for name, array in state.items()}
        costs, weights = session.advance(3, _all(program)), session.weights()
        for name, array in state.items():
            assert array.dtype != np.object_, f"{name} is no plain array"
            np.testing.assert_array_equal(array, copied[name], err_msg="state() is not a copy")
        for other in (engine.start(program, device, 1), session):
            other.restore(copied)
            again = other.advance(3, _all(program))
            np.testing.assert_array_equal(again, costs, err_msg=f"restored, {case}")
            _same(other.weights(), weights, f"restored, {case}")


def check_inactive(engine: Engine, device: str = "cpu") -> None:
    """Inactive members keep their weights bit for bit and cost NaN; the others train on."""
    for case in _varied():
        program = dense_program(case)
        session = engine.start(program, device, 1)
        session.advance(2, _all(program))
        before = session.weights()
        active = _all(program)
        active[0] = False
        costs = session.advance(3, active)
        after = session.weights()
        assert np.isnan(costs[:, 0]).all(), "an inactive member has a cost"
        assert np.isfinite(costs[:, 1:]).all()
        _same(after[:1], before[:1], "an inactive member")
        for number in range(1, len(program.members)):
            assert any((after[number][n] != before[number][n]).any() for n in before[number])


def check_outputs(engine: Engine, device: str = "cpu") -> None:
    """Outputs have one row per row of the part, float32, probabilities where they should be."""
    for loss in ("bce", "cross-entropy", "mse"):
        program = dense_program(Case(loss, folds=3))
        session = engine.start(program, device, 1)
        session.advance(1, _all(program))
        shape = program.network.shapes[program.network.outputs[0]]
        for part in ("train", "test", "validation"):
            for member, output in zip(program.members, session.outputs(part), strict=True):
                rows = program.rows(program.portions[member.portion], part)
                assert output.shape == (len(rows), *shape), f"outputs of {part}: {output.shape}"
                assert output.dtype == np.float32
                assert loss == "mse" or ((output >= 0) & (output <= 1)).all()


def check_divergence(engine: Engine, device: str = "cpu") -> None:
    """A loss that is not a number comes back as such; nothing is raised."""
    program = dense_program(Case("mse", "ReLU", changes=(("learning_rate", 1e30),)))
    costs = engine.start(program, device, 1).advance(20, _all(program))
    assert not np.isfinite(costs[-1]).any(), "the loss should have left all bounds"


def check_refusals(engine: Engine, device: str = "cpu") -> None:
    """Refusals are sentences, and what is not refused has an estimate."""
    program = dense_program(Case())
    assert engine.refusal(program, device) == "", "a plain dense network is refused"
    estimate = engine.estimate(program, device)
    assert estimate.train > 0 and estimate.compile >= 0 and estimate.reason
    sequences = sequential([LSTM(hidden_size=4, last=True), Linear(4, 1)], shape=(3, 2))
    recurrent = Program(
        sequences,
        np.zeros((8, 3, 2)),
        np.zeros((8, 1), dtype=np.float32),
        (Portion(np.arange(8), np.arange(0), np.arange(0)),),
        program.members[:1],
        "mse",
    )
    for said in (engine.refusal(recurrent, device), engine.refusal(program, "abacus")):
        assert said == "" or (len(said.split()) >= 3 and "\n" not in said), said
    assert engine.refusal(program, "abacus"), "an unknown device is not refused"


def check_threads(engine: Engine, device: str = "cpu") -> None:
    """With two threads the losses are those of one, within the tolerance."""
    program = dense_program(Case("mse", "Tanh", changes=SGD))
    found = [engine.start(program, device, n).advance(10, _all(program)) for n in (1, 2)]
    np.testing.assert_allclose(found[0], found[1], rtol=TOLERANCE)


def check_thread_invariance(engine: Engine, device: str = "cpu") -> None:
    """For engines that promise it: weights do not depend on the number of threads."""
    for case in _varied():
        program = dense_program(case)
        found = []
        for threads in (1, 2):
            session = engine.start(program, device, threads)
            session.advance(4, _all(program))
            found.append(session.weights())
        _same(found[0], found[1], f"threads, {case}")


CHECKS: dict[str, Callable[[Engine, str], None]] = {
    "start": check_start,
    "chunks": check_chunks,
    "restore": check_restore,
    "inactive": check_inactive,
    "outputs": check_outputs,
    "divergence": check_divergence,
    "refusals": check_refusals,
    "threads": check_threads,
}


def check_engine(engine: Engine, device: str = "cpu") -> None:
    """All checks on one engine.

    Raises:
        AssertionError: the first promise that does not hold.
    """
    for check in CHECKS.values():
        check(engine, device)
    taken = [check_numbers(engine, case, device) for case in NUMERIC_CASES]
    assert any(taken), "the engine refused every program"


def _varied() -> tuple[Case, ...]:
    return (
        Case("bce", "ReLU", folds=3, changes=SGD),
        Case("mse", "Tanh", changes=(*OPTIMISERS["adam"], ("shuffle", "epoch"))),
        Case("cross-entropy", "Tanh", row_weights=True, folds=3, changes=(("batch_size", 13),)),
    )


def _standard(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shift and scale to mean 0 and deviation 1."""
    return values.mean(axis=0), 1.0 / values.std(axis=0)


def _all(program: Program) -> NDArray[np.bool_]:
    return np.ones(len(program.members), dtype=np.bool_)


def _same(found: Sequence[Weights], expected: Sequence[Weights], what: str) -> None:
    for one, other in zip(found, expected, strict=True):
        assert list(one) == list(other), f"{what}: {list(one)} against {list(other)}"
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name], err_msg=f"{what}: {name}")
