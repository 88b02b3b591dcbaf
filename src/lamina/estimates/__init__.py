"""How long things take: distributions learned from history, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.registry import Registry

if TYPE_CHECKING:  # NumPy takes longer to load than a dry run may
    from lamina.estimates.base import Predictor

_AT = "lamina.estimates.predictors"

PREDICTORS: Registry[type[Predictor]] = Registry(
    "predictors",
    "predictor",
    {
        "auto-regression": f"{_AT}.auto_regression:AutoRegression",
        "bandwidth-division": f"{_AT}.bandwidth_division:BandwidthDivision",
        "bayesian-ridge-10": f"{_AT}.bayesian_ridge:BayesianRidge",
        "decayed-line": f"{_AT}.decayed_line:DecayedLine",
        "decayed-quantiles": f"{_AT}.decayed_quantiles:DecayedQuantiles",
        "default": f"{_AT}.mixture:Mixture",
        "levelled-line": f"{_AT}.levelled_line:LevelledLine",
        "link": f"{_AT}.link:Link",
        "mean-window": f"{_AT}.tuned_window:MeanWindow",
        "median-window": f"{_AT}.tuned_window:MedianWindow",
        "nearby": f"{_AT}.nearby:Nearby",
        "ransac-10": f"{_AT}.ransac:Ransac",
        "relative-huber": f"{_AT}.relative_huber:RelativeHuber",
    },
)
"""Name of a predictor -> its class; `default` is the one for processing times."""


def restored(document: dict[str, object]) -> Predictor:
    """The predictor of a document that `Predictor.to_document` made.

    Raises:
        UnknownNameError: the document names a predictor that no table knows.
        DataError: the document is none of a predictor.
    """
    from lamina.errors import DataError

    name = document.get("predictor")
    if not isinstance(name, str):
        raise DataError(
            f"a saved predictor without its name: {str(document)[:60]}",
            f"it needs the key 'predictor': {', '.join(PREDICTORS.names())}",
        )
    return PREDICTORS.get(name).from_document(document)
