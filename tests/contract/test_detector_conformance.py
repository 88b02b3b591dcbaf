"""Every detector is held to the conformance suite that ships."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Detector
from lamina.errors import MissingExtraError
from lamina.testing.detectors import CONFORMANCE

_CHARTS = {
    "size": 32,
    "axis": "absolute",
    "epochs": 25,
    "patience": 20,
    "learning_rate": 3e-3,
    "threads": 1,
}
_FROM_SCRATCH = {**_CHARTS, "weights": ""}
SMALL: Mapping[str, Mapping[str, Any]] = {
    "alexnet": {**_FROM_SCRATCH, "size": 64, "width": 0.1, "channels": "phases"},
    "paper-cnn": {**_CHARTS, "width": 0.25},
    "resnet-18": {**_FROM_SCRATCH, "width": 0.1},
    "vgg-16": {**_FROM_SCRATCH, "learning_rate": 5e-4, "width": 0.06, "channels": "phases"},
}
"""Options with which those that take long learn in seconds."""


@pytest.mark.parametrize("check", CONFORMANCE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", DETECTORS.names())
def test_a_detector_conforms(
    name: str, check: Callable[[Detector, Mapping[str, Any]], None]
) -> None:
    try:
        detector = DETECTORS.get(name)()
    except MissingExtraError as error:
        pytest.skip(str(error))
    check(detector, SMALL.get(name, {}))
