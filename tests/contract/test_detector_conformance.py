"""Every detector is held to the conformance suite that ships."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Detector
from lamina.errors import MissingExtraError
from lamina.testing.detectors import CONFORMANCE

SMALL: Mapping[str, Mapping[str, Any]] = {}
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
