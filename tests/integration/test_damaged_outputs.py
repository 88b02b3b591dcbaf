"""Outputs of a run that are damaged on the disk are made again by their tasks, and by no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamina.benchmark.faults.stage import digests

TASKS = """
import os
import numpy as np


def left() -> np.ndarray:
    open("ran.txt", "a").write("left ")
    return np.arange(500.0)


def right() -> np.ndarray:
    open("ran.txt", "a").write("right ")
    return np.arange(900.0)


def size(values: np.ndarray) -> int:
    open("ran.txt", "a").write("size ")
    return len(values)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two arrays and the size of one as outputs; run once."""
    (tmp_path / "two.py").write_text(TASKS, encoding="utf-8")
    tasks = {name: {"do": "python", "function": f"two.py:{name}"} for name in ("left", "right")}
    size = {"do": "python", "function": "two.py:size", "in": {"values": "left"}}
    document = {
        "lamina": "workflow/1",
        "name": "two",
        "tasks": {**tasks, "size": size},
        "outputs": {"left": "left", "right": "right", "size": "size"},
    }
    (tmp_path / "two.json").write_text(json.dumps(document), encoding="utf-8")
    assert lamina(tmp_path, "run", "two.json", "-o", "first").returncode == 0
    return tmp_path


def lamina(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lamina", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def arrays(folder: Path) -> list[Path]:
    objects = folder / ".lamina" / "artifacts" / "objects"
    return [file for file in objects.rglob("*") if file.is_file() and file.stat().st_size > 3000]


@pytest.mark.parametrize("how", ["a bit", "the file"])
def test_damaged_outputs_are_made_again_and_the_record_tells(project: Path, how: str) -> None:
    assert len(arrays(project)) == 2
    (project / "ran.txt").unlink()
    for file in arrays(project):
        times = file.stat()
        file.chmod(0o644)
        data = bytearray(file.read_bytes())
        data[700] ^= 16
        file.unlink() if how == "the file" else file.write_bytes(bytes(data))
        if how == "a bit":
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = lamina(project, "resume", "-o", "second")
    assert done.returncode == 0, done.stderr
    assert digests(project / "first") == digests(project / "second")
    assert "two: 2 tasks done in" in done.stdout
    assert sorted((project / "ran.txt").read_text(encoding="utf-8").split()) == ["left", "right"]
