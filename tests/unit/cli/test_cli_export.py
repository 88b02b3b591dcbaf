"""`lamina export`."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from commandline import done, record, run

from lamina.data.artifacts.store import Artifacts
from lamina.records.exports import EXPORTERS
from lamina.records.exports.wfformat_check import mistakes
from lamina.testing.runs import RUNS, MadeRun
from lamina.workflow.log import RunFinished
from lamina.workflow.types import PortType


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one run, whose outputs are in the artifact store."""
    made = RUNS["chain"]()
    artifacts = Artifacts(tmp_path / ".lamina" / "artifacts")
    (tmp_path / "mine.txt").write_text("here", encoding="utf-8")
    outputs = {
        "mine": artifacts.refer(tmp_path / "mine.txt", PortType("file")).to_json(),
        "long": artifacts.put(["word"] * 500).to_json(),
        "numbers": artifacts.put(np.arange(300)).to_json(),
        "odd": artifacts.put(Odd()).to_json(),
        "gone": {"codec": "json", "digest": "0" * 64, "size": 2000},
    }
    last = made.events[-1]
    made = MadeRun(made.record, (*made.events[:-1], RunFinished(last.time, "succeeded", outputs)))
    record(tmp_path, made)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Odd:
    """A class that only Python can keep."""


def test_several_formats_are_written_at_once(project: Path) -> None:
    written = done(
        "export", "brave-otter", "--ro-crate", "c.zip", "--wfformat", "new/w.json",
        "--prov", "p.json", "--chrome", "t.json",
    ).out.split()  # fmt: skip
    assert written == ["c.zip", "new/w.json", "p.json", "t.json"]
    assert mistakes(json.loads((project / "new" / "w.json").read_text("utf-8"))) == []
    assert "activity" in json.loads((project / "p.json").read_text("utf-8"))
    assert "traceEvents" in json.loads((project / "t.json").read_text("utf-8"))


def test_a_crate_holds_the_outputs_but_no_pickles(project: Path) -> None:
    done("export", "--ro-crate", "crate")
    outputs = sorted(path.name for path in (project / "crate" / "outputs").iterdir())
    assert outputs == ["long.json", "mine.txt", "numbers.npy"]
    assert not (project / "crate" / "outputs" / "mine.txt").is_symlink()
    assert (project / "crate" / "outputs" / "mine.txt").read_text("utf-8") == "here"
    assert np.load(project / "crate" / "outputs" / "numbers.npy").sum() == 44_850
    assert json.loads((project / "crate" / "outputs" / "long.json").read_text()) == ["word"] * 500


def test_a_damaged_value_is_left_out(project: Path) -> None:
    for path in (project / ".lamina" / "artifacts").rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"\x93NUMPY"):
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1] + b"x")
    done("export", "--ro-crate", "c.zip")
    with zipfile.ZipFile(project / "c.zip") as archive:
        assert not [name for name in archive.namelist() if "numbers" in name]


def test_any_format_has_a_name(project: Path) -> None:
    for name in EXPORTERS.names():
        suffix = EXPORTERS.get(name).suffix
        done("export", "last", "--as", name, f"{name}-out{suffix}")
        assert (project / f"{name}-out{suffix}").exists()


def test_wrong_wishes_are_refused_in_words(project: Path) -> None:
    assert "no format was named" in run("export").err
    assert "unknown export format 'xml'" in run("export", "--as", "xml", "f.xml").err
    assert "unknown run 'nobody'" in run("export", "nobody", "--prov", "p.json").err
    (project / "full").mkdir()
    (project / "full" / "mine").touch()
    assert "not empty" in run("export", "--ro-crate", "full").err
