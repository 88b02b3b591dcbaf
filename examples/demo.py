"""The main job, as the commands a person would type: train, reuse in a workflow, look.

`python examples/demo.py [FOLDER]` trains the papers' network 1 on the breast-cancer data three
times from different seeds, lets the three models vote in the ensemble workflow on rows that none
of them has seen, and leaves everything in FOLDER (demo-output).
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT_SECONDS = 300


def lamina(*words: str | Path) -> None:
    """Shows a command and runs it; its failure ends the demo."""
    told = [str(word) for word in words]
    shown = [Path(word).relative_to(Path.cwd()) if is_below(word) else word for word in told]
    print(f"\n$ lamina {shlex.join(map(str, shown))}", flush=True)  # noqa: T201
    command = [sys.executable, "-m", "lamina", *told]
    done = subprocess.run(command, timeout=LIMIT_SECONDS, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def is_below(word: str) -> bool:
    """Whether a word is an absolute path below this folder."""
    return Path(word).is_absolute() and Path(word).is_relative_to(Path.cwd())


def main() -> None:
    """The demo."""
    began = time.perf_counter()
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
    train, test = out / "data" / "train.csv", out / "data" / "test.csv"
    models = {name: out / "models" / f"{name}.lamina" for name in ("first", "second", "third")}
    workflow = HERE / "ensemble.yaml"

    lamina("data", "split", "breast-cancer", "--test", "0.2", "--seed", "0", "-o", out / "data")
    for seed, (name, path) in enumerate(models.items(), start=1):
        told: list[str | Path] = [
            "--data",
            train,
            "--target",
            "label",
            "--plan",
            "kfold:5",
            "--epochs",
            "1000",
        ]
        pictures: list[str | Path] = ["--pictures", out / "pictures"] if name == "first" else []
        lamina("train", "papers-1", *told, "--seed", str(seed), "-o", path, *pictures, "-q")
    parameters = [word for name, path in models.items() for word in ("-p", f"{name}={path}")]
    lamina("run", workflow, "-p", f"data={test}", *parameters, "-o", out / "ensemble")
    lamina("evaluate", models["first"], test, "--pictures", out / "pictures" / "test")
    lamina("graph", workflow, "-o", out / "workflow.svg")
    lamina("graph", "papers-1", "-o", out / "network.svg")
    lamina("graph", models["first"], "--format", "neurons", "-o", out / "neurons.svg")

    files = sorted(path for path in out.rglob("*") if path.is_file())
    print(f"\n{out} holds, after {time.perf_counter() - began:.1f} s:")  # noqa: T201
    for path in files:
        print(f"  {path}")  # noqa: T201


if __name__ == "__main__":
    main()
