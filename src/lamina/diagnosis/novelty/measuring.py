"""How well strange runs are told from normal ones, whatever the threshold."""

from __future__ import annotations

import numpy as np

from lamina.diagnosis.runs import Floats


def roc_auc(normal: Floats, strange: Floats) -> float:
    """The share of pairs of a strange and a normal run in which the strange one scores more.

    Pairs that score the same count half. 1 is perfect, 0.5 is chance.

    Args:
        normal, strange: scores, (n,) and (m,), at least one each.
    """
    ordered = np.sort(normal)
    below = np.searchsorted(ordered, strange, side="left")
    same = np.searchsorted(ordered, strange, side="right") - below
    return float((below + 0.5 * same).mean() / len(ordered))
