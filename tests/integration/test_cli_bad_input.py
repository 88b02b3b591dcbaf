"""A corpus of bad input: each case gives one error of ours with a way out, and no traceback."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from lamina.cli.main import main
from lamina.nets.bundle import Bundle
from lamina.nets.bundle_file import pack

pytestmark = pytest.mark.timeout(60)

WORKFLOW = """\
lamina: workflow/1
name: good
inputs:
  numbers: {type: "list[int]", default: [1, 2]}
  flag: {type: bool, default: true}
  share: {type: float, default: 0.5}
  text: {type: file, default: rows.csv}
tasks:
  first: {do: python, function: "tasks.py:first", in: {numbers: numbers}}
  second: {do: python, function: "tasks.py:second", in: {number: first}}
outputs: {result: second}
"""

TABLES = """\
lamina: workflow/1
name: tables
inputs: {table: {type: table}, model: {type: model}}
tasks:
  predict: {do: predict, in: {model: model, table: table}}
outputs: {result: predict}
"""

TASKS = """\
def first(numbers: list[int]) -> int:
    return sum(numbers)

def second(number: int) -> int:
    return number + 1

def fails(number: int) -> int:
    raise RuntimeError("broken on purpose")
"""

NETWORK = """\
lamina: network/1
inputs: {x: [2]}
layers:
  - l1: {layer: Linear, out_features: 3}
  - r1: ReLU
  - l2: {layer: Linear, out_features: 1}
  - s1: Sigmoid
