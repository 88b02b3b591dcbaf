"""A condition in a workflow: a larger network is trained only if the small one is too weak."""

from __future__ import annotations

from pathlib import Path

from lamina import run
from lamina.data.tables import Table
from lamina.nets.bundle import Bundle
from lamina.training.tasks import evaluate
from lamina.workflow import Builder, Workflow, choose, named, task, workflow


@task
def weak(model: Bundle, table: Table, wanted: float) -> bool:
    """Whether the model is right less often than wanted."""
    return bool(evaluate(model, table)["accuracy"] < wanted)


@task
def choice(first: Bundle, second: Bundle, table: Table) -> Bundle:
    """The one that is right more often."""
    right = [evaluate(model, table)["accuracy"] for model in (first, second)]
    return second if right[1] > right[0] else first


def larger() -> Builder:
    """What runs if the small network is weak; if it is not, its model is handed on as it is."""
    with workflow("larger") as w:
        model = w.input("model", "model")
        table = w.input("table", "table")
        target = w.input("target", "str")
        trained = named("train")(
            network="5-8-4-1",
            table=table,
            target=target,
            settings={"epochs": 400, "learning_rate": 0.05, "seed": 1},
        )
        w.output("model", choice(model, trained, table))
    return w


def second_opinion() -> Workflow:
    """The same workflow as second-opinion.yaml."""
    with workflow("second-opinion", folder=Path(__file__).parent) as w:
        data = w.input("data", "table", default="breast-cancer")
        target = w.input("target", "str", default="label")
        wanted = w.input("wanted", "float", default=0.95)
        parts = named("split-table")(table=data, target=target, test=0.25, seed=0)
        small = named("train").named("small")(
            network="papers-1", table=parts.train, target=target, settings={"epochs": 30, "seed": 1}
        )
        better = choose(then=larger(), name="better")(
            when=weak(small, parts.test, wanted), model=small, table=parts.train, target=target
        )
        w.output("model", better)
        w.output("metrics", named("evaluate").named("judge")(model=better, table=parts.test))
    return w.workflow


if __name__ == "__main__":
    print(run(second_opinion()).outputs["metrics"]["accuracy"])  # noqa: T201
