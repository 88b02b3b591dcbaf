"""Detection without labels: what is strange, from runs in which nothing went wrong."""

from __future__ import annotations

from lamina.diagnosis.novelty.base import Novelty
from lamina.registry import Registry

DEFAULT = "slow-down"
"""The method that is taken when none is named."""

NOVELTY: Registry[type[Novelty]] = Registry(
    "novelty",
    "way to find what is strange",
    {
        "slow-down": "lamina.diagnosis.novelty.slow_down:SlowDown",
        "one-class": "lamina.diagnosis.novelty.one_class:OneClass",
        "autoencoder": "lamina.diagnosis.novelty.autoencoder:Autoencoder",
        "pyod-iforest": "lamina.diagnosis.novelty.outliers:IsolationForest",
        "pyod-knn": "lamina.diagnosis.novelty.outliers:Neighbours",
        "pyod-lof": "lamina.diagnosis.novelty.outliers:LocalOutlierFactor",
    },
    extras=dict.fromkeys(("pyod-iforest", "pyod-knn", "pyod-lof"), "pyod"),
)
"""Name of a way to find what is strange -> its class."""
