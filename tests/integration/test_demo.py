"""The main job, as `make demo` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamina.data.tables import read_table
from lamina.nets.bundle import Bundle

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"

PROMISED = [
    "data/test.csv",
    "data/train.csv",
    "ensemble/predictions.csv",
    "ensemble/score.json",
    "models/first.lamina",
    "models/second.lamina",
    "models/third.lamina",
    "network.svg",
    "neurons.svg",
    "pictures/confusion.png",
    "pictures/loss-curve.png",
    "pictures/test/confusion.png",
    "workflow.svg",
]


def test_the_demo_leaves_what_is_promised_within_a_minute(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("LAMINA_DATA", None)
    done = subprocess.run(
        [sys.executable, str(DEMO), "out"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    left = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert set(PROMISED) <= left
    assert all((out / name).stat().st_size > 0 for name in PROMISED)
    predictions = read_table(out / "ensemble" / "predictions.csv")
    assert predictions.rows == read_table(out / "data" / "test.csv").rows
    accuracy = Bundle.load(out / "models" / "first.lamina").metrics["accuracy"]
    assert accuracy["mean"] > 0.9
