"""Detectors: ways to learn from labelled runs what went wrong; one file each."""

from __future__ import annotations

from lamina.diagnosis.detectors.base import Detector
from lamina.registry import Registry

DETECTORS: Registry[type[Detector]] = Registry(
    "detectors",
    "detector",
    {
        "nearest": "lamina.diagnosis.detectors.nearest:Nearest",
    },
    extras={},
)
"""Name of a detector -> its class."""
