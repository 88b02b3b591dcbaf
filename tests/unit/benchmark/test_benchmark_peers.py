"""Each peer trains what it is given, and what our engines train."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from lamina.benchmark.cases import Case
from lamina.benchmark.measure import lesson
from lamina.benchmark.peers import CARDS, PEERS, Lesson, Peer, Trained
from lamina.errors import UnknownNameError
from lamina.testing.peers import check_peer, simple_lesson
from lamina.training.engines import ENGINES

EXACT = ("torch-memory", "jax")
"""Peers that start from the given weights and keep the order of rows."""


def installed(name: str) -> str:
    """The peer's name, if its library is there; the test is skipped with the reason if not."""
    library = CARDS[name].library
    if find_spec(library) is None:
        pytest.skip(f"no {library}: pip install {library}")
    return name


@pytest.fixture
def simple() -> Lesson:
    return simple_lesson()


@pytest.mark.parametrize("name", sorted(CARDS))
def test_a_peer_keeps_what_the_conformance_suite_asks(name: str) -> None:
    check_peer(PEERS.get(installed(name))())


class Lazy(Peer):
    """A peer that trains nothing."""

    def train(self, lesson: Lesson) -> Trained:
        return Trained(1.0, 0.0, lambda rows: np.full(len(rows), 0.5, dtype=np.float32))


def test_the_conformance_suite_finds_a_peer_that_does_not_train() -> None:
    with pytest.raises(AssertionError, match="a simple rule is learned"):
        check_peer(Lazy())


@pytest.mark.parametrize("name", EXACT)
def test_a_peer_and_the_fused_engine_end_with_the_same_probabilities(name: str, case: Case) -> None:
    program = case.program("I", 30, seed=0)
    member = program.members[0]
    session = ENGINES.get("fused")().start(program, "cpu", 1)
    session.advance(30, np.ones(1, dtype=np.bool_))
    ours = session.outputs("test")[0].reshape(-1)
    trained = PEERS.get(installed(name))().train(lesson(program, member, 1))
    rows = program.prepared(program.portions[0], "test").astype(np.float32)
    assert trained.probabilities(rows) == pytest.approx(ours, abs=1e-4)


def test_jax_compiles_a_shape_once(simple: Lesson) -> None:
    peer = PEERS.get(installed("jax"))()
    first, second = peer.train(simple), peer.train(simple)
    assert second.compile_seconds < first.compile_seconds / 10


def test_a_lesson_says_sizes_in_the_words_of_the_peers(simple: Lesson) -> None:
    assert (simple.batches, simple.batch_size, simple.hidden) == (6, 34, (4,))


def test_a_lesson_carries_the_members_own_settings(case: Case) -> None:
    program = case.program("III", 7, seed=5)
    last = lesson(program, program.members[-1], 2)
    assert (last.learning_rate, last.momentum, last.epochs) == (0.1, 0.1, 7)
    assert (last.seed, last.threads) == (9, 2)
    assert [w.shape for w, _ in last.layers] == [(3, 4), (1, 3)]
    assert len(last.features) == len(program.portions[4].train)


def test_an_unknown_peer_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="sklearn"):
        PEERS.get("keras")
