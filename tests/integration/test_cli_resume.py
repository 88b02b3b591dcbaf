"""Trainings that are killed, interrupted and resumed, as a person meets them: as processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from lamina.nets.bundle import Bundle

EPOCHS = {"fused": 200_000, "torch": 240}
STEPS = {"fused": 5_000, "torch": 20}
LIMIT_SECONDS = 120
NETWORK = "3-8-1"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 300 rows whose label depends on two of three columns."""
    generator = np.random.default_rng(7)
    features = generator.normal(size=(300, 3))
    label = (features[:, 0] + features[:, 1] ** 2 > 0.5).astype(int)
    lines = [
        "a,b,c,label",
        *(",".join(map(str, [*x, y])) for x, y in zip(features, label, strict=True)),
    ]
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def command(data: Path, model: Path, engine: str, *more: str) -> list[str]:
    told = ["--data", str(data), "--target", "label", "--engine", engine, "-o", str(model)]
    told += ["--epochs", str(EPOCHS[engine]), "--every-epochs", str(STEPS[engine])]
    told += ["--threads", "1", "--lr", "0.01"]
    return [sys.executable, "-m", "lamina", "train", NETWORK, *told, *more]


def heeding_interrupts() -> None:
    """Shells have commands in the background ignore SIGINT, and so these tests may be run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it said, once it ended by itself; it does not outlive the test."""
    try:
        return process.communicate(timeout=20)
    finally:
        process.kill()


def started(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    """A training that has written its first checkpoint and is not done."""
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder.parent,
        preexec_fn=heeding_interrupts,
    )  # fmt: skip
    deadline = time.monotonic() + LIMIT_SECONDS
    while not list(folder.glob("*.safetensors")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return process


def finished(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )


@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_a_killed_training_resumes_to_the_same_bits(
    engine: str, data: Path, tmp_path: Path
) -> None:
    library = {"fused": "llvmlite", "torch": "torch"}[engine]
    if find_spec(library) is None:
        pytest.skip(f"no {library}: pip install {library}")
    killed, whole = tmp_path / "killed.lamina", tmp_path / "whole.lamina"
    checkpoints = tmp_path / "killed.lamina.checkpoints"
    process = started(command(data, killed, engine), checkpoints)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not killed.exists()

    resumed = finished(command(data, killed, engine, "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    assert "resumed after epoch" in resumed.stderr
    assert not checkpoints.exists()
    assert finished(command(data, whole, engine)).returncode == 0
    one, other = Bundle.load(killed).weights, Bundle.load(whole).weights
    assert {n: a.tobytes() for n, a in one.items()} == {n: a.tobytes() for n, a in other.items()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_ends_with_one_clean_line(
    number: signal.Signals, data: Path, tmp_path: Path
) -> None:
    model = tmp_path / "m.lamina"
    arguments = command(data, model, "fused", "-q", "--epochs", "20000000")
    process = started(arguments, tmp_path / "m.lamina.checkpoints")
    process.send_signal(number)
    printed, said = ended(process)
    assert process.returncode == 128 + number
    assert "Traceback" not in printed + said
    if number == signal.SIGINT:
        assert said.splitlines()[-1] == "interrupted"
        assert "--resume goes on" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_process_behind(
    number: signal.Signals, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    (tmp_path / "w.yaml").write_text(
        "lamina: workflow/1\nname: sleeper\ntasks:\n  sleep:\n    do: command\n"
        f"    argv: [sh, -c, 'echo $$ > {note}; sleep 600 & sleep 600']\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "lamina", "run", str(tmp_path / "w.yaml")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not (note.exists() and note.read_text().strip()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    printed, said = ended(process)
    assert process.returncode == 128 + number
    assert "Traceback" not in printed + said
    group = int(note.read_text())
    assert not living(group)


def living(group: int) -> list[str]:
    """Processes of a group; those that only wait for their parent to take note are not alive."""
    listed = subprocess.run(
        ["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True
    )
    split = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [parts[-1] for parts in split if parts[0] == str(group) and parts[1][0] != "Z"]
