"""`lamina place run`: placed, recorded, interrupted; its mistakes told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lamina.planning.placement.log import Begun, read_log

FUNCTION = """
import time

def sizes(items, pause=0.0):
    for item in items:
        time.sleep(pause)
        yield {"bytes": item.stat().st_size}
"""
PROFILE = """
limits: {answer: 10}
runtimes:
  edge: {kind: local, standby: true}
"""
JOB = "function: fn.py:sizes\nitems: in\nbatch: 3\npolicy: fixed:edge\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a function, a profile, a job and five files."""
    (tmp_path / "in").mkdir()
    for n in range(5):
        (tmp_path / "in" / f"{n}.bin").write_bytes(b"x" * n)
    (tmp_path / "fn.py").write_text(FUNCTION)
    (tmp_path / "profile.yaml").write_text(PROFILE)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def begun(home: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lamina", "place", "run", "--profile", "profile.yaml", *options],
        cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "LAMINA_PROJECT": str(home)},
    )  # fmt: skip


def ran(home: Path, *options: str) -> tuple[int, str, str]:
    with begun(home, *options) as process:
        out, error = process.communicate(timeout=60)
        return process.returncode, out, error


def test_a_placed_run_leaves_results_a_log_and_a_record(home: Path) -> None:
    code, out, error = ran(home, "job.yaml", "--json", "-o", "out")
    assert code == 0, error
    told: dict[str, Any] = json.loads(out)
    assert (told["items"], told["wanted"], told["repeated"]) == (5, 5, 0)
    assert {name: one["by"] for name, one in told["jobs"].items()} == {
        "job-1": ["edge"], "job-2": ["edge"]
    }  # fmt: skip
    first = json.loads((home / "out" / "job-1.json").read_text())
    assert first["items"] == {f"{n}.bin": {"bytes": n} for n in range(3)}
    entries = read_log(Path(told["folder"]) / "placing.jsonl")
    assert isinstance(entries[0].what, Begun)
    assert entries[0].what.policy == "fixed:edge"
    assert entries[0].what.about["run"] == told["run"]


def test_its_timeline_is_drawn(home: Path) -> None:
    assert ran(home, "job.yaml", "-q")[0] == 0
    drawn = subprocess.run(
        [sys.executable, "-m", "lamina", "timeline", "last"], cwd=home, capture_output=True,
        text=True, timeout=60, check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "LAMINA_PROJECT": str(home)},
    )  # fmt: skip
    assert "job-1@edge" in drawn.stdout
    assert "job-2@edge" in drawn.stdout


def test_what_a_run_learnt_is_known_to_the_next_one(home: Path) -> None:
    assert ran(home, "job.yaml", "-q")[0] == 0
    code, out, _ = ran(home, "job.yaml", "--json")
    assert code == 0
    first = read_log(Path(json.loads(out)["folder"]) / "placing.jsonl")[0].what
    assert isinstance(first, Begun)
    assert {stage for stage, _, _ in first.known["edge"]} >= {"processing"}


def test_ctrl_c_ends_it_cleanly(home: Path) -> None:
    job = JOB.replace("batch: 3", "arguments: {pause: 5}")
    (home / "job.yaml").write_text(job)
    with begun(home, "job.yaml") as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("starts edge" in line for line in lines)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
        assert process.returncode == 130
        assert time.monotonic() - began < 15.0
        assert "was cancelled" in error
        assert "Traceback" not in error


def test_batches_are_taken_from_a_watched_folder(home: Path) -> None:
    (home / "new").mkdir()
    with begun(
        home, "job.yaml", "--watch", "new", "--batches", "3", "--period", "0.3", "--json"
    ) as process:
        time.sleep(1.0)
        (home / "new" / "late.bin").write_bytes(b"12345")
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
        folder = Path(json.loads(out)["folder"])
    last = json.loads((folder / "results" / "job-3.json").read_text())
    assert last["items"] == {"late.bin": {"bytes": 5}}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("nowhere.yaml",), "nowhere.yaml"),
        (("job.yaml", "--policy", "shere"), "unknown policy 'shere'"),
        (("job.yaml", "--watch", "nowhere"), "nowhere"),
    ],
)
def test_a_mistake_is_told_and_is_usage(home: Path, options: tuple[str, ...], told: str) -> None:
    code, _, error = ran(home, *options)
    assert code == 2
    assert told in error
    assert "Traceback" not in error


def test_files_for_an_http_runtime_need_a_storage(home: Path) -> None:
    (home / "profile.yaml").write_text(
        'runtimes: {far: {kind: http, address: "https://far.example.org"}}'
    )
    code, _, error = ran(home, "job.yaml")
    assert code == 2
    assert "'far'" in error
    assert "storage: s3://" in error
