"""The workflows that are disturbed: one per shape, short, with values that go through the store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lamina.benchmark.faults import given

Entry = dict[str, Any]

TASKS = "campaign_tasks.py"
"""Name that the tasks' file gets beside the documents."""


@dataclass(frozen=True)
class Shape:
    """A workflow to disturb.

    Args:
        name: of the shape.
        document: makes it; gets the seconds that a task may take, or None.
        disturbed: units that can be told to do something wrong.
        streams, trains: what it has besides tasks.
    """

    name: str
    document: Callable[[float | None], Entry]
    disturbed: tuple[str, ...] = ()
    trains: bool = False

    def write(self, folder: Path, time: float | None = None, inputs: Entry | None = None) -> Path:
        """Writes the document and everything that it names into a folder.

        Args:
            folder: is there.
            time: seconds that a task may take.
            inputs: further inputs of the workflow, or other defaults of them.
        """
        shutil.copyfile(str(given.__file__), folder / TASKS)
        document = self.document(time)
        document.setdefault("inputs", {}).update(inputs or {})
        if self.trains:
            _write_rows(folder / "rows.csv")
        if self.name == "commands":
            (folder / "words.txt").write_text(_words(), encoding="utf-8")
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps({"lamina": "workflow/1", "name": self.name, **document}))
        return path


def _python(function: str, time: float | None, **keys: Any) -> Entry:
    entry: Entry = {"do": "python", "function": f"{TASKS}:{function}"}
    entry |= {"in": keys["given"]} if "given" in keys else {}
    entry |= {"with": keys["told"]} if "told" in keys else {}
    entry |= {"scatter": keys["scatter"]} if "scatter" in keys else {}
    return entry | ({"needs": {"time": time}} if time else {})


def _source(time: float | None, size: int = 4000) -> Entry:
    return _python("source", time, told={"seed": 7, "size": size})


def _chain(time: float | None) -> Entry:
    tasks = {"step0": _source(time)}
    for k in range(1, 8):
        told = {"by": 1.0 + k / 10}
        tasks[f"step{k}"] = _python("change", time, given={"values": f"step{k - 1}"}, told=told)
    tasks["sum"] = _python("total", time, given={"values": "step7"})
    return {"tasks": tasks, "outputs": {"sum": "sum", "last": "step7", "middle": "step4"}}


def _fan(time: float | None) -> Entry:
    tasks = {"start": _source(time)}
    names = [f"side{k}" for k in range(8)]
    for k, name in enumerate(names):
        told = {"by": 0.5 + k}
        tasks[name] = _python("change", time, given={"values": "start"}, told=told)
    tasks["mix"] = _python("mix", time, given={"values": names})
    return {"tasks": tasks, "outputs": {"mix": "mix", "first": "side0"}}


def _scatter(time: float | None) -> Entry:
    tasks = {
        "start": _source(time, 6000),
        "parts": _python("numbered", time, given={"values": "start"}, told={"parts": 6}),
        "change": _python(
            "change", time, given={"values": "parts"}, told={"by": 1.5}, scatter=["values"]
        ),
        "total": _python("total", time, given={"values": "change"}, scatter=["values"]),
        "sum": _python("sums", time, given={"values": "total"}),
    }
    return {"tasks": tasks, "outputs": {"sum": "sum", "parts": "change"}}


def _nested(time: float | None) -> Entry:
    inner = {
        "name": "inner",
        "inputs": {"values": "array"},
        "tasks": {
            "once": _python("change", time, given={"values": "values"}, told={"by": 2.0}),
            "twice": _python("change", time, given={"values": "once"}, told={"by": 0.3}),
        },
        "outputs": {"values": "twice"},
    }
    tasks = {
        "start": _source(time),
        "first": {"do": "workflow", "workflow": inner, "in": {"values": "start"}},
        "many": _python("many", time, given={"values": "first"}),
        "either": {
            "do": "choose",
            "then": inner,
            "otherwise": {**inner, "name": "other"},
            "in": {"when": "many", "values": "first"},
        },
        "mix": _python("mix", time, given={"values": ["first.values", "either.values"]}),
    }
    return {"tasks": tasks, "outputs": {"mix": "mix", "inner": "first.values"}}


