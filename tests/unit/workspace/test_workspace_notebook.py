"""Runs in a notebook: where they are while they go on, and errors with lines of cells."""

from __future__ import annotations

import linecache
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lamina.errors import TaskFailedError, UsageError
from lamina.workflow import log, task, workflow
from lamina.workspace import notebook
from lamina.workspace.cells import explain, rendered

CELL = "/tmp/ipykernel_12/3456.py"
DETAILS = f"""Traceback (most recent call last):
  File "{CELL}", line 2, in bad
  File "/home/me/lib.py", line 7, in inner
    return a["b"]
KeyError: 'b'"""


class Shown:
    """What stands below a cell."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.html: list[str] = []

    def __call__(self, what: Any, display_id: bool) -> Shown:
        assert display_id
        self.update(what)
        return self

    def update(self, what: Any) -> None:
        self.states.append(repr(what))
        self.html.append(what._repr_html_())


@pytest.fixture
def notebook_of(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """A kernel that knows one cell."""
    shown = Shown()
    names = SimpleNamespace(
        format_code_name=lambda name: ("Cell", "In[3]") if name == CELL else None
    )
    shell = SimpleNamespace(kernel=object(), compile=names)
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=shown))
    monkeypatch.setitem(linecache.cache, CELL, (9, None, ["x = 1\n", "return a + <b>\n"], CELL))
    return shown


@task
def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_a_run_is_shown_while_it_goes_on(
    notebook_of: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(notebook, "_AFTER", 0.02)
    monkeypatch.setattr(notebook, "_EVERY", 0.02)
    with workflow("slow") as w:
        w.output("y", slow(w.input("x", "float")))
    run = w.workflow.run({"x": 0.4}, cpus=1)
    first, last = notebook_of.states[-3], notebook_of.states[-1]
    assert first.startswith(f"{run.name}: 0 of 1 tasks done, ") and "\nslow  " in first
    assert last.startswith(f"{run.name}: 1 of 1 tasks done, ") and "\n" not in last


def test_metrics_are_shown_and_no_markup_of_others() -> None:
    view = notebook.Progress("calm-owl", Shown())
    now = time.time()
    view([log.RunStarted(now, 1, "w", 2), log.AttemptStarted(now, "train", 1, now)])
    view([log.AttemptProgressed(now, "train", 1, {"epoch": 3, "loss": 0.12345, "n": "<b>"})])
    said = view._now()
    view.close()
    assert repr(said).endswith("epoch 3  loss 0.1235  n <b>")
    head, line = said._repr_html_().split("<br>")
    assert head.startswith("<b>calm-owl: 0 of 2 tasks done") and line.endswith("n &lt;b&gt;")


def test_a_short_run_shows_nothing() -> None:
    shown = Shown()
    view = notebook.Progress("calm-owl", shown)
    view([log.RunStarted(1.0, 1, "w", 2), log.RunFinished(1.1, "succeeded")])
    view.close()
    assert shown.states == []


def test_errors_name_cells_and_show_their_lines(notebook_of: Shown) -> None:
    failure = TaskFailedError("bad", "KeyError: 'b'", "look at 3456.py:2 in bad", DETAILS)
    explain(failure)
    assert failure.way_out == "look at Cell In[3], line 2, in bad"
    assert failure.details.splitlines()[1:3] == [
        "  Cell In[3], line 2, in bad",
        "    return a + <b>",
    ]
    assert failure.details.splitlines()[3] == '  File "/home/me/lib.py", line 7, in inner'
    assert failure.__notes__ == [failure.details]


def test_without_a_notebook_files_stay_as_they_are() -> None:
    failure = TaskFailedError("bad", "KeyError: 'b'", "look at lib.py:7 in inner", DETAILS)
    failure.__cause__ = KeyError("b")
    explain(failure)
    assert failure.details == DETAILS
    assert failure.__cause__.__notes__ == [DETAILS]


def test_what_ipython_shows_of_an_error_are_the_users_lines() -> None:
    def users() -> None:
        with workflow("bad") as w:
            w.output("y", slow(w.input("x", "float")))
        w.workflow.run({"z": 3})

    with pytest.raises(UsageError) as caught:
        users()
    shown = caught.value._render_traceback_()
    assert shown == rendered(caught.value)
    assert "/src/lamina/" not in "\n".join(shown)
    assert 'w.workflow.run({"z": 3})' in shown[1]
    assert shown[-2].startswith("\x1b[31mUsageError\x1b[0m: workflow 'bad' cannot start")
    assert shown[-1].startswith("  way out: its inputs are")
