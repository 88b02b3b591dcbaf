"""Word count as map-reduce: split the lines, count per part, shuffle by word, total, rank."""

from __future__ import annotations

from pathlib import Path

from lamina import run
from lamina.workflow import Workflow, named, task, workflow

Pair = list[str | int]


@task
def read_lines(text: Path) -> list[str]:
    """Lines of a text file."""
    return text.read_text(encoding="utf-8").splitlines()


@task
def count(lines: list[str]) -> list[list[str | int]]:
    """Map: one (word, 1) pair per word."""
    return [[word, 1] for line in lines for word in line.lower().split()]


@task
def total(pairs: list[list[str | int]]) -> list[list[str | int]]:
    """Reduce: the sum per word; a word is in one list only."""
    sums: dict[str, int] = {}
    for word, number in pairs:
        sums[str(word)] = sums.get(str(word), 0) + int(number)
    return [[word, number] for word, number in sums.items()]


@task
def rank(pairs: list[list[str | int]]) -> dict[str, int]:
    """Words by count, the most frequent first."""
    return {str(word): int(n) for word, n in sorted(pairs, key=lambda p: (-int(p[1]), str(p[0])))}


def word_count() -> Workflow:
    """The same workflow as word-count.yaml."""
    with workflow("word-count", folder=Path(__file__).parent) as w:
        text = w.input("text", "file", default="words.txt")
        parts = w.input("parts", "int", default=3)
        chunks = named("split")(items=read_lines(text), parts=parts)
        pairs = count.map(chunks)
        shuffled = named("shuffle")(pairs=pairs, parts=parts)
        totals = total.map(shuffled)
        w.output("words", rank(named("join")(parts=totals)))
    return w.workflow


if __name__ == "__main__":
    for word, number in run(word_count()).outputs["words"].items():
        print(f"{number:3d} {word}")  # noqa: T201
