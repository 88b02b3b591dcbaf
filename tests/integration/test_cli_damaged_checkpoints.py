"""Damaged checkpoints on the command line: refused by name, and the one before is used."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import pytest

from lamina.cli.main import main
from lamina.nets.bundle import Bundle


def flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 4]) + data[-8:]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[:-20],
    "one bit": flipped,
    "empty": lambda data: b"",
    "text": lambda data: b"hello",
}


def trained(more: str, engine: str) -> tuple[int, str]:
    told = "train 2-3-1 --data rows.csv --target label --epochs 20 --every-epochs 5 --threads 1"
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(f"{told} --engine {engine} --checkpoint steps {more}".split())
    assert isinstance(ended.value.code, int)
    return ended.value.code, err.getvalue()


@pytest.fixture(params=["fused", "torch"])
def engine(request: pytest.FixtureRequest) -> str:
    library = {"fused": "llvmlite", "torch": "torch"}[request.param]
    if find_spec(library) is None:
        pytest.skip(f"no {library}: pip install {library}")
    return str(request.param)


@pytest.fixture
def steps(tmp_path: Path, engine: str) -> Path:
    """The folder of checkpoints of a whole training; whole.lamina is its model."""
    rows = "a,b,label\n" + "".join(f"{k % 7},{k % 5},{k % 2}\n" for k in range(40))
    (tmp_path / "rows.csv").write_text(rows, encoding="utf-8")
    with chdir(tmp_path):
        assert trained("-o whole.lamina -q", engine)[0] == 0
    return tmp_path / "steps"


def weights(path: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in Bundle.load(path).weights.items()}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_damaged_one_is_named_and_the_one_before_goes_on(
    steps: Path, engine: str, damage: str
) -> None:
    before, newest = sorted(steps.iterdir())
    newest.write_bytes(DAMAGES[damage](newest.read_bytes()))
    with chdir(steps.parent):
        code, said = trained("-o again.lamina --resume", engine)
    assert code == 0, said
    assert f"warning: checkpoint steps/{newest.name} is damaged" in said
    assert before.name.endswith("e00000015.safetensors")
    assert "resumed after epoch 15" in said
    assert weights(steps.parent / "again.lamina") == weights(steps.parent / "whole.lamina")


def test_when_all_are_damaged_the_training_ends_and_names_them(steps: Path, engine: str) -> None:
    names = [path.name for path in steps.iterdir()]
    for path in steps.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    with chdir(steps.parent):
        code, said = trained("-o again.lamina --resume -q", engine)
    assert code == 2
    assert all(name in said for name in names)
    assert "way out: start again without resuming" in said
    assert not (steps.parent / "again.lamina").exists()


def test_checkpoints_of_another_training_are_refused_by_name(steps: Path, engine: str) -> None:
    newest = max(steps.iterdir())
    with chdir(steps.parent):
        code, said = trained("-o again.lamina --resume -q --lr 0.02", engine)
    assert code == 2
    assert f"checkpoint steps/{newest.name} belongs to another training" in said
    assert "way out: " in said
