"""The conformance suite of the benchmark's peers: what every peer has to keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lamina.benchmark.peers import Lesson, Peer


def check_peer(peer: Peer) -> None:
    """Holds a peer to what the benchmark expects of it.

    It learns a simple rule, gives one float32 probability per row, leaves what it was given as
    it was, says its times, and gives the same probabilities for the same lesson again.

    Raises:
        AssertionError: what the peer does not keep.
    """
    given = simple_lesson()
    before = given.features.copy(), [(w.copy(), b.copy()) for w, b in given.layers]
    trained = peer.train(given)
    probabilities = trained.probabilities(given.features)
    assert probabilities.shape == (len(given.features),), "one probability per row"
    assert probabilities.dtype == np.float32, "probabilities are float32"
    assert probabilities.min() >= 0.0, "no probability below 0"
    assert probabilities.max() <= 1.0, "no probability above 1"
    right = np.mean((probabilities >= 0.5) == (given.targets >= 0.5))
    assert right > 0.95, f"a simple rule is learned; {right:.0%} of the rows are right"
    assert trained.seconds > 0.0, "the epochs take time"
    assert trained.compile_seconds >= 0.0, "compiling takes no negative time"
    assert np.array_equal(before[0], given.features), "features are left as they were"
    for (weight, bias), (w, b) in zip(given.layers, before[1], strict=True):
        assert np.array_equal(weight, w), "initial weights are left as they were"
        assert np.array_equal(bias, b), "initial biases are left as they were"
    again = peer.train(given).probabilities(given.features)
    assert np.allclose(again, probabilities, atol=1e-5), "the same lesson gives the same"
    short = peer.train(replace(given, epochs=1)).probabilities(given.features)
    assert not np.allclose(short, probabilities, atol=1e-3), "epochs count"


def simple_lesson() -> Lesson:
    """Two hundred rows of three features; the first decides the class."""
    features = np.random.default_rng(0).random((200, 3), dtype=np.float32)
    targets = (features[:, 0] > 0.5).astype(np.float32)
    start = np.random.default_rng(1)
    layers = tuple(
        (start.random((outputs, inputs), dtype=np.float32), np.zeros(outputs, np.float32))
        for inputs, outputs in ((3, 4), (4, 1))
    )
    bounds = np.array([0, 34, 67, 100, 133, 166, 200], dtype=np.int64)
    return Lesson(features, targets, bounds, layers, 200, 0.1, 0.9, 0, 1)
