"""Delays of an emulated runtime, from a few figures or from a trace."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any, Self

import numpy as np

from lamina.planning.simulation.world import Draw


def delays(value: Any) -> tuple[float, ...]:
    """Seconds of deployments: a number, a list, or a CSV file with a column `deploy_s`."""
    if isinstance(value, str):
        try:
            with Path(value).open(newline="", encoding="utf-8") as file:
                found = [float(row["deploy_s"]) for row in csv.DictReader(file)]
        except OSError as error:
            raise ValueError(f"a file that can be read ({error.strerror})") from error
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError("a CSV file with a column deploy_s of numbers") from error
    else:
        found = list(value) if isinstance(value, list) else [value]
    good = all(isinstance(s, int | float) and not isinstance(s, bool) and s >= 0 for s in found)
    if not found or not good:
        raise ValueError("seconds of at least 0, a list of them, or a CSV file with deploy_s")
    return tuple(float(s) for s in found)


@dataclass(frozen=True)
class Laws:
    """What attempts meet. Equal names get equal delays.

    Args:
        deployment: seconds, one of which is taken.
        warm, start: seconds before the work, and of it before the first item.
        item: seconds of each item.
        spread: standard deviation of the whole work, in seconds.
        bandwidth: bits per second; inf where nothing has to travel.
        fetch: seconds until results are back.
        failures, breaks: chances of a deployment to fail, and of work to break down.
        seed: other seeds, other delays.
    """

    deployment: Sequence[float] = (0.0,)
    warm: float = 0.0
    start: float = 0.0
    item: float = 0.1
    spread: float = 0.0
    bandwidth: float = inf
    fetch: float = 0.0
    failures: float = 0.0
    breaks: float = 0.0
    seed: int = 0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """From the settings of a profile; bandwidth is in Mbit/s there."""
        told = {name: settings[name] for name in cls.__dataclass_fields__ if name in settings}
        if "bandwidth" in told:
            told["bandwidth"] = told["bandwidth"] * 1e6
        return cls(**{**told, "seed": int(told.get("seed", 0))})

    def draw(self, name: str, items: int, upload: float, tries: int) -> Draw:
        """What an attempt meets."""
        digest = sha256(f"{self.seed} {name} {tries}".encode()).digest()
        source = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        deploy = float(self.deployment[int(source.integers(len(self.deployment)))])
        least = self.item * items * 0.5
        work = max(self.item * items + float(source.normal(0.0, 1.0)) * self.spread, least)
        refused = deploy * 0.5 if source.random() < self.failures else inf
        breaks = inf
        if source.random() < self.breaks:
            breaks = float(source.uniform(0.0, self.start + work))
        sent = upload * 8.0 / self.bandwidth
        return Draw(sent, deploy, refused, self.warm, self.start, work / items, self.fetch, breaks)
