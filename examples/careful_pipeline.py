"""Needs of tasks, pre and post scripts, retries: what a task may say besides what it does."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lamina import run
from lamina.workflow import Workflow, command, task, workflow


@task(
    cpus=1,
    memory="150 MB",
    time="2 min",
    retries=3,
    retry=["memory", "time", "lost", "error"],
    fresh=True,
)
def longest(words: Path, copies: int) -> list[str]:
    """The five longest words; wastes memory for the sake of the example."""
    found = words.read_text(encoding="utf-8").split()
    waste = [" ".join(found)[:100] * 1000 for _ in range(copies)]
    assert len(waste) == copies
    time.sleep(0.5)  # memory is looked at a few times a second
    return sorted(set(found), key=lambda word: (-len(word), word))[:5]


@task(cache=False, variables=["LANG"], secrets=["GREETING_TOKEN"])
def greeting(words: list[str]) -> str:
    """A greeting in the language of the environment; what `LANG` is decides over its cache key."""
    hello = "Guten Tag" if os.environ.get("LANG", "").startswith("de") else "Good day"
    return f"{hello}, {words[0]}"


def careful_pipeline() -> Workflow:
    """The same workflow as careful-pipeline.yaml."""
    with workflow("careful-pipeline", folder=Path(__file__).parent) as w:
        text = w.input("text", "file", default="words.txt")
        copies = w.input("copies", "int", default=2000)
        words = command(
            ["tr", "-s", " ", "\\n"],
            stdin="text",
            stdout="words",
            name="words",
            environment={"LC_ALL": "C"},
            cpus=0.5,
            time="1 min",
            before=["sh", "-c", "echo $LAMINA_TASK begins"],
            after=["sh", "-c", "echo $LAMINA_TASK $LAMINA_STATUS"],
        )
        found = longest(words(text=text), copies)
        w.output("longest", found)
        w.output("greeting", greeting(found))
    return w.workflow


if __name__ == "__main__":
    print(run(careful_pipeline()).outputs["longest"])  # noqa: T201
