"""Training with taps as a task: what layers gave every N epochs leaves through a port."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NamedTuple

from lamina.data.tables import Table
from lamina.errors import SettingsError
from lamina.nets.bundle import Bundle
from lamina.nets.network import Network
from lamina.training.taps import Tap, Tapped
from lamina.training.tasks import train


class TappedTraining(NamedTuple):
    """The model, and what the taps saw: by epoch, then layer, then training."""

    model: Bundle
    tapped: list[Any]


def train_tapped(
    network: Network,
    table: Table,
    target: str,
    taps: list[dict[str, Any]],
    settings: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> TappedTraining:
    """Trains a network and hands on what some of its layers gave on the way.

    Args:
        network, table, target, settings: as `lamina.training.tasks.train`.
        taps: for each a mapping: `layer`, and if wanted `every` (epochs between two looks, 100;
            the last epoch is looked at, too), `part` (rows to look at: "train", "validation" or
            "test"), `limit` (at most so many rows, 256).
        options: as those of `train`, and `plan`.

    Returns:
        The model, and one `lamina.training.taps.Tapped` for each look, layer and training.

    Raises:
        SettingsError: no such layer, or a tap that does not hold.
        LaminaError: as `train`.
    """
    seen: list[Tapped] = []
    known = tuple(f.name for f in fields(Tap) if f.name != "function")
    mistakes = [
        f"tap {number}: {problem}"
        for number, tap in enumerate(taps)
        for problem in _unfit(tap, known)
    ]
    if mistakes:
        raise SettingsError("taps cannot be read", mistakes, f"a tap has: {', '.join(known)}")
    given = {**(options or {}), "taps": [Tap(function=seen.append, **tap) for tap in taps]}
    plan = given.pop("plan", "holdout")
    return TappedTraining(train(network, table, target, plan, settings, given), seen)


def _unfit(tap: dict[str, Any], known: tuple[str, ...]) -> list[str]:
    found = [f"unknown {name!r}" for name in tap if name not in known]
    found += [] if isinstance(tap.get("layer"), str) else ["names no layer"]
    found += [
        f"{name} = {tap[name]!r} is no whole number"
        for name in ("every", "limit")
        if not isinstance(tap.get(name, 1), int)
    ]
    return found
