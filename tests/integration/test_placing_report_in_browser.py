"""The page of placing in a real browser, offline: all charts are drawn, and nothing goes wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lamina.planning.simulation.scenarios import Scenario
from lamina.workspace.placing_reports import of_scenario

pytestmark = pytest.mark.service

CHROMIUM = os.environ.get("LAMINA_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_and_no_error_is_said(tmp_path: Path, scheme: str) -> None:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install 'lamina[services]'"
    )
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no browser at {CHROMIUM}; LAMINA_CHROMIUM names another")
    page = of_scenario(tmp_path / "p.html", Scenario(batches=10), ("share", "eft"), seeds=2)
    said: list[str] = []
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=["--no-sandbox", "--disable-gpu"]
        )
        shown = browser.new_page(color_scheme=scheme)
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.goto(page.as_uri())
        assert shown.locator("#added figure svg").count() == 3
        assert shown.locator("#added svg path.curve").count() == 4
        assert shown.locator("table.policies tbody tr").count() == 2
        assert shown.locator('[data-mode="workers"][aria-pressed="true"]').count() == 1
        assert "[object" not in shown.locator("#added").inner_text()
        assert "NaN" not in shown.locator("#added").inner_html()
        browser.close()
    assert said == []
