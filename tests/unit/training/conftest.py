"""Small data and the reference engine for the tests of this room."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.data.tables import Table
from lamina.nets.network import Network
from lamina.nets.zoo import mlp
from lamina.testing.reference_engine import ReferenceEngine
from lamina.training.engines import ENGINES


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> str:
    """The NumPy engine under the name "reference", for one test."""
    monkeypatch.setitem(ENGINES._targets, "reference", ReferenceEngine)
    return "reference"


@pytest.fixture
def table() -> Table:
    """120 rows, two features on different scales, two classes that a line parts."""
    generator = np.random.default_rng(5)
    a, b = generator.normal(size=120), 1000.0 * generator.normal(size=120)
    label = (a + b / 1000.0 + 0.2 * generator.normal(size=120) > 0).astype(np.int64)
    return Table({"a": a, "b": b, "label": label}, "moons")


@pytest.fixture
def network() -> Network:
    """2-4-1 with a Sigmoid last."""
    return mlp(2, [4], 1, name="tiny")
