"""Programs as tasks: words, one per line, sorted, counted, the most frequent first."""

from __future__ import annotations

from pathlib import Path

from lamina import run
from lamina.workflow import Workflow, command, workflow


def command_pipeline() -> Workflow:
    """The same workflow as command-pipeline.yaml."""
    words = command(["tr", "-s", " ", "\\n"], stdin="text", stdout="words", name="words")
    order = command(["sort", "{words}", "-o", "{ordered}"], paths={"ordered": "ordered.txt"})
    count = command(["uniq", "-c", "{ordered}"], stdout="counts", name="count")
    first = command(["sort", "-k1,1nr", "-k2", "{counts}"], stdout="ranked", name="rank")
    with workflow("command-pipeline", folder=Path(__file__).parent) as w:
        text = w.input("text", "file", default="words.txt")
        w.output("ranked", first(count(order(words(text)))))
    return w.workflow


if __name__ == "__main__":
    print(run(command_pipeline()).outputs["ranked"].read_text())  # noqa: T201
