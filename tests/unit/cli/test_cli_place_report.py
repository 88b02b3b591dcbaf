"""`lamina place report`: one page about policies, in made-up worlds or on the jobs of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from commandline import done, run
from placing_runs import write_log

from lamina.planning.placement.ledger import Outcome, Usage
from lamina.planning.placement.words import Job
from lamina.traces.placing.ledgers import trace_of

SMALL = ("--batches", "15", "--seeds", "2", "--policy", "share,eft")


def data_of(page: Path) -> Any:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL
    )
    assert found
    return json.loads(found[1])


def test_a_page_holds_regret_cost_promises_and_the_time_line(tmp_path: Path) -> None:
    page = tmp_path / "deep" / "p.html"
    assert done("place", "report", "-o", page, *SMALL).out.strip() == str(page)
    data = data_of(page)
    told = data["added"]
    assert list(told["policies"]) == list(told["regret"]) == ["share", "eft"]
    for name in ("share", "eft"):
        assert told["policies"][name]["interval"]["gpu_seconds"]
        assert [level for level, _ in told["calibration"][name]] == [0.5, 0.8, 0.9]
        assert told["regret"][name][0] == [0, 0.0]
        assert told["regret"][name][-1][0] == 15
    assert set(data["workers"]) == {"edge", "cpu", "gpu1", "gpu2"}
    assert told["mode"] == "workers"


def test_one_seed_is_one_world(tmp_path: Path) -> None:
    done("place", "report", "-o", tmp_path / "p.html", *SMALL[:2], "--seeds", "1")
    assert data_of(tmp_path / "p.html")["added"]["title"] == "Policies in a made-up world"


def test_what_a_world_is_made_of_stands_there_with_units(tmp_path: Path) -> None:
    done("place", "report", "-o", tmp_path / "p.html", *SMALL, "--period", "60", "--indivisible")
    facts = json.dumps(data_of(tmp_path / "p.html")).replace('": "', '", "')
    assert '"period", "60 s"' in facts
    assert '"divisible", "no"' in facts


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    done("place", "report", "-o", tmp_path / "p.html", *SMALL)
    text = (tmp_path / "p.html").read_text()
    assert set(re.findall(r"https?://[^\s\"'`<>)]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text


def test_the_page_of_a_run_has_what_it_was_and_its_own_time_line(tmp_path: Path) -> None:
    log, page = tmp_path / "placing.jsonl", tmp_path / "p.html"
    ledger = write_log(log, "eft", batches=15, divisible=False).dispatcher.ledger
    done("place", "report", log, "-o", page, "--seeds", "2", "--policy", "eft,oracle")
    data = data_of(page)
    was, again = (data["added"]["policies"][name] for name in ("as it was", "eft"))
    assert was["mean"] == pytest.approx(again["mean"], rel=1e-6)
    assert was["gpu_seconds"] == pytest.approx(again["gpu_seconds"], rel=1e-6)
    assert len(data["attempts"]["task"]) == len(ledger.usages)
    assert data["added"]["calibration"]["as it was"]


def test_names_reach_the_page_as_data_only(tmp_path: Path) -> None:
    job = "</script><img src=x>"
    usage = Usage(job, "<b>", 0.0, 1.0, 2.0, 5.0, 3, "done")
    outcome = Outcome(Job(job, 3), 5.0, ("<b>",))
    from lamina.traces.placing.page import placing_html

    told = {"title": job, "lines": [], "policies": {}, "regret": {}, "calibration": {}, "notes": []}
    page = placing_html(trace_of([usage], {job: outcome}, job), told)
    assert "<img" not in page


def test_a_ledger_is_a_trace_of_runtimes_and_their_phases() -> None:
    usages = [
        Usage("a", "gpu", 10.0, 15.0, 20.0, 30.0, 4, "done"),
        Usage("a", "cpu", 10.0, None, None, 30.0, 0, "lost"),
        Usage("a", "cpu", 40.0, 45.0, None, 46.0, 0, "failed"),
    ]
    trace = trace_of(usages, {"a": Outcome(Job("a", 4, 10.0), 30.0, ("gpu",))}, "x", began=1000.0)
    first, second, third = trace.attempts
    assert [(one.name, one.begin, one.end) for one in first.phases] == [
        ("queue", 1010.0, 1015.0), ("stage_in", 1015.0, 1020.0), ("run", 1020.0, 1030.0),
    ]  # fmt: skip
    assert [one.name for one in second.phases] == ["queue"]
    assert (second.status, third.status, third.number) == ("cancelled", "failed", 2)
    assert (trace.begin, trace.end) == (1010.0, 1046.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "-o"),
        (("-o", "."), "is a folder"),
        (("-o", "p.html", "--seeds", "0"), "--seeds is 0"),
        (("-o", "p.html", "--policy", "nix"), "unknown policy 'nix'"),
        (("-o", "p.html", "--policy", "fixed:moon"), "there is no runtime 'moon'"),
        (("nowhere", "-o", "p.html"), "there is no placing run 'nowhere'"),
    ],
)
def test_what_cannot_be_reported_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("place", "report", *words)
    assert ran.code == 2
    assert said in ran.err
    assert not (tmp_path / "p.html").exists()
