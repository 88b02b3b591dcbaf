"""`lamina report`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from commandline import done, record, run

from lamina.testing.runs import RUNS, MadeRun

VALUE = {"codec": "json", "digest": "0" * 64, "size": 9}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one failed run in its records."""
    record(tmp_path, RUNS["failed"]())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_report_is_named_by_its_run(project: Path) -> None:
    assert done("report").out.strip() == "brave-otter.html"
    page = (project / "brave-otter.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert '"status":"failed"' in page
    assert "<svg" in page


def test_secrets_do_not_reach_the_page(project: Path) -> None:
    made = RUNS["chain"]()
    about = replace(
        made.record,
        id="abcdef0123",
        name="loud-wren",
        inputs={
            "password": {**VALUE, "inline": '"hunter2!@"'},
            "address": {**VALUE, "inline": '"https://ada:hunter2!@example.org/x"'},
        },
    )
    record(project, MadeRun(about, made.events))
    done("report", "loud-wren", "-o", "folder/r.html")
    assert "hunter2!@" not in (project / "folder" / "r.html").read_text("utf-8")


def test_an_unknown_run_is_refused() -> None:
    refused = run("report", "nobody")
    assert refused.code == 2
    assert "unknown run 'nobody'" in refused.err


def test_a_timeline_becomes_a_page_too(project: Path) -> None:
    done("timeline", "-o", "t.html")
    assert (project / "t.html").read_text("utf-8").startswith("<!doctype html>")
