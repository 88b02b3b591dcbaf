"""Every way to find strange runs keeps what the conformance suite asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import pytest

from lamina.diagnosis.novelty import DEFAULT, NOVELTY
from lamina.diagnosis.novelty.base import Novelty
from lamina.errors import MissingExtraError
from lamina.testing.novelty import CONFORMANCE

SMALL: Mapping[str, Mapping[str, Any]] = {"autoencoder": {"size": 16, "epochs": 10}}
"""Options with which those learn that take long otherwise."""

Check = Callable[[Novelty, Mapping[str, Any]], None]


def _way(name: str) -> Novelty:
    if name.startswith("pyod") and find_spec("pyod") is None:
        pytest.skip(f"{name} needs PyOD: pip install 'lamina[pyod]'")
    return NOVELTY.get(name)()


@pytest.mark.parametrize("check", CONFORMANCE, ids=lambda check: str(check.__name__))
@pytest.mark.parametrize("name", NOVELTY.names())
def test_ways_to_find_strange_runs_conform(name: str, check: Check) -> None:
    check(_way(name), SMALL.get(name, {}))


def test_the_default_is_one_of_them() -> None:
    assert DEFAULT in NOVELTY


@pytest.mark.skipif(find_spec("pyod") is not None, reason="PyOD is installed: pip uninstall pyod")
def test_without_pyod_its_extra_is_named() -> None:
    with pytest.raises(MissingExtraError, match="pyod"):
        NOVELTY.get("pyod-knn")
