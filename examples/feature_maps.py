"""Feature maps as values: a layer is tapped while a network trains, and after it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina import run
from lamina.data.tables import Table
from lamina.training.taps import Tapped
from lamina.workflow import Workflow, named, task, workflow


@task
def look(tapped: Tapped) -> dict[str, Any]:
    """How strong each map is, and how many of its values are zero, after some epochs."""
    return {
        "layer": tapped.layer,
        "epoch": tapped.epoch,
        "strength": [round(float(x), 4) for x in tapped.values.mean(axis=(0, 2, 3))],
        "zeros": round(float((tapped.values == 0).mean()), 4),
    }


@task
def strongest(maps: NDArray[Any], table: Table) -> dict[str, int]:
    """For each digit, the number of the map that answers to it most, beside other digits."""
    strength = maps.mean(axis=(2, 3))
    strength = strength - strength.mean(axis=0)
    return {
        str(digit): int(strength[table["digit"] == digit].mean(axis=0).argmax())
        for digit in np.unique(table["digit"])
    }


def feature_maps() -> Workflow:
    """The same workflow as feature-maps.yaml."""
    with workflow("feature-maps") as w:
        data = w.input("data", "table", default="digits")
        network = w.input("network", "network", default="digits-cnn")
        layer = w.input("layer", "str", default="r1")
        every = [{"layer": "r1", "every": 5, "limit": 64}]
        taps = w.input("taps", "list[json]", default=every)
        parts = named("split-table")(table=data, test=0.2, target="digit")
        trained = named("train-tapped")(
            network=network,
            table=parts.train,
            target="digit",
            taps=taps,
            settings={"epochs": 10, "batches": 20, "learning_rate": 0.02},
            options={"threads": 1},
        )
        maps = named("layer-output")(model=trained.model, table=parts.test, layer=layer)
        w.output("course", look.map(trained.tapped))
        w.output("maps", maps)
        w.output("strongest", strongest(maps, parts.test))
        w.output("model", trained.model)
    return w.workflow


if __name__ == "__main__":
    outputs = run(feature_maps()).outputs
    for line in outputs["course"]:
        print(line)  # noqa: T201
    print(outputs["strongest"])  # noqa: T201
