"""One workflow trains three networks, lets them vote on unseen rows, and judges them."""

from __future__ import annotations

from typing import Any

from lamina import run
from lamina.data.tables import Table
from lamina.workflow import Workflow, named, task, workflow

NETWORKS = ["papers-1", "5-4-1", "5-8-4-1"]


@task
def compare(votes: Table, test: Table, target: str, alone: list[dict[str, Any]]) -> dict[str, Any]:
    """Accuracy of each network alone, and of their vote."""
    right = votes["prediction"] == test[target]
    return {"alone": [found["accuracy"] for found in alone], "vote": float(right.mean())}


def train_and_predict() -> Workflow:
    """The same workflow as train-and-predict.yaml."""
    with workflow("train-and-predict") as w:
        data = w.input("data", "table", default="breast-cancer")
        target = w.input("target", "str", default="label")
        networks = w.input("networks", "list[network]", default=NETWORKS)
        settings = w.input("settings", "json", default={"epochs": 300, "seed": 1})
        parts = named("split-table")(table=data, target=target, test=0.2, seed=0)
        models = named("train").scatter("network")(
            network=networks, table=parts.train, target=target, settings=settings, plan="kfold:5"
        )
        ballots = named("predict").scatter("model")(model=models, table=parts.test)
        found = named("evaluate").scatter("model")(model=models, table=parts.test)
        votes = named("vote")(tables=ballots)
        w.output("models", models)
        w.output("predictions", votes)
        w.output("accuracy", compare(votes, parts.test, target, found))
    return w.workflow


if __name__ == "__main__":
    print(run(train_and_predict())["accuracy"])  # noqa: T201