def _loop(time: float | None) -> Entry:
    body = {
        "name": "body",
        "inputs": {"values": "array"},
        "tasks": {
            "near": _python("nearer", time, given={"values": "values"}, told={"goal": 3.0}),
            "total": _python("total", time, given={"values": "near.values"}),
        },
        "outputs": {"values": "near.values", "sum": "total", "done": "near.done"},
    }
    tasks = {
        "start": _source(time),
        "loop": {"do": "loop", "workflow": body, "until": "done", "most": 30,
                 "in": {"values": "start"}},
    }  # fmt: skip
    return {"tasks": tasks, "outputs": {"values": "loop.values", "sum": "loop.sum"}}


def _stream(time: float | None) -> Entry:
    tasks = {
        "start": _source(time, 500),
        "rows": _python("rows", time, given={"values": "start"}, told={"count": 30}),
        "gather": _python("gathered", time, given={"stream": "rows"}),
        "sum": _python("total", time, given={"values": "gather"}),
    }
    return {"tasks": tasks, "outputs": {"gathered": "gather", "sum": "sum"}}


def _commands(time: float | None) -> Entry:
    needs: Entry = {"needs": {"time": time}} if time else {}

    def shell(line: str, source: str) -> Entry:
        argv = ["sh", "-c", f"sleep 0.05; {line}"]
        return {
            "do": "command", "argv": argv, "stdin": "text", "stdout": "found",
            "in": {"text": source}, **needs,
        }  # fmt: skip

    tasks = {
        "words": shell("tr -s ' ' '\\n'", "text"),
        "sort": shell("LC_ALL=C sort", "words"),
        "count": shell("uniq -c", "sort"),
        "rank": shell("LC_ALL=C sort -k1,1nr -k2", "count"),
        "top": shell("head -n 40", "rank"),
    }
    inputs = {"text": {"type": "file", "default": "words.txt"}}
    return {"inputs": inputs, "tasks": tasks, "outputs": {"ranked": "rank", "top": "top"}}


def _training(time: float | None) -> Entry:
    del time
    tasks = {
        "train": {
            "do": "train",
            "in": {"table": "data"},
            "with": {
                "network": "6-24-12-1", "target": "label", "plan": "all",
                "settings": {"epochs": 6000, "seed": 3, "learning_rate": 0.02},
                "options": {"engine": "fused", "threads": 1, "every_seconds": 0.1, "brief": False},
            },
        },
        "predict": {"do": "predict", "in": {"model": "train", "table": "data"}},
    }  # fmt: skip
    inputs = {"data": {"type": "table", "default": "rows.csv"}}
    return {"inputs": inputs, "tasks": tasks, "outputs": {"model": "train", "told": "predict"}}


def _write_rows(path: Path) -> None:
    generator = np.random.default_rng(11)
    features = generator.normal(size=(1500, 6))
    labels = (features @ generator.normal(size=6) > 0).astype(int)
    lines = ["a,b,c,d,e,f,label"]
    for row, label in zip(features, labels, strict=True):
        lines.append(",".join([*(f"{value:.6f}" for value in row), str(label)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _words() -> str:
    generator = np.random.default_rng(5)
    numbers = generator.zipf(1.3, size=6000) % 500
    words = [f"word{number}" for number in numbers]
    return "\n".join(" ".join(words[k : k + 12]) for k in range(0, len(words), 12)) + "\n"


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("chain", _chain, ("step2", "step5")),
        Shape("fan", _fan, ("side3", "mix")),
        Shape("scatter", _scatter, ("change[2]", "sum")),
        Shape("nested", _nested, ("first/once", "either/twice")),
        Shape("loop", _loop, ("loop#1/near", "loop#3/total")),
        Shape("stream", _stream, ("sum",)),
        Shape("commands", _commands),
        Shape("training", _training, trains=True),
    )
}
