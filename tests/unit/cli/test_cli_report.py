"""`lamina report`."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from commandline import done, record, run

from lamina.testing.runs import RUNS, MadeRun
from lamina.workflow.log import RunStarted
from lamina.workspace.project import Project

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


def test_the_page_tells_machine_and_packages(project: Path) -> None:
    made = RUNS["chain"]()
    machine = {"cpu": "a fast one", "memory": 16 * 10**9, "packages": {"numpy": "9.9.9"}}
    first = made.events[0]
    assert isinstance(first, RunStarted)
    begun = replace(first, about={"environment": "e1", "user": "ada"})
    record(project, MadeRun(replace(made.record, id="abcdef0123"), (begun, *made.events[1:])))
    store = Project(project / ".lamina").store
    store.keep({"e1": machine})
    store.close()
    done("report", "abcdef0123", "-o", "r.html")
    page = (project / "r.html").read_text("utf-8")
    assert '"cpu":"a fast one"' in page
    assert '"memory":"16.0 GB"' in page
    assert '"numpy":"9.9.9"' in page
    assert '"user":"ada"' in page


def test_a_page_that_cannot_be_written_leaves_the_one_before(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("report", "-o", "r.html")
    before = (project / "r.html").read_text("utf-8")

    def is_full(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", is_full)
    refused = run("report", "-o", "r.html")
    assert refused.code == 2
    assert "'r.html' cannot be written: No space left on device" in refused.err
    assert (project / "r.html").read_text("utf-8") == before
    assert sorted(path.name for path in project.iterdir()) == [".lamina", "r.html"]


def test_a_page_may_go_into_a_pipe(project: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "lamina", "report", "-o", "/dev/stdout"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert told.startswith("<!doctype html>")


def test_an_unknown_run_is_refused() -> None:
    refused = run("report", "nobody")
    assert refused.code == 2
    assert "unknown run 'nobody'" in refused.err


def test_a_timeline_becomes_a_page_too(project: Path) -> None:
    done("timeline", "-o", "t.html")
    assert (project / "t.html").read_text("utf-8").startswith("<!doctype html>")
