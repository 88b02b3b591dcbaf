"""The report of a diagnosis in a real browser, offline."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.explain.beside import Beside, strangeness
from lamina.diagnosis.explain.explaining import explain
from lamina.diagnosis.explain.page import explanation_html
from lamina.diagnosis.jobs.detector import JobVerdict
from lamina.diagnosis.novelty import DEFAULT, NOVELTY
from lamina.diagnosis.runs import run_of
from lamina.diagnosis.usual import usual_of
from lamina.testing.disturbed import made_run, made_runs, slower, write_csv
from lamina.workspace.traces import one_trace

pytestmark = pytest.mark.service

CHROMIUM = os.environ.get("LAMINA_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


def report(folder: Path) -> Path:
    trace = one_trace(str(write_csv(made_run(slower(4.0, "stage_in", host="worker-3"), 9), folder)))
    good = [one_trace(str(write_csv(run, folder, n))) for n, run in enumerate(made_runs(6), 2)]
    usual = usual_of([run_of(one) for one in good])
    run = run_of(trace)
    told = explain(run, usual, trace=trace)
    novel = NOVELTY.get(DEFAULT)().fit([run_of(one) for one in good], Fitting())
    slow = [task for task, host in zip(run.table.tasks, run.table.hosts, strict=True)
            if host == "worker-3"]  # fmt: skip
    jobs = tuple(JobVerdict(task, 0.9 if task in slow else 0.02, "loss", 0.8)
                 for task in run.table.tasks)  # fmt: skip
    beside = Beside(strangeness(novel, run, len(good)), jobs)
    page = folder / "why.html"
    text = explanation_html(trace, told, good, usual, "<b>run</b>", beside)
    page.write_text(text, encoding="utf-8")
    return page


def test_a_diagnosis_opens_offline_and_its_findings_are_shown_on_the_chart(tmp_path: Path) -> None:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install 'lamina[services]'"
    )
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no browser at {CHROMIUM}; LAMINA_CHROMIUM names another")
    asked: list[str] = []
    said: list[str] = []
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=["--no-sandbox", "--disable-gpu"]
        )
        page: Any = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(report(tmp_path).as_uri())
        page.wait_for_selector("html[data-ready=yes]", state="attached")
        first = page.locator(".findings > li").first
        assert "on worker-3" in first.inner_text()
        assert "a slow host" in page.locator(".verdict h2").inner_text()
        before = page.locator(".chart canvas").first.screenshot()
        first.locator("button").click()
        assert first.locator("button").inner_text() == "Show all"
        page.locator("[data-toggle=marks]").click()
        page.wait_for_timeout(200)
        assert page.locator(".chart canvas").first.screenshot() != before
        assert page.locator(".strange strong").inner_text() == "The run is strange"
        assert "stage in" in page.locator(".even").first.inner_text()
        rows = page.locator(".jobs tbody tr")
        assert 0 < rows.count() < 34
        assert {row.split("\t")[3] for row in rows.all_inner_texts()} == {"worker-3"}
        rows.first.locator("button").click()
        job = rows.first.locator("button").inner_text()
        assert page.locator("#details h2").inner_text() == job
        assert "<b>run</b>" in page.locator("pre.command").first.inner_text()
        browser.close()
    assert said == []
    assert all(url.startswith("file:") for url in asked)
