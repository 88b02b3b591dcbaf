"""The whole benchmark, in its smallest form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lamina.benchmark.machine import machine, versions
from lamina.benchmark.peers import CARDS, PEERS, Card
from lamina.benchmark.results import FORMAT
from lamina.cli.benchmark import command
from lamina.errors import DataError, DocumentError, UsageError


def test_the_smallest_form_gives_all_keys_and_names_who_is_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(CARDS, "elsewhere", Card("Elsewhere", "no_such_library"))
    arguments = ["networks", "--quick", "--epochs", "3", "--json", "-o", str(tmp_path / "out")]
    arguments += ["--peers", "sklearn,elsewhere", "--sets", "breast-cancer,pima"]
    with PEERS.having("elsewhere", "no_such_library:Elsewhere"):
        ran = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    found = json.loads(ran.stdout)
    name = "breast-cancer"
    assert found["failed"] == {}
    assert {"fused", "torch", "sklearn"} <= set(found["seconds"])
    assert found["ratios"]["sklearn"][name] == pytest.approx(
        found["seconds"]["sklearn"][name] / found["seconds"]["fused"][name]
    )
    assert set(found["accuracy"]["fused"][name]) >= {"mean", "std"}
    assert found["gflops"][name] > 0
    assert found["group3"]["trainings"] == 20
    assert "no_such_library is not installed" in found["absent"]["contestants"]["elsewhere"]
    assert "LAMINA_DATA" in found["absent"]["sets"]["pima"]
    assert "absent: elsewhere" in ran.stderr
    assert found["quick"] is True
    assert (tmp_path / "out" / "figure-8-cross-validation.png").is_file()

    page = CliRunner().invoke(command, ["report", str(tmp_path / "out" / "results.json")])
    assert page.exit_code == 0
    assert "# Benchmark: networks" in page.stdout


def test_without_any_data_set_the_benchmark_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="no data set of the benchmark"):
        CliRunner().invoke(command, ["networks", "--sets", "pima"], catch_exceptions=False)


def test_a_folder_that_cannot_be_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    arguments = ["networks", "--epochs", "1000000", "-o", str(tmp_path / "file" / "out")]
    with pytest.raises(UsageError, match="cannot be made"):
        CliRunner().invoke(command, arguments, catch_exceptions=False)


@pytest.mark.parametrize(
    "text",
    ["", "[" * 100_000, "[]", '{"lamina": "benchmark/0"}', json.dumps({"lamina": FORMAT})],
    ids=["empty", "deep", "list", "version", "bare"],
)
def test_results_that_are_not_whole_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        CliRunner().invoke(
            command, ["report", str(tmp_path / "results.json")], catch_exceptions=False
        )
    assert "lamina benchmark networks -o" in caught.value.way_out


def test_machine_and_versions_are_known() -> None:
    assert machine()["cores"] >= 1
    assert machine()["cpu"]
    assert {"python", "lamina", "numpy"} <= set(versions())
