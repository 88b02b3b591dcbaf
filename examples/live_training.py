"""Streams: two tasks read what a training tells and shows while it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamina import run
from lamina.training.taps import Tapped
from lamina.workflow import Workflow, named, task, workflow
from lamina.workflow.telling import tell


@task(cpus=0.25)
def course(metrics: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Follows the loss: the first and the last, and after how many epochs it was halved."""
    losses: list[float] = []
    halved = None
    for epoch in metrics:
        losses.append(float(epoch["loss"]))
        if halved is None and losses[-1] <= losses[0] / 2:
            halved = int(epoch["epoch"])
            tell(halved=halved)
    return {"epochs": len(losses), "fell": losses[-1] < losses[0], "halved": halved}


@task(cpus=0.25)
def maps(tapped: Iterator[Tapped]) -> list[dict[str, Any]]:
    """Which feature map of the layer is the strongest, look by look."""
    found = []
    for look in tapped:
        strength = look.values.mean(axis=(0, 2, 3))
        found.append({"epoch": look.epoch, "strongest": int(strength.argmax())})
    return found


def live_training() -> Workflow:
    """The same workflow as live-training.yaml."""
    with workflow("live-training", folder=Path(__file__).parent) as w:
        data = w.input("data", "table", default="digits")
        network = w.input("network", "network", default="digits-cnn")
        settings = {"epochs": 12, "batches": 20, "learning_rate": 0.02, "seed": 1}
        epochs = w.input("epochs", "json", default=settings)
        train = named("train-tapped", cpus=1, time="10 min").named("train")
        trained = train(
            network=network,
            table=data,
            target="digit",
            taps=[{"layer": "r1", "every": 3, "limit": 32}],
            settings=epochs,
            options={"threads": 1},
        )
        w.output("model", trained.model)
        w.output("course", course(trained.metrics))
        w.output("maps", maps(trained.tapped))
    return w.workflow


if __name__ == "__main__":
    print(run(live_training()).outputs["course"])  # noqa: T201
