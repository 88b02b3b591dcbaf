"""Seeded fuzzing: documents, tables, models and checkpoints in ruin never show a traceback.

LAMINA_FUZZ=5000 tries so many of each kind.
"""

from __future__ import annotations

import copy
import io
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lamina.cli.main import main
from lamina.data.tables import read_table, write_table
from lamina.nets import bundle_file
from lamina.nets.bundle import Bundle
from lamina.training import checkpoint

pytest.importorskip("llvmlite", reason="no llvmlite: pip install 'lamina[fused]'")
pytest.importorskip("openpyxl", reason="no openpyxl: pip install 'lamina[excel]'")

COUNT = int(os.environ.get("LAMINA_FUZZ", "400"))

pytestmark = pytest.mark.timeout(60 + COUNT // 2)

WORKFLOW = """\
lamina: workflow/1
name: good
inputs: {table: {type: table}, model: {type: model}, numbers: {type: "list[int]", default: [1]}}
tasks:
  predict: {do: predict, in: {model: model, table: table}}
  first: {do: python, function: "tasks.py:first", in: {numbers: numbers}}
outputs: {result: predict, sum: first}
layout: {predict: [0, 1]}
"""
NETWORK = """\
lamina: network/1
inputs: {x: [2]}
layers: [{l1: {layer: Linear, out_features: 3}}, {r1: ReLU}, {l2: {layer: Linear, out_features: 1}}]
"""
TRAINING = """\
lamina: training/1
network: 2-3-1
data: {source: rows.csv, target: label}
settings: {epochs: 2, batches: 3}
plan: kfold:2
"""
TRAINER = (
    '{"wIpt": "rows.csv", "wOpt": "o", "numOfBatches": "5", "numOfEpochs": "2",'
    ' "LayerArc": {"0": "0,2,3", "1": "1", "2": "0,3,1", "3": "2"}}'
)
DOCUMENTS = {
    WORKFLOW: ("lint", "graph", "run -q -p table=rows.csv -p model=good.lamina", "run -n"),
    NETWORK: ("lint", "graph --format neurons", "train -q --epochs 2 --data rows.csv --target a"),
    TRAINING: ("lint", "graph", "train -q --epochs 2"),
    TRAINER: ("lint", "graph", "train -q --epochs 2 --data rows.csv --target label"),
}
SUFFIXES = ("csv", "tsv", "parquet", "xlsx", "npy", "npz")
READERS = (
    "data describe FILE",
    "data describe FILE --target label",
    "train 2-3-1 --target label --epochs 2 -q --data FILE",
    "train 2-3-1 --target label --epochs 2 -q --kind regression --data FILE",
    "predict good.lamina FILE -o out.csv",
    "evaluate good.lamina FILE --json",
)
MODEL_READERS = (
    "predict FILE rows.csv -o out.csv",
    "evaluate FILE rows.csv --json",
    "models show FILE",
    "models list FILE",
    "models export FILE -o out.json",
    "graph FILE",
    "graph FILE --format neurons -o out.svg",
    "lint FILE",
    "run good.yaml -q -p table=rows.csv -p model=FILE",
    "train FILE --data rows.csv --target label --epochs 2 -q",
)
TRAINED = (
    "train 2-3-1 --data rows.csv --target label --epochs 20 --engine fused --threads 1 -q "
    "--every-epochs 5 --checkpoint"
)
ODD: list[Any] = [
    *(None, True, -1, 0, 1, 3.5, 1e300, float("nan"), float("inf"), 10**30, "", "x", "a" * 3000),
    *([], {}, [[]], [None], {"a": None}, "rows.csv", "/", "label", ["label"], "${x}", "Linear"),
    *({"layer": "Linear"}, {"type": "int"}, "list[int]", "first", b"x", "lamina: workflow/1"),
]


@pytest.fixture(scope="module", autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fuzzed")
    with chdir(folder):
        rows = "a,b,label\n" + "".join(f"{k % 7},{k % 5},{k % 2}\n" for k in range(40))
        Path("rows.csv").write_text(rows, encoding="utf-8")
        Path("good.yaml").write_text(WORKFLOW, encoding="utf-8")
        function = "def first(numbers: list[int]) -> int:\n    return sum(numbers)\n"
        Path("tasks.py").write_text(function, encoding="utf-8")
        for suffix in SUFFIXES[1:]:
            write_table(read_table("rows.csv"), f"rows.{suffix}")
        assert told(f"{TRAINED} whole -o good.lamina")[0] == 0
        yield folder


def told(line: str) -> tuple[int, str]:
    """Exit code and errors of a command; what escapes it fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(line.split())
    assert isinstance(ended.value.code, int)
    return ended.value.code, err.getvalue()


PUT = (b"\0", b"\n", b",", b": ", b"[", b'"', b"\xff", b"1e999", b"&a")


def ruined(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut off, deleted, doubled and put in."""
    for _ in range(chance.choice([1, 1, 2, 5])):
        at = chance.randrange(len(data) + 1)
        some = chance.randrange(1, 30)
        before, after = data[:at], data[at:]
        changes = {
            "change": before + bytes([chance.randrange(256)]) + after[1:],
            "cut": before,
            "delete": before + after[some:],
            "double": before + after[: 9 * some] + after,
            "put": before + chance.choice(PUT) + after,
        }
        data = chance.choice(list(changes.values()))
    return data


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = list(document.items()) if isinstance(document, dict) else []
    inner = list(enumerate(document)) if isinstance(document, list) else inner
    for key, value in inner:
        yield from places(value, (*path, key))


def bent(document: Any, chance: random.Random) -> Any:
    """The document with one or two values replaced, removed or renamed."""
    made = copy.deepcopy(document)
    for _ in range(chance.choice([1, 1, 2])):
        known = list(places(made))
        if not known:
            break
        *way, last = chance.choice(known)
        holder = made
        for key in way:
            holder = holder[key]
        how = chance.random()
        if how < 0.6:
            holder[last] = copy.deepcopy(chance.choice(ODD))
        elif how < 0.8 or isinstance(holder, list):
            del holder[last]
        else:
            holder[chance.choice([f"{last}x", 2.5, None, "colour"])] = holder.pop(last)
    return made


def document(chance: random.Random) -> str:
    text = chance.choice(list(DOCUMENTS))
    verb, _, more = chance.choice(DOCUMENTS[text]).partition(" ")
    if chance.random() < 0.6:
        written = yaml.safe_dump(bent(yaml.safe_load(text), chance)).encode()
    else:
        written = ruined(text.encode(), chance)
    Path("odd.yaml").write_bytes(written)
    return f"{verb} odd.yaml {more}"


def table(chance: random.Random) -> str:
    name = f"rows.{chance.choice(SUFFIXES)}"
    Path(f"odd-{name}").write_bytes(ruined(Path(name).read_bytes(), chance))
    return chance.choice(READERS).replace("FILE", f"odd-{name}")


def model(chance: random.Random) -> str:
    data = Path("good.lamina").read_bytes()
    if chance.random() < 0.4:
        data = ruined(data, chance)
    else:
        good = Bundle.load("good.lamina")
        specification = bent(good.to_document(), chance)
        if isinstance(specification.get("digests"), dict):
            digest = bundle_file.weights_digest(good.weights)
            specification["digests"]["weights"] = digest
        try:
            data = bundle_file.pack(specification, good.weights)
        except (ValueError, TypeError):
            data = ruined(data, chance)
    Path("odd.lamina").write_bytes(data)
    return chance.choice(MODEL_READERS).replace("FILE", "odd.lamina")


def checkpoints(chance: random.Random) -> str:
    shutil.rmtree("odd", ignore_errors=True)
    shutil.copytree("whole", "odd")
    for path in sorted(Path("odd").iterdir())[-chance.choice([1, 1, 2]) :]:
        if chance.random() < 0.5:
            path.write_bytes(ruined(path.read_bytes(), chance))
            continue
        one = checkpoint.read(path)
        arrays = dict(one.arrays)
        name = chance.choice(list(arrays))
        old = arrays.pop(name)
        put = [old.reshape(-1)[:-1], np.stack([old, old]), old.astype(np.float16), old * 0 - 7]
        if chance.random() < 0.8:
            arrays[name] = chance.choice(put)
        epoch = chance.choice([one.epoch, one.epoch, 0, -1, 10**9, 7])
        forged = checkpoint.Checkpoint(one.owner, one.group, epoch, arrays, one.seconds)
        path.write_bytes(checkpoint.pack(forged))
    return f"{TRAINED} odd --resume"


@pytest.mark.parametrize("make", [document, table, model, checkpoints])
@pytest.mark.filterwarnings("ignore")
def test_ruined_input_gives_a_result_or_an_error_with_a_way_out(
    make: Callable[[random.Random], str],
) -> None:
    for seed in range(COUNT):
        line = make(random.Random(seed))
        try:
            code, err = told(line)
        except BaseException as error:
            raise AssertionError(f"seed {seed}: {line}") from error
        assert code in (0, 1, 2), f"seed {seed}: {line}: {code}"
        assert "Traceback" not in err, f"seed {seed}: {line}: {err}"
        if code == 2 and not line.startswith("lint"):
            wanted = '"way_out": "' if "--json" in line else "way out: "
            assert wanted in err, f"seed {seed}: {line}: {err}"


def test_the_same_seed_makes_the_same_case() -> None:
    first, again = (document(random.Random(3)) for _ in range(2))
    assert first == again
    assert json.dumps(bent({"a": [1, 2]}, random.Random(1))) == json.dumps(
        bent({"a": [1, 2]}, random.Random(1))
    )