"""

TRAINING = """\
lamina: training/1
network: 2-3-1
data: {source: rows.csv, target: label}
settings: {epochs: 5}
"""

ROWS = "a,b,label\n" + "".join(f"{k % 7},{k % 5},{k % 2}\n" for k in range(40))

GARBAGE = bytes(np.random.default_rng(0).integers(0, 256, 400, dtype=np.uint8))


def files() -> dict[str, str | bytes]:
    """Everything that lies in the working folder, by name."""
    papers = {"wIpt": "rows.csv", "wOpt": "o", "numOfBatches": "5", "numOfEpochs": "9"}
    layers = {"0": "0,2,3", "1": "1", "2": "0,3,1", "3": "2"}
    return {
        "tasks.py": TASKS,
        "rows.csv": ROWS,
        "good.yaml": WORKFLOW,
        "tables.yaml": TABLES,
        "net.yaml": NETWORK,
        "training.yaml": TRAINING,
        "garbage.bin": GARBAGE,
        "garbage.csv": GARBAGE,
        "garbage.yaml": GARBAGE,
        "garbage.lamina": GARBAGE,
        "garbage.keras": GARBAGE,
        "empty.csv": "",
        "empty.yaml": "",
        "empty.lamina": "",
        "header-only.csv": "a,b,label\n",
        "ragged.csv": "a,b,label\n1,2,0\n1,2\n",
        "twice.csv": "a,a,label\n1,2,0\n2,3,1\n",
        "texts.csv": ROWS.replace("\n3,", "\nthree,"),
        "three-labels.csv": ROWS.replace(",1\n", ",maybe\n", 1),
        "one-class.csv": ROWS.replace(",1\n", ",0\n"),
        "all-empty.csv": "a,b,label\n" + ",,\n" * 9,
        "infinite.csv": ROWS.replace("\n3,", "\ninf,"),
        "two-rows.csv": "a,b,label\n1,2,0\n2,1,1\n",
        "other.csv": "x,y,label\n1,2,0\n2,1,1\n",
        "bad.npy": b"\x93NUMPY\x01\x00broken",
        "objects.npy": _object_array(),
        "bad.parquet": b"PAR1 broken PAR1",
        "bad.xlsx": b"PK\x03\x04 broken",
        "table.foo": ROWS,
        "broken.yaml": "a: [1",
        "version.yaml": WORKFLOW.replace("workflow/1", "workflow/9"),
        "list.yaml": "- 1\n- 2\n",
        "tags.yaml": "!!python/object/apply:os.system ['true']",
        "anchors.yaml": "a: &x [1]\nb: *x\n",
        "deep.yaml": "[" * 5000,
        "cycle.yaml": WORKFLOW.replace("{numbers: numbers}", "{numbers: second}"),
        "no-function.yaml": WORKFLOW.replace("tasks.py:first", "tasks.py:nothing"),
        "no-module.yaml": WORKFLOW.replace("tasks.py:first", "nowhere.py:first"),
        "no-source.yaml": WORKFLOW.replace("{number: first}", "{number: third}"),
        "no-task.yaml": WORKFLOW.replace("do: python", "do: magic"),
        "mistyped.yaml": WORKFLOW.replace("{numbers: numbers}", "{numbers: share}"),
        "no-program.yaml": "lamina: workflow/1\nname: n\ntasks:\n"
        "  a: {do: command, argv: [no-such-program-here], stdout: o}\noutputs: {o: a}\n",
        "fails.yaml": WORKFLOW.replace("tasks.py:second", "tasks.py:fails"),
        "net-version.yaml": NETWORK.replace("network/1", "network/7"),
        "net-layer.yaml": NETWORK.replace("ReLU", "RelU"),
        "net-sizes.yaml": NETWORK.replace("out_features: 3", "out_features: 3, in_features: 9"),
        "net-negative.yaml": NETWORK.replace("out_features: 3", "out_features: -3"),
        "net-empty.yaml": "lamina: network/1\ninputs: {x: [2]}\nlayers: []\n",
        "net-wide.yaml": NETWORK.replace("x: [2]", "x: [9]"),
        "training-key.yaml": TRAINING + "colour: red\n",
        "training-epochs.yaml": TRAINING.replace("epochs: 5", "epochs: many"),
        "training-network.yaml": TRAINING.replace("2-3-1", "no-such-network"),
        "training-data.yaml": TRAINING.replace("rows.csv", "no-such-rows.csv"),
        "training-nothing.yaml": "lamina: training/1\n",
        "papers.json": json.dumps({**papers, "LayerArc": {**layers, "1": "9"}}),
        "papers-gap.json": json.dumps({**papers, "LayerArc": {"0": "0,2,3", "7": "2"}}),
        "papers-data.json": json.dumps({**papers, "wIpt": "/no/such.csv", "LayerArc": layers}),
        "model@broken": json.dumps({"LayerArc": layers, "SavedModel": {"0": {"bias": "[1"}}}),
        "pickle.lamina": pickle.dumps({"weights": [1.0]}),
        "zip.lamina": _zip(),
        "params.yaml": "- no mapping\n",
    }


def _zip() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("data.pkl", "x")
    return sink.getvalue()


def _object_array() -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return sink.getvalue()


def broken_models(model: Path) -> dict[str, bytes]:
    """A sound model in several states of ruin."""
    data = bytearray(model.read_bytes())
    flipped = bytearray(data)
    flipped[-2] ^= 1
    made = Bundle.load(model)
    document = made.to_document()
    kept = {key: value for key, value in document.items() if key != "task"}
    odd = {**document, "network": {**document["network"], "lamina": "network/9"}}
    return {
        "cut.lamina": bytes(data[:300]),
        "short.lamina": bytes(data[:-4]),
        "flipped.lamina": bytes(flipped),
        "keyless.lamina": pack(kept, made.weights),
        "odd.lamina": pack(odd, made.weights),
        "weightless.lamina": pack(document, {}),
        "long.lamina": (2**60).to_bytes(8, "little") + bytes(data[8:]),
    }


TRAIN = "train 2-3-1 --target label --epochs 5 -q --data "
RUN = "run good.yaml -q -p "

CASES: dict[str, tuple[str, ...]] = {
    "options": (
        "trian",
        "train",
        "train 2-3-1 --bogus",
        "train 2-3-1 --epochs",
        "train 2-3-1 --epochs ten",
        "train 2-3-1 extra --data rows.csv",
        "predict",
        "predict good.lamina",
        "models bogus",
        "models export good.lamina",
        "data bogus",
        "data split rows.csv",
        "graph papers-1 --format pdf",
        "lint",
        "run good.yaml -c many",
        "doctor extra",
    ),
    "networks": (
        "train no-such-network --data rows.csv --target label",
        "train 2-x-1 --data rows.csv --target label",
        "train 2-0-1 --data rows.csv --target label",
        "train . --data rows.csv --target label",
        "train garbage.bin --data rows.csv --target label",
        "train good.yaml --data rows.csv --target label",
        "train empty.yaml --data rows.csv --target label",
        "train broken.yaml --data rows.csv --target label",
        "train net-version.yaml --data rows.csv --target label",
        "train net-layer.yaml --data rows.csv --target label",
        "train net-sizes.yaml --data rows.csv --target label",
        "train net-negative.yaml --data rows.csv --target label",
        "train net-empty.yaml --data rows.csv --target label",
        "train net-wide.yaml --data rows.csv --target label",
        "train digits-cnn --data rows.csv --target label",
        "graph net-layer.yaml",
        "graph no-such-file.yaml",
        "graph garbage.lamina",
        "graph digits-cnn --format neurons",
    ),
    "trainings": (
        "train training-key.yaml",
        "train training-epochs.yaml",
        "train training-network.yaml",
        "train training-data.yaml",
        "train training-nothing.yaml",
        "train papers.json",
        "train papers-gap.json",
        "train papers-data.json",
        "train model@broken --data rows.csv --target label",
    ),
    "settings": (
        "train 2-3-1",
        "train 2-3-1 --data rows.csv",
        TRAIN + "rows.csv --epochs 0",
        TRAIN + "rows.csv --lr -1",
        TRAIN + "rows.csv --lr nan",
        TRAIN + "rows.csv --momentum 2",
        TRAIN + "rows.csv --batches 0",
        TRAIN + "rows.csv --batches 3 --batch-size 4",
        TRAIN + "rows.csv --seed -1",
        TRAIN + "rows.csv --loss guess",
        TRAIN + "rows.csv --loss cross-entropy",
        TRAIN + "rows.csv --optimiser magic",
        TRAIN + "rows.csv --schedule magic",
        TRAIN + "rows.csv --initialisation magic",
        TRAIN + "rows.csv --class-weights a,b",
        TRAIN + "rows.csv --class-weights 1,2,3",
        TRAIN + "rows.csv --plan magic",
        TRAIN + "rows.csv --plan kfold:1",
        TRAIN + "rows.csv --plan kfold:1000",
        TRAIN + "rows.csv --plan holdout:2",
        TRAIN + "rows.csv --sweep lr",
        TRAIN + "rows.csv --sweep magic=1,2",
        TRAIN + "rows.csv --sweep lr=a,b",
        TRAIN + "rows.csv --engine magic",
        TRAIN + "rows.csv --device toaster",
        TRAIN + "rows.csv --engine fused --device cuda",
        TRAIN + "rows.csv --threads -1",
        TRAIN + "rows.csv --normalise magic",
        TRAIN + "rows.csv --encode magic",
        TRAIN + "rows.csv --kind magic",
        TRAIN + "rows.csv --resume",
        TRAIN + "rows.csv --every-epochs -1 -o x.lamina",
        TRAIN + "rows.csv --checkpoint rows.csv",
    ),
    "tables": (
        *(TRAIN + name for name in ("no-such.csv", "no-such-set", ".", "garbage.csv", "empty.csv")),
        *(TRAIN + name for name in ("header-only.csv", "ragged.csv", "twice.csv")),
        *(TRAIN + name for name in ("one-class.csv", "all-empty.csv", "infinite.csv")),
        *(TRAIN + name for name in ("two-rows.csv --plan kfold:5", "bad.npy", "objects.npy")),
        *(TRAIN + name for name in ("bad.parquet", "bad.xlsx", "table.foo")),
        "train 2-3-1 --data rows.csv --target nothing",
        "train 2-3-1 --data three-labels.csv --target label --kind binary",
        "train 2-3-1 --data texts.csv --target a --kind regression",
        "train 2-3-3 --data rows.csv --target label --kind regression",
        "data describe garbage.csv",
        "data describe no-such",
        "data describe rows.csv --target nothing",
        "data fetch no-such",
        "data split rows.csv -o parts --test 7",
        "data split rows.csv -o parts --target nothing",
        "data split rows.csv -o rows.csv",
    ),
    "models": (
        *(f"predict {name} rows.csv" for name in ("no-such.lamina", ".", "rows.csv", "net.yaml")),
        *(f"predict {name}.lamina rows.csv" for name in ("garbage", "empty", "pickle", "zip")),
        *(f"predict {name}.lamina rows.csv" for name in ("cut", "short", "flipped", "long")),
        *(f"predict {name}.lamina rows.csv" for name in ("keyless", "odd", "weightless")),
        "predict model@broken rows.csv",
        "predict good.lamina other.csv",
        "predict good.lamina texts.csv",
        "predict good.lamina infinite.csv",
        "evaluate good.lamina header-only.csv",
        "evaluate good.lamina other.csv",
        "evaluate good.lamina rows.csv --target nothing",
        "evaluate good.lamina three-labels.csv",
        "models show garbage.lamina",
        "models list no-such-folder",
        "models export good.lamina -o x.foo",
        "models export garbage.lamina -o x.onnx",
        "models import garbage.keras -o x.lamina",
        "models import rows.csv -o x.lamina",
    ),
    "workflows": (
        *(f"run {name}.yaml" for name in ("no-such", "garbage", "empty", "broken", "version")),
        *(f"run {name}.yaml" for name in ("list", "tags", "anchors", "deep", "cycle")),
        *(f"run {name}.yaml" for name in ("no-function", "no-module", "no-source", "no-task")),
        *(f"run {name}.yaml" for name in ("mistyped", "no-program", "net")),
        "run .",
        "run good.lamina",
        "run papers-1",
        "run rows.csv",
        RUN + "numbers",
        RUN + "numbers=[1,",
        RUN + "numbers=a,b",
        RUN + "numbers={}",
        RUN + "flag=perhaps",
        RUN + "share=[1]",
        "run tables.yaml -p table=rows.csv",
        "run tables.yaml -p table=no-such -p model=good.lamina",
        "run tables.yaml -p table=garbage.csv -p model=good.lamina",
        "run tables.yaml -p table=rows.csv -p model=flipped.lamina",
        "run tables.yaml -p table=rows.csv -p model=rows.csv",
        RUN + "text=no-such.txt",
        RUN + "text=.",
        RUN + "magic=1",
        "run good.yaml --params-file params.yaml",
        "run good.yaml --params-file no-such.yaml",
        "run good.yaml -c -3",
        "run good.yaml -c 999999999999999999999",
        "graph cycle.yaml",
        "graph good.yaml --format neurons",
    ),
    "outputs": (
        TRAIN + "rows.csv -o .",
        TRAIN + "rows.csv -o rows.csv",
        "train net.yaml --data rows.csv --target label --epochs 2 -q -o net.yaml",
        "predict good.lamina rows.csv -o rows.csv",
        "predict good.lamina rows.csv -o good.lamina",
        TRAIN + "rows.csv -o rows.csv/m.lamina",
        TRAIN + "rows.csv -o /proc/none/m.lamina",
        TRAIN + "rows.csv --pictures rows.csv",
        "predict good.lamina rows.csv -o .",
        "predict good.lamina rows.csv -o x.foo",
        "predict good.lamina rows.csv -o /proc/none/x.csv",
        "predict good.lamina rows.csv -o /proc/x.csv",
        "evaluate good.lamina rows.csv --pictures rows.csv",
        "graph papers-1 -o .",
        "graph papers-1 -o /proc/none/x.svg",
        "graph papers-1 -o /proc/x.svg",
        "run good.yaml -o rows.csv",
        "run good.yaml -o /proc/none",
        "data fetch iris -o /proc/none/x.csv",
        "data split rows.csv -o /proc/none",
        "models export good.lamina -o /proc/none/x.onnx",
        "models import garbage.keras -o .",
    ),
}

ALL = [line for lines in CASES.values() for line in lines]


@pytest.fixture(scope="module", autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with all good and bad files in it."""
    folder = tmp_path_factory.mktemp("bad")
    with chdir(folder):
        for name, content in files().items():
            data = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(data)
        assert told(f"{TRAIN}rows.csv -o good.lamina")[0] == 0
        for name, data in broken_models(folder / "good.lamina").items():
            (folder / name).write_bytes(data)
        yield folder


