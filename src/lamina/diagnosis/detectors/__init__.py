"""Detectors: ways to learn from labelled runs what went wrong; one file each."""

from __future__ import annotations

from lamina.diagnosis.detectors.base import Detector
from lamina.registry import Registry

DETECTORS: Registry[type[Detector]] = Registry(
    "detectors",
    "detector",
    {
        "default": "lamina.diagnosis.detectors.default:Default",
        "extra-trees": "lamina.diagnosis.detectors.extra_trees:ExtraTrees",
        "gradient-boosting": "lamina.diagnosis.detectors.gradient_boosting:GradientBoosting",
        "nearest": "lamina.diagnosis.detectors.nearest:Nearest",
        "alexnet": "lamina.diagnosis.detectors.networks:AlexNet",
        "paper-cnn": "lamina.diagnosis.detectors.networks:PaperCnn",
        "resnet-18": "lamina.diagnosis.detectors.networks:ResNet18",
        "vgg-16": "lamina.diagnosis.detectors.networks:Vgg16",
    },
    extras={},
)
"""Name of a detector -> its class."""
