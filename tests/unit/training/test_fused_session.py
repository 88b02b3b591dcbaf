"""Sessions of the fused engine: threads, members, states, orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from lamina.errors import CheckpointError
from lamina.nets.layers.activations import GELU, ReLU, Sigmoid, Softmax
from lamina.nets.layers.linear import Linear
from lamina.nets.network import sequential
from lamina.training.engines import fused_chain
from lamina.training.engines.fused import FusedEngine
from lamina.training.engines.fused_kernel import build
from lamina.training.engines.fused_kernel.plan import Core
from lamina.training.engines.fused_session import FusedSession, Pace
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings


def program(rows: int, members: int = 1, **values: Any) -> Program:
    generator = np.random.default_rng(rows)
    features = generator.normal(size=(rows, 6))
    targets = (features[:, :1] + features[:, 1:2] ** 2 > 0.5).astype(np.float32)
    order = generator.permutation(rows)
    portions = (
        Portion(order[: rows - 7], order[rows - 7 :], order[:0]),
        Portion(order[5:], order[:5], order[:0]),
    )
    network = sequential([Linear(6, 7), ReLU(), Linear(7, 3), GELU(), Linear(3, 1), Sigmoid()])
    chosen = Settings(**{"batches": 2, "learning_rate": 0.05, **values})
    listed = tuple(Member(f"member {i}", i % 2, chosen, i) for i in range(members))
    return Program(network, features, targets, portions, listed, "bce")


def trained(
    wanted: Program, threads: int, epochs: int = 3, pace: Pace | None = None
) -> tuple[np.ndarray[Any, Any], list[dict[str, np.ndarray[Any, Any]]]]:
    session = FusedEngine().start(wanted, "cpu", threads)
    assert isinstance(session, FusedSession)
    if pace is not None:
        session._pace = pace
    losses = session.advance(epochs, np.ones(len(wanted.members), dtype=np.bool_))
    return losses, session.weights()


class Always(Pace):
    """Threads always share members."""

    def together(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize("members", [1, 2, 3, 5])
@pytest.mark.parametrize("values", [{}, {"optimiser": "adam", "clip_norm": 0.1}], ids=str)
def test_any_number_of_threads_gives_the_same_bits(members: int, values: dict[str, Any]) -> None:
    wanted = program(9000, members, **values)
    losses, weights = trained(wanted, 1)
    for threads in (2, 3):
        again, others = trained(wanted, threads, pace=Always())
        np.testing.assert_array_equal(again, losses)
        for one, other in zip(weights, others, strict=True):
            for name, array in one.items():
                np.testing.assert_array_equal(array, other[name])


def test_members_do_not_depend_on_their_company() -> None:
    wanted = program(300, 4)
    losses, _ = trained(wanted, 2)
    for place, member in enumerate(wanted.members):
        alone = Program(
            wanted.network, wanted.features, wanted.targets, wanted.portions, (member,), "bce"
        )
        np.testing.assert_array_equal(trained(alone, 1)[0][:, 0], losses[:, place])


@given(cuts=st.lists(st.integers(1, 4), min_size=1, max_size=4), shuffle=st.booleans())
@examples(deadline=None, max_examples=10)
def test_advancing_in_parts_gives_the_same_bits(cuts: list[int], shuffle: bool) -> None:
    wanted = program(150, 2, shuffle="epoch" if shuffle else "once", schedule="cosine")
    whole, expected = trained(wanted, 1, sum(cuts))
    session = FusedEngine().start(wanted, "cpu", 2)
    parts = [session.advance(cut, np.array([True, True])) for cut in cuts]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    for one, other in zip(session.weights(), expected, strict=True):
        assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_narrower_vectors_agree(lanes: int) -> None:
    wanted = program(500, epochs=20)
    expected = trained(wanted, 1, 20)[0]
    core = build.host().core
    plan = fused_chain.plan(wanted, Core(lanes, 32 if lanes == 4 else 16, core.x86))
    found = FusedSession(wanted, plan, 1).advance(20, np.array([True]))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_state_of_another_network_is_refused() -> None:
    session = FusedEngine().start(program(100), "cpu", 1)
    state = session.state()
    state["parameters"] = state["parameters"][:, :16]
    with pytest.raises(CheckpointError, match="parameters"):
        session.restore(state)
    with pytest.raises(CheckpointError, match="epoch"):
        session.restore({k: v for k, v in session.state().items() if k != "epoch"})


def test_a_refused_state_changes_nothing() -> None:
    session = FusedEngine().start(program(100), "cpu", 1)
    before = session.weights()[0]
    state = {name: array + 1 for name, array in session.state().items()}
    del state["second"]
    with pytest.raises(CheckpointError, match="second"):
        session.restore(state)
    assert all((session.weights()[0][name] == array).all() for name, array in before.items())


def test_a_loss_that_is_no_number_is_returned() -> None:
    wanted = program(100)
    wanted.features[3, 2] = np.nan
    losses, _ = trained(wanted, 1)
    assert np.isnan(losses).all()


def test_softmax_outputs_are_probabilities() -> None:
    generator = np.random.default_rng(0)
    network = sequential([Linear(4, 40), Softmax()])
    rows = np.arange(50)
    wanted = Program(
        network,
        generator.normal(size=(50, 4)) * 30,
        generator.integers(0, 40, 50),
        (Portion(rows, rows[:17], rows[:0]),),
        (Member("one", 0, Settings(epochs=2), 0),),
        "cross-entropy",
    )
    session = FusedEngine().start(wanted, "cpu", 1)
    session.advance(2, np.array([True]))
    (outputs,) = session.outputs("test")
    assert outputs.shape == (17, 40)
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=1e-5)
    assert session.outputs("validation")[0].shape == (0, 40)


def test_the_faster_way_is_taken_and_the_other_tried_again() -> None:
    pace = Pace()
    ways = []
    for _ in range(3 * Pace.RETRY):
        way = pace.together()
        ways.append(way)
        pace.record(way, 2.0 if way else 1.0)
    assert ways[:2] == [True, False]
    assert ways.count(True) == 4


def test_momentum_of_dead_units_does_not_slow_training() -> None:
    wanted = program(64, epochs=3000, momentum=0.5)
    session = FusedEngine().start(wanted, "cpu", 1)
    session.advance(3000, np.array([True]))
    first = np.abs(session.state()["first"].astype(np.float64))
    tiny = float(np.finfo(np.float32).tiny)
    assert not ((first > 0) & (first < tiny)).any()