def told(line: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(line.split())
        except SystemExit as ended:
            code = int(str(ended.code))
    return code, out.getvalue(), err.getvalue()


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    assert len(ALL) >= 60
    assert len(set(ALL)) == len(ALL)


def test_the_good_files_are_good() -> None:
    for line in (
        "run good.yaml -q",
        "run tables.yaml -q -p table=rows.csv -p model=good.lamina",
        "train net.yaml --data rows.csv --target label --epochs 2 -q",
        "train training.yaml -q",
        "predict good.lamina rows.csv",
        "lint good.yaml net.yaml training.yaml good.lamina",
    ):
        assert told(line)[0] == 0, told(line)


@pytest.mark.parametrize("line", ALL)
def test_bad_input_gives_one_error_with_a_way_out(line: str) -> None:
    code, out, err = told(line)
    assert code == 2, (out, err)
    assert err.count("error: ") == 1, err
    assert err.startswith(("error: ", "\x1b")), err
    assert "\n  way out: " in err
    assert "Traceback" not in out + err
    assert "\n  way out: \n" not in err


def tells_json(line: str) -> bool:
    return not line.startswith(("graph", "data", "models")) and "doctor" not in line


@pytest.mark.parametrize("line", [one for one in ALL[::7] if tells_json(one)])
def test_bad_input_as_json_is_one_object(line: str) -> None:
    code, out, err = told(f"{line} --json")
    assert (code, out) == (2, "")
    found = json.loads(err.splitlines()[-1])
    assert {"kind", "message", "way_out", "mistakes"} <= set(found)
    assert found["message"] and found["way_out"]


LINTED = [name for name in files() if name.endswith((".yaml", ".json", ".lamina"))]
SOUND = (
    "good", "tables", "net.", "training.", "net-wide", "no-program", "fails", "training-data",
    "papers-data.json", "params.yaml", "training-nothing.yaml",
)  # fmt: skip


@pytest.mark.parametrize("name", [n for n in LINTED if not n.startswith(SOUND)])
def test_lint_finds_something_and_never_breaks(name: str) -> None:
    code, out, err = told(f"lint {name}")
    assert code == 2, (out, err)
    assert f"{name}" in out
    assert "error: " in out
    assert "Traceback" not in out + err


def test_a_failing_task_ends_with_1_and_its_cause() -> None:
    code, out, err = told("run fails.yaml -q")
    assert (code, out) == (1, "")
    assert "task 'second' failed: RuntimeError: broken on purpose" in err
    assert "way out: look at tasks.py:8 in fails" in err


def test_a_file_that_may_not_be_read_is_an_error(here: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything: run the tests as another user")
    secret = here / "secret.csv"
    secret.write_text(ROWS, encoding="utf-8")
    secret.chmod(0)
    code, _, err = told("data describe secret.csv")
    assert code == 2
    assert "way out" in err
