"""Torch is loaded with threads that sleep while they wait."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lamina.training.engines import ENGINES, torch_loading
from lamina.training.engines.torch import TorchEngine
from lamina.training.engines.torch_loading import CHOSEN, sleeping_threads


def test_the_setting_holds_while_torch_is_loaded_and_not_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in CHOSEN:
        monkeypatch.delenv(name, raising=False)
    with sleeping_threads():
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert "OMP_WAIT_POLICY" not in os.environ


@pytest.mark.parametrize("name", CHOSEN)
def test_a_choice_of_the_user_is_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other in CHOSEN:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "7")
    before = dict(os.environ)
    with sleeping_threads():
        assert dict(os.environ) == before
    assert dict(os.environ) == before


def test_openmp_hears_of_it_when_the_engine_is_loaded() -> None:
    """GNU's OpenMP prints its settings when it is loaded."""
    if not sys.platform.startswith("linux"):
        pytest.skip("torch brings GNU's OpenMP on Linux only")
    environment = {name: text for name, text in os.environ.items() if name not in CHOSEN}
    code = "from lamina.training.engines import ENGINES; ENGINES.get('torch')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "OMP_DISPLAY_ENV": "true"},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    if "OMP_WAIT_POLICY" not in done.stderr:
        pytest.skip("this torch brings another OpenMP")
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr


def test_the_table_of_engines_has_the_engine_itself() -> None:
    assert ENGINES.get("torch") is TorchEngine
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = torch_loading.Other
