"""Ending runs from outside: from threads, signals, and other processes."""

from __future__ import annotations

import time
from pathlib import Path

from lamina.execution.control import Control, Requests, request_cancel


def test_wishes_are_taken_once_and_wake_the_engine() -> None:
    control, rung = Control(), list[int]()
    control.attach(lambda: rung.append(1))
    control.cancel_task("sort")
    control.cancel()
    assert not control.killed
    control.kill()
    assert (control.taken(), control.taken(), control.killed) == (["sort", ""], [], True)
    assert len(rung) == 3


def test_a_wish_before_the_engine_is_there_is_kept() -> None:
    control = Control()
    control.cancel()
    assert control.taken() == [""]


def test_other_processes_leave_requests_in_the_folder(tmp_path: Path) -> None:
    requests = Requests(tmp_path)
    assert requests.taken() == []
    request_cancel(tmp_path, "count[3]")
    request_cancel(tmp_path)
    assert requests.taken() == []  # it looked a moment ago
    time.sleep(0.06)
    assert sorted(requests.taken()) == ["", "count[3]"]
    time.sleep(0.06)
    assert requests.taken() == []
    assert not list((tmp_path / "requests").glob("*.json"))


def test_what_is_no_request_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "requests").mkdir()
    for name, text in {
        "a": "{",
        "b": "[]",
        "c": '{"do": "dance"}',
        "d": '{"do": "cancel"}',
    }.items():
        (tmp_path / "requests" / f"{name}.json").write_text(text)
    assert Requests(tmp_path).taken() == [""]


def test_requests_of_an_earlier_session_are_dropped(tmp_path: Path) -> None:
    request_cancel(tmp_path)
    requests = Requests(tmp_path)
    requests.forget()
    assert requests.taken() == []
