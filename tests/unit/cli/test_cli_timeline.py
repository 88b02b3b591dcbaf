"""`lamina timeline`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from commandline import done, run

from lamina.errors import UnknownNameError
from lamina.testing.runs import RUNS
from lamina.workflow.log import Event
from lamina.workspace import timelines


class Kept:
    """A store with one run in it."""

    def __init__(self, kind: str) -> None:
        self.made = RUNS[kind]()

    def find(self, text: str) -> object:
        if text not in ("last", self.made.record.id, self.made.record.name):
            raise UnknownNameError("run", text, [self.made.record.id])
        return self.made.record

    def events(self, run: str) -> Iterator[tuple[int, Event]]:
        assert run == self.made.record.id
        yield from enumerate(self.made.events)


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timelines, "project", lambda: SimpleNamespace(store=Kept("retried")))


def test_the_last_run_is_drawn() -> None:
    drawn = done("timeline", "--width", "80").out
    assert drawn.startswith("word-count")
    assert "count[3] ~2" in drawn
    assert "\x1b" not in drawn


def test_a_run_is_found_by_its_name_and_an_unknown_one_is_refused() -> None:
    assert done("timeline", "brave-otter").out == done("timeline").out
    refused = run("timeline", "nobody")
    assert refused.code == 2
    assert "unknown run 'nobody'" in refused.err


def test_every_form_is_written(tmp_path: Path) -> None:
    for name, begin in (("a.txt", "word-count"), ("a.svg", "<svg"), ("a.json", "{")):
        assert done("timeline", "-o", tmp_path / name).out.strip() == str(tmp_path / name)
        assert (tmp_path / name).read_text("utf-8").startswith(begin)


def test_a_picture_is_written_as_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'lamina[pictures]'")
    assert done("timeline", "-o", tmp_path / "a.png").out.strip() == str(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_an_unknown_form_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    refused = run("timeline", "-o", tmp_path / "a.docx")
    assert refused.code == 2
    assert ".txt" in refused.err


def test_json_holds_every_attempt_with_its_phases() -> None:
    found = done("timeline", "--json").json
    assert len(found["attempts"]) == 11
    begin, end = found["attempts"][0]["phases"]["run"]
    assert found["begin"] < begin < end < found["end"]
    assert json.dumps(found)


def test_other_runs_say_in_a_page_what_is_usual(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    others = ["--against", "last", "--against", "brave-otter"]
    assert done("timeline", "-o", page, *others).out.strip() == str(page)
    assert '"usual_from":2' in page.read_text("utf-8")
    refused = run("timeline", "-o", tmp_path / "a.svg", *others)
    assert refused.code == 2 and ".html" in refused.err
    assert run("timeline", *others).code == 2
    assert not (tmp_path / "a.svg").exists()
