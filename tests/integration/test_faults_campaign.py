"""Disturbed runs end as undisturbed ones: each kind of fault once; two engines on one run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lamina.benchmark.faults.campaign import Options, benchmark_faults
from lamina.benchmark.faults.judge import WORDS
from lamina.benchmark.faults.kinds import FAULTS
from lamina.benchmark.faults.shapes import SHAPES

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="faults are done through Linux's /proc"
)


def test_each_kind_of_fault_leaves_the_results_as_they_would_have_been() -> None:
    said: list[str] = []
    found = benchmark_faults(Options(cases=len(FAULTS.names())), "test", said.append)
    assert {word: found[word] for word in WORDS} == dict.fromkeys(WORDS, 0), "\n".join(said)
    assert found["cases"] == len(FAULTS.names())
    assert found["struck"] >= 0.75 * found["cases"], "\n".join(said)


@pytest.mark.slow
def test_a_hundred_disturbed_runs_end_as_undisturbed_ones() -> None:
    said: list[str] = []
    found = benchmark_faults(Options(cases=100, first=5000), "test", said.append)
    assert {word: found[word] for word in WORDS} == dict.fromkeys(WORDS, 0), "\n".join(said)


def test_a_second_engine_on_the_same_run_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    document = SHAPES["chain"].write(tmp_path)
    lamina = [sys.executable, "-m", "lamina"]
    variables = {"LAMINA_CAMPAIGN_PAUSE": "0.4"}
    first = subprocess.Popen(
        ["env", *(f"{k}={v}" for k, v in variables.items()), *lamina, "run", str(document), "-q"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    end = time.monotonic() + 20
    while not list((tmp_path / ".lamina" / "runs").glob("*/lock")) and time.monotonic() < end:
        time.sleep(0.02)
    second = subprocess.run(
        [*lamina, "resume", "--json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1, second.stdout + second.stderr
    assert json.loads(second.stderr.splitlines()[-1])["kind"] == "RunBusyError"
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 0, out
