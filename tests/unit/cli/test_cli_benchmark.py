"""`lamina benchmark`: what each benchmark takes, and what it refuses before it measures."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import done, run

from lamina.benchmark.faults.judge import WORDS


@pytest.mark.parametrize(
    "name", ["networks", "overhead", "faults", "gantt", "placement", "planners"]
)
def test_every_benchmark_says_where_its_results_go(name: str) -> None:
    helped = done("benchmark", name, "--help").out
    assert "--json" in helped
    assert "-o, --output DIRECTORY" in helped


@pytest.mark.parametrize(
    "name", ["networks", "overhead", "faults", "gantt", "placement", "planners"]
)
def test_an_output_that_is_a_file_is_refused_before_anything_is_measured(
    name: str, tmp_path: Path
) -> None:
    file = tmp_path / "taken"
    file.write_text("mine")
    refused = run("benchmark", name, "-o", file)
    assert refused.code == 2
    assert "taken" in refused.err
    assert file.read_text() == "mine"


def test_a_campaign_in_which_something_went_wrong_ends_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = "lamina.benchmark.faults.campaign.benchmark_faults"
    for unseen in (0, 1):
        results = dict.fromkeys(WORDS, 0) | {"unseen": unseen}
        monkeypatch.setattr(campaign, lambda *told, results=results: results)
        assert run("benchmark", "faults", "--json").code == unseen


def test_the_python_of_a_peer_needs_the_name_of_the_peer() -> None:
    refused = run("benchmark", "overhead", "--peer-python", "/usr/bin/python3")
    assert refused.code == 2
    assert "NAME=PATH" in refused.err


def test_planners_need_instances_and_names_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    for words, said in (
        (("--data", str(tmp_path)), "there are no instances"),
        (("--planners", "heftt"), "unknown planner 'heftt'"),
    ):
        refused = run("benchmark", "planners", *words)
        assert refused.code == 2
        assert said in refused.err
