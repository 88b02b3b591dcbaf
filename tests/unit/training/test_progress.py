"""Progress: events in words, live on a terminal, few lines elsewhere."""

from __future__ import annotations

import io

import pytest

from lamina.training import progress
from lamina.training.progress import Advanced, LiveProgress, PlainProgress, line, progress_for

ADVANCED = Advanced(0, 250, 1000, 0.1234, None, 5, 812.0, 0.9)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_tells_epochs_loss_rate_and_what_remains() -> None:
    text = line(ADVANCED)
    assert text == "epoch 250/1000, loss 0.1234, 5 training, 812 epochs/s, 0.9 s to go"
    watched = Advanced(0, 1, 2, 0.5, 0.25, 1, 1.0, 1.0)
    assert "validation 0.2500" in line(watched)


def test_every_event_but_a_checkpoint_has_a_line() -> None:
    said = [
        line(progress.Started(0, "fused", "cpu", "2 threads", "asked for", 5, 10, 0, 2)),
        line(progress.Resumed(0, 7)),
        line(progress.Warned(0, "odd")),
        line(progress.Stopped(0, "fold 1", 30, 20)),
        line(progress.Diverged(0, "fold 1", 3, "too fast")),
        line(progress.Finished(0, 10, 0.5, 0.1)),
    ]
    assert said[0] == "5 trainings on fused/cpu, 2 threads (program 1 of 2): asked for"
    assert said[3] == "fold 1: stopped at epoch 30, best at epoch 20"
    assert all(said)
    assert line(progress.Checkpointed(0, 5, "x")) == ""


def test_plain_lines_keep_their_distance() -> None:
    stream = io.StringIO()
    listener = PlainProgress(stream, interval=60.0)
    for _ in range(5):
        listener(ADVANCED)
    listener(progress.Warned(0, "odd"))
    listener.close()
    assert stream.getvalue().splitlines() == [line(ADVANCED), "warning: odd"]


def test_a_terminal_gets_a_live_line() -> None:
    stream = Terminal()
    listener = progress_for(stream)
    assert isinstance(listener, LiveProgress)
    listener(progress.Started(0, "fused", "cpu", "", "", 1, 10, 0, 1))
    listener(ADVANCED)
    listener.close()
    listener.close()
    assert "1 training on fused/cpu" in stream.getvalue()
    assert "epoch 250/1000" in stream.getvalue()


def test_a_pipe_gets_lines_and_quiet_gets_nothing() -> None:
    assert isinstance(progress_for(io.StringIO()), PlainProgress)
    assert progress_for(Terminal(), quiet=True) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_spans_are_for_people(seconds: float, text: str) -> None:
    assert progress.span(seconds) == text
