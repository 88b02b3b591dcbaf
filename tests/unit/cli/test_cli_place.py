"""`lamina place fit`, and the times that a dry run predicts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lamina.cli.main import main
from lamina.estimates.placement_log import COLUMNS

DOCUMENT = """
lamina: workflow/1
name: naps
tasks:
  first:
    do: command
    argv: [sleep, "0.2"]
  second:
    do: command
    argv: [sleep, "0.4"]
outputs: {}
"""


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that no system wrote."""
    rows = [
        f"{1000 + 60 * n},{10 + n},gpu1,{45 + n},1.0,{15 + n % 4},{30 + n - n % 4},False"
        for n in range(20)
    ]
    file = tmp_path / "log.csv"
    file.write_text("\n".join([",".join(COLUMNS), *rows, ""]), encoding="utf-8")
    return file


def test_fit_gives_the_keys_that_programs_read(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = said(capsys, "place", "fit", "--log", str(log), "--json")

    found = json.loads(out)
    assert code == 0
    assert found["runtimes"]["gpu1"]["ransac-10"]["mae"] >= 0.0
    assert found["pooled"]["default"]["mae"] >= 0.0
    assert set(found["coverage"]["pooled"]) == {"50", "80", "90"}


def test_fit_shows_tables(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "place", "fit", "--log", str(log))

    assert "PROCESSING" in out
    assert "TOTAL INSIDE" in out
    assert "ransac-10" in out.splitlines()[-1]


def test_a_log_that_is_none_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", encoding="utf-8")

    code, _, err = said(capsys, "place", "fit", "--log", str(tmp_path / "bad.csv"))

    assert code == 2
    assert "line 2: no column epoch" in err
    assert "way out: a CSV file with the columns epoch" in err


def test_a_dry_run_predicts_times_and_the_makespan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("naps.yaml").write_text(DOCUMENT, encoding="utf-8")
    unknown = json.loads(said(capsys, "run", "naps.yaml", "-n", "--json")[1])
    said(capsys, "run", "naps.yaml", "-q")

    found = json.loads(said(capsys, "run", "naps.yaml", "-n", "--json", "--force-all")[1])
    text = said(capsys, "run", "naps.yaml", "-n", "--force-all")[1]

    assert (unknown["seconds"], unknown["makespan"]) == (None, None)
    seconds = {task["task"]: task["seconds"] for task in found["tasks"]}
    assert 0.2 <= seconds["first"] < seconds["second"]
    assert found["tasks"][0]["low"] < found["tasks"][0]["seconds"] < found["tasks"][0]["high"]
    assert seconds["second"] - 1e-9 <= found["makespan"] <= found["seconds"] + 1e-9
    assert " of work in " in text
