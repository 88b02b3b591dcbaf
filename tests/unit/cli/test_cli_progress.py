"""How a run goes, on a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from lamina.cli.progress import Live
from lamina.workflow import log

STEER = "\x1b]0;title\x07"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_tasks_tell_never_steers_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    live = Live()
    try:
        live([log.RunStarted(1.0, 1, "w", 2), log.AttemptStarted(1.0, "a", 1, 1.0)])
        live([log.AttemptProgressed(1.0, "a", 1, {f"loss{STEER}": f"high{STEER}"})])
        live._display.refresh()
        error = {"cause": f"boom{STEER}"}
        live([log.AttemptEnded(2.0, "b", 1, "failed", error=error)])
    finally:
        live.close()
    shown = terminal.getvalue()
    assert "boom\\x1b]0;title\\x07" in shown and "high\\x1b]0;title\\x07" in shown
    assert STEER not in shown
