"""What a person meets where an engine's library is not installed: processes that cannot see it."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HIDDEN = """
import sys
from importlib.machinery import PathFinder

hidden, *arguments = sys.argv[1:]

class Blind:
    @staticmethod
    def find_spec(name, path=None, target=None):
        absent = name.partition(".")[0] in hidden.split(",")
        return None if absent else PathFinder.find_spec(name, path, target)

    find_distributions = PathFinder.find_distributions
    invalidate_caches = PathFinder.invalidate_caches

sys.meta_path[sys.meta_path.index(PathFinder)] = Blind
from lamina.cli.main import main
main(arguments)
"""

ROWS = "a,b,label\n" + "".join(f"{k % 7},{k % 5},{k % 2}\n" for k in range(40))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.csv").write_text(ROWS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def trained(hidden: str, network: str, *more: str) -> subprocess.CompletedProcess[str]:
    told = ["train", network, "--data", "rows.csv", "--target", "label", "--epochs", "5", *more]
    return subprocess.run(
        [sys.executable, "-c", HIDDEN, hidden, *told],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("hidden", "other"), [("torch", "fused"), ("llvmlite", "torch")])
def test_auto_takes_the_engine_that_is_there_and_says_why(hidden: str, other: str) -> None:
    if find_spec({"fused": "llvmlite", "torch": "torch"}[other]) is None:
        pytest.skip(f"no engine {other}: pip install 'lamina[{other}]'")
    done = trained(hidden, "2-3-1", "-o", "m.lamina")
    assert done.returncode == 0, done.stderr
    assert f"engine {other} on cpu" in done.stdout
    assert f"needs {hidden}, which is not installed" in done.stdout
    assert Path("m.lamina").exists()


@pytest.mark.parametrize(
    ("hidden", "network", "more", "way_out"),
    [
        ("torch,llvmlite", "2-3-1", (), "pip install 'lamina[fused]', or pip install"),
        ("torch", "2-3-1", ("--engine", "torch"), "pip install 'lamina[torch]'"),
        ("llvmlite", "2-3-1", ("--engine", "fused"), "pip install 'lamina[fused]'"),
    ],
)
def test_an_absent_engine_is_refused_with_the_command_that_installs_it(
    hidden: str, network: str, more: tuple[str, ...], way_out: str
) -> None:
    done = trained(hidden, network, *more)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "is not installed" in done.stderr
    assert f"way out: {way_out}" in done.stderr


def test_what_only_an_absent_engine_could_train_names_it() -> None:
    layers = (
        "  - n1: {layer: LayerNorm}\n  - l1: {layer: Linear, out_features: 1}\n  - s1: Sigmoid\n"
    )
    text = f"lamina: network/1\ninputs: {{x: [2]}}\nlayers:\n{layers}"
    Path("net.yaml").write_text(text, encoding="utf-8")
    done = trained("torch", "net.yaml")
    assert done.returncode == 2
    assert "fused: " in done.stderr
    assert "torch: engine 'torch' needs torch" in done.stderr
    assert "way out: pip install 'lamina[torch]'" in done.stderr
