"""The command line in this process: arguments in; exit code, output and errors out."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.cli.main import main
from lamina.records.store import Store
from lamina.testing.runs import MadeRun


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str | Path) -> Ran:
    """Runs `lamina ARGUMENTS` without a new process."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(word) for word in arguments])
        except SystemExit as ended:
            code = int(str(ended.code))
    return Ran(code, out.getvalue(), err.getvalue())


def done(*arguments: str | Path) -> Ran:
    """As `run`, and it has to succeed."""
    ran = run(*arguments)
    assert ran.code == 0, ran
    return ran


def record(folder: Path, made: MadeRun) -> None:
    """Has the records of the project in a folder know a run that never was."""
    store = Store(f"sqlite:///{folder / '.lamina' / 'records.sqlite'}")
    store.create(made.record)
    store.append(made.record.id, made.events)
    store.close()


def write_rows(path: Path, rows: int = 60, gap: bool = False) -> Path:
    """A table a,b,label in which the label is 1 where a + b is above 10."""
    lines = ["a,b,label"]
    for k in range(rows):
        a, b = (k * 7) % 13, (k * 5) % 11
        lines.append(f"{a},{'' if gap and k == 1 else b},{int(a + b > 10)}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def train_small(folder: Path, name: str = "m", *more: str) -> Path:
    """A small model on `write_rows`, saved in a folder."""
    data, model = write_rows(folder / f"{name}.csv"), folder / f"{name}.lamina"
    told = ("--data", data, "--target", "label", "--epochs", "50", "-q", "-o", model)
    done("train", "2-3-1", *told, *more)
    return model
