"""The papers' comprehensive workflow: three trained networks predict, an ordinary task votes.

The same workflow as ensemble.yaml. `python ensemble.py DATA FIRST SECOND THIRD` runs it.
"""

from __future__ import annotations

import sys
from typing import Any

from lamina import run
from lamina.data.tables import Table, read_table
from lamina.nets.bundle import Bundle
from lamina.workflow import Workflow, named, task, workflow


@task
def score(votes: Table, data: Table, model: Bundle) -> dict[str, Any]:
    """How many votes are right, by the labels of the data."""
    truth = data[model.preparation["target"]].astype(int)
    right = truth == votes["prediction"]
    return {"rows": len(truth), "right": int(right.sum()), "accuracy": float(right.mean())}


def ensemble() -> Workflow:
    """Three models in, one prediction per row out."""
    with workflow("ensemble-vote") as w:
        data = w.input("data", "table")
        models = [w.input(name, "model") for name in ("first", "second", "third")]
        ballots = [named("predict")(model=model, table=data) for model in models]
        votes = named("vote")(tables=ballots)
        w.output("predictions", votes)
        w.output("score", score(votes, data, models[0]))
    return w.workflow


if __name__ == "__main__":
    table, *paths = sys.argv[1:]
    inputs: dict[str, Any] = {"data": read_table(table)}
    for name, path in zip(("first", "second", "third"), paths, strict=True):
        inputs[name] = Bundle.load(path)
    outcome = run(ensemble(), inputs)
    print(outcome["predictions"].columns)  # noqa: T201
    print(outcome["score"])  # noqa: T201
