"""A training that is killed in the middle and resumed ends like one that never was."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lamina.training.checkpoint import read

SCRIPT = """
import sys
import numpy as np
from lamina.nets.zoo import mlp
from lamina.training.settings import Settings
from lamina.training.trainer import train

engine, epochs, folder, resume, out = sys.argv[1:]
generator = np.random.default_rng(0)
rows = generator.normal(size=(1500, 8))
labels = (rows @ generator.normal(size=8) > 0) * 1
result = train(
    mlp(8, [24, 12], 1), (rows, labels),
    settings=Settings(epochs=int(epochs), shuffle="epoch", learning_rate=0.02),
    plan="kfold:2", engine=engine, threads=2 if engine == "fused" else 1, refit=True,
    checkpoint=folder, every_epochs=max(1, int(epochs) // 60), resume=resume == "yes",
)
members = {f"{k}.{n}": a for k, m in enumerate(result.members) for n, a in m.weights.items()}
refit = {f"refit.{n}": a for n, a in result.model.weights.items()}
np.savez(out, cost=np.stack([m.cost for m in result.members]), **members, **refit)
"""


def command(engine: str, epochs: int, folder: Path, resume: bool, out: Path) -> list[str]:
    said = "yes" if resume else "no"
    return [sys.executable, "-c", SCRIPT, engine, str(epochs), str(folder), said, str(out)]


def killed_at(process: subprocess.Popen[bytes], folder: Path, seen: set[str], wait: float) -> bool:
    """Waits for a new checkpoint and a little longer, then kills; False when it was done before."""
    while process.poll() is None:
        names = {p.name for p in folder.glob("*.safetensors")} if folder.is_dir() else set()
        if names - seen:
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            return process.wait() == -signal.SIGKILL
        time.sleep(0.002)
    assert process.returncode == 0, process.communicate()
    return False


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL needs POSIX")
@pytest.mark.parametrize(("engine", "epochs"), [("fused", 2400), ("torch", 300)])
def test_kill_and_resume_gives_the_same_bits(tmp_path: Path, engine: str, epochs: int) -> None:
    if engine == "torch":
        pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    subprocess.run(command(engine, epochs, tmp_path / "a", False, whole), check=True, timeout=200)
    chance, folder, kills = random.Random(epochs), tmp_path / "b", 0
    for attempt in range(3 if engine == "fused" else 2):
        seen = {p.name for p in folder.glob("*.safetensors")} if folder.is_dir() else set()
        process = subprocess.Popen(command(engine, epochs, folder, attempt > 0, parts))
        try:
            kills += killed_at(process, folder, seen, chance.uniform(0.0, 0.15))
        finally:
            process.kill()
            process.wait()
    assert kills >= 1
    newest = max(folder.glob("checkpoint-g0-*.safetensors"))
    assert read(newest).owner.engine == engine
    subprocess.run(command(engine, epochs, folder, True, parts), check=True, timeout=200)
    with np.load(whole) as wanted, np.load(parts) as found:
        assert sorted(wanted.files) == sorted(found.files)
        for name in wanted.files:
            assert np.array_equal(wanted[name], found[name]), name
