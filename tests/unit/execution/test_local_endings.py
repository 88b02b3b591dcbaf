"""Ends that nobody wished for: cancelled, out of time or memory, killed; and nothing stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attempts_by_hand import Hands
from watched_processes import alive, gone, pids

from lamina.execution.runtimes.base import Assignment, Ended, Report, Seen
from lamina.execution.workers import zygotes
from lamina.workflow import command
from lamina.workflow.needs import Needs


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    """A runtime for one test."""
    found = Hands(tmp_path)
    yield found
    found.runtime.close()


def pid() -> int:
    return os.getpid()


def sleeps(seconds: float) -> None:
    time.sleep(seconds)


HANG = "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


def family(note: str, kind: str) -> None:
    """Starts processes, notes the number of each, and never comes back."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = f"{HANG}open({note!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(600)"
    if kind in ("child", "all"):
        subprocess.Popen([sys.executable, "-c", child])
    if kind in ("session", "all"):
        subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
    if kind in ("daemon", "all") and not os.fork():
        os.setsid()
        if not os.fork():
            os.execve(sys.executable, [sys.executable, "-c", child], {})  # its marks are gone
        os._exit(0)
    while True:
        time.sleep(600)


def hanging(hands: Hands, tmp_path: Path, kind: str) -> tuple[Assignment, list[int]]:
    """An attempt with processes of that kind, and the numbers of all."""
    note = tmp_path / "pids"
    note.unlink(missing_ok=True)
    assignment = hands.start(family, note=str(note), kind=kind)
    began = hands.began(assignment)
    return assignment, [began.pid, *pids(note, 3 if kind == "all" else 1)]


@pytest.mark.parametrize("kind", ["child", "session", "daemon", "all"])
def test_a_cancelled_attempt_is_gone_with_everything_it_started(
    hands: Hands, tmp_path: Path, kind: str
) -> None:
    seconds: list[float] = []
    while len(seconds) < 3 and min(seconds, default=1.0) >= 0.1:  # a busy machine may delay one
        assignment, family_pids = hanging(hands, tmp_path, kind)
        before = time.perf_counter()
        hands.runtime.cancel(assignment.ticket)
        ended = hands.ended(assignment)
        seconds.append(time.perf_counter() - before)
        assert ended.status == "cancelled"
        assert not any(map(alive, family_pids))
    assert min(seconds) < 0.1, f"it took {seconds} s"
    assert hands.result(pid) not in family_pids


def test_many_are_ended_together(hands: Hands) -> None:
    given = [hands.start(sleeps, seconds=600.0) for _ in range(12)]
    pids_of_all = [hands.began(one).pid for one in given]
    before = time.perf_counter()
    for one in given:
        hands.runtime.cancel(one.ticket)
    assert {hands.ended(one).status for one in given} == {"cancelled"}
    assert time.perf_counter() - before < 1.0
    assert not any(map(alive, pids_of_all))
    assert not [report for report in hands.seen if isinstance(report, Seen)]


def test_a_command_that_ignores_signals_and_forks_is_cancelled(
    hands: Hands, tmp_path: Path
) -> None:
    note = tmp_path / "pids"
    script = f"trap '' TERM INT HUP; echo $$ >> {note}; (setsid sleep 600 &); sleep 600"
    assignment = hands.start(command(["sh", "-c", script]))
    shell = pids(note, 1)[0]
    before = time.perf_counter()
    hands.runtime.cancel(assignment.ticket)
    assert hands.ended(assignment).status == "cancelled"
    assert time.perf_counter() - before < 1.0
    assert not alive(shell)
    left = subprocess.run(["pgrep", "-f", str(note)], capture_output=True, text=True)
    assert left.stdout == ""


def test_time_is_over_with_everything_that_was_started(hands: Hands, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    needs = Needs(time=2.0)
    assignment = hands.start(family, needs=needs, note=str(note), kind="child")
    child = pids(note, 1)[0]
    ended = hands.ended(assignment)
    assert ended.status == "timeout"
    assert ended.error["cause"] == "ran longer than 2 s"
    assert 2.0 <= ended.time - hands.began(assignment).time < 3.0
    assert not alive(child)


def test_a_command_out_of_time_still_tells_its_last_words(hands: Hands) -> None:
    step = command(["sh", "-c", "echo working >&2; sleep 600"])
    ended = hands.do(step, needs=Needs(time=0.3))
    assert ended.status == "timeout"
    assert ended.error["last"] == ["working"]


def test_a_worker_killed_from_outside_costs_one_attempt(hands: Hands) -> None:
    assignment = hands.start(sleeps, seconds=600.0)
    os.kill(hands.began(assignment).pid, signal.SIGKILL)
    ended = hands.ended(assignment)
    assert ended.status == "lost"
    assert ended.exit == -signal.SIGKILL
    assert "signal 9 (SIGKILL)" in ended.error["cause"]
    assert ended.notices[0][0] == "worker lost"
    assert hands.result(pid) > 0


def test_what_a_killed_worker_had_started_goes_too(hands: Hands, tmp_path: Path) -> None:
    assignment, family_pids = hanging(hands, tmp_path, "all")
    os.kill(family_pids[0], signal.SIGKILL)
    assert hands.ended(assignment).status == "lost"
    assert all(gone(one, 1.0) for one in family_pids)


def test_an_idle_worker_that_dies_costs_nothing_and_is_told(hands: Hands) -> None:
    found = hands.result(pid)
    os.kill(found, signal.SIGKILL)
    assert gone(found)
    time.sleep(0.05)
    told = [report for report in hands.runtime.poll(0.0) if isinstance(report, Seen)]
    assert [(one.what, str(found) in one.text) for one in told] == [("worker lost", True)]
    assert hands.result(pid) != found


def test_a_dead_worker_that_is_given_a_task_is_told_too(hands: Hands) -> None:
    found = hands.result(pid)
    os.kill(found, signal.SIGKILL)
    assert gone(found)
    time.sleep(0.05)
    # Nobody has listened since: its end is met when the next task is given to it.
    assignment = hands.start(pid)
    reports: list[Report] = []
    while not any(isinstance(report, Ended) for report in reports):
        reports += hands.runtime.poll(5.0)
    told = [report for report in reports if isinstance(report, Seen)]
    assert [(one.what, str(found) in one.text) for one in told] == [("worker lost", True)]
    assert [r.ticket for r in reports if isinstance(r, Ended)] == [assignment.ticket]


def test_a_program_killed_from_outside_is_lost_not_failed(hands: Hands, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    assignment = hands.start(command(["sh", "-c", f"echo $$ > {note}; sleep 600"]))
    os.kill(pids(note, 1)[0], signal.SIGKILL)
    ended = hands.ended(assignment)
    assert (ended.status, ended.exit) == ("lost", -9)


def test_the_zygote_may_be_killed(hands: Hands, tmp_path: Path) -> None:
    assignment, family_pids = hanging(hands, tmp_path, "session")
    (zygote,) = hands.runtime.zygotes()
    os.kill(zygote, signal.SIGKILL)
    ended = hands.ended(assignment)
    assert ended.status == "lost"
    assert ended.error["cause"].endswith("starts workers has ended with signal 9")
    assert all(gone(one, 1.0) for one in family_pids)
    assert hands.result(pid) > 0
    assert hands.runtime.zygotes() != [zygote]


def test_a_zygote_that_dies_while_all_its_workers_wait_is_told(hands: Hands) -> None:
    hands.result(pid)
    (zygote,) = hands.runtime.zygotes()
    os.kill(zygote, signal.SIGKILL)
    assert gone(zygote)
    told = [report for report in hands.runtime.poll(1.0) if isinstance(report, Seen)]
    assert {one.what for one in told} == {"worker lost"}
    assert any("starts workers has ended with signal 9" in one.text for one in told)


def test_a_zygote_killed_before_anybody_heard_of_it_is_replaced(hands: Hands) -> None:
    first = hands.start(sleeps, seconds=600.0)
    hands.began(first)
    (zygote,) = hands.runtime.zygotes()
    os.kill(zygote, signal.SIGKILL)
    time.sleep(0.2)
    # The first worker is busy: a further one is asked of what is not there any more.
    assert hands.result(pid) > 0
    assert hands.ended(first).status == "lost"
    assert hands.runtime.zygotes() != [zygote]


def test_a_task_given_out_after_the_zygote_was_killed_still_runs(tmp_path: Path) -> None:
    for fresh in (False, True):
        hands = Hands(tmp_path, fresh=fresh)
        hands.result(pid)
        (zygote,) = hands.runtime.zygotes()
        os.kill(zygote, signal.SIGKILL)
        assert gone(zygote)
        time.sleep(0.1)
        ended = hands.do(pid)  # nobody has looked at the zygote since
        assert ended.status in ("succeeded", "lost")
        assert hands.result(pid) > 0
        hands.runtime.close()


def test_a_zygote_that_cannot_live_costs_attempts_and_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zygotes, "_CODE", "raise SystemExit({home!r} and {descriptor} and 3)")
    hands = Hands(tmp_path)
    for _ in range(3):
        assert hands.do(pid).status == "lost"
    hands.runtime.close()


def test_more_memory_than_was_asked_for_ends_an_attempt(hands: Hands) -> None:
    def greedy(in_a_child: bool) -> None:
        if in_a_child:
            code = "import time; held = b'x' * 300_000_000; time.sleep(60)"
            subprocess.run([sys.executable, "-c", code], check=True)
        held = bytearray(b"x" * 300_000_000)
        time.sleep(60)
        del held

    for in_a_child in (False, True):
        ended = hands.do(greedy, needs=Needs(memory=150_000_000), in_a_child=in_a_child)
        assert ended.status == "memory"
        assert "150,000,000 bytes" in ended.error["cause"]
        assert ended.usage["memory_peak"] > 150_000_000
    assert hands.do(sleeps, needs=Needs(memory=150_000_000), seconds=0.3).status == "succeeded"


@pytest.mark.parametrize("writes", [False, True])
def test_a_task_that_closes_or_fills_what_is_not_its_own_is_at_fault(
    hands: Hands, writes: bool
) -> None:
    def meddles(writes: bool) -> int:
        for descriptor in range(3, 40):
            try:
                if writes:
                    os.write(descriptor, b"no message at all" * 5)
                else:
                    os.close(descriptor)
            except OSError:
                pass
        return 1

    attempt = hands.start(meddles, writes=writes)
    hands.began(attempt)
    time.sleep(0.5)  # an engine that looks late learns the same
    ended = hands.ended(attempt)
    assert ended.status == "failed"
    assert "it closed the worker's own connection, or wrote to it" in ended.error["cause"]
    assert hands.result(pid) > 0


def test_processes_that_a_good_task_leaves_behind_are_ended(hands: Hands, tmp_path: Path) -> None:
    def leaves(note: str) -> int:
        code = f"{HANG}open({note!r}, 'a').write(str(os.getpid())); time.sleep(600)"
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        while not os.path.exists(note):  # noqa: PTH110
            time.sleep(0.01)
        return os.getpid()

    note = tmp_path / "pid"
    worker = hands.result(leaves, note=str(note))
    left = pids(note, 1)[0]
    assert gone(worker)
    assert gone(left, 1.0)
    script = f"sleep 600 & echo $! > {tmp_path}/second"
    assert hands.do(command(["sh", "-c", script])).status == "succeeded"
    assert not alive(pids(tmp_path / "second", 1)[0])


def test_an_attempt_can_be_cancelled_before_its_worker_is_there(tmp_path: Path) -> None:
    hands = Hands(tmp_path)
    assignment = hands.start(sleeps, seconds=600.0)
    hands.runtime.cancel(assignment.ticket)
    assert hands.ended(assignment).status == "cancelled"
    assert len([r for r in hands.seen if isinstance(r, Ended)]) == 1
    hands.runtime.close()


def test_closing_leaves_no_process_and_no_open_file(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    hands = Hands(tmp_path)
    assignment, family_pids = hanging(hands, tmp_path, "all")
    hands.start(sleeps, seconds=600.0)
    hands.result(pid)
    makers = hands.runtime.zygotes()
    began = time.perf_counter()
    hands.runtime.close()
    hands.runtime.close()
    assert time.perf_counter() - began < 2.0
    assert not any(map(alive, [*family_pids, *makers]))
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208
    del assignment


def test_a_runtime_that_never_worked_starts_nothing(tmp_path: Path) -> None:
    hands = Hands(tmp_path)
    assert hands.runtime.zygotes() == []
    assert hands.runtime.poll(0.0) == []
    hands.runtime.close()


def test_another_thread_can_wake_the_one_that_waits(hands: Hands) -> None:
    import threading

    timer = threading.Timer(0.1, hands.runtime.wake)
    timer.start()
    before = time.perf_counter()
    assert hands.runtime.poll(10.0) == []
    assert time.perf_counter() - before < 5.0
    timer.join()


def test_gigabytes_on_the_standard_output_fill_neither_memory_nor_disk(hands: Hands) -> None:
    def floods(megabytes: int) -> str:
        os.write(1, b"the first line\n")
        for _ in range(megabytes):
            os.write(1, b"x" * 1023 + b"\n" + (b"y" * 1023 + b"\n") * 1023)
        os.write(1, b"the last line\n")
        return "done"

    assignment = hands.start(floods, megabytes=60)
    assert hands.value(hands.ended(assignment)) == "done"
    kept = (assignment.folder / "stdout.txt").read_bytes()
    assert 9 * 2**20 <= len(kept) < 9 * 2**20 + 2**17
    assert kept.startswith(b"the first line\n")
    assert kept.endswith(b"the last line\n")
    assert b"bytes are left out here" in kept
