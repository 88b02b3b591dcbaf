"""Pieces of the local runtime by themselves: messages, logs, devices, processes, metrics."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_processes import alive, gone, pids

from lamina.errors import ArtifactError, StagingError
from lamina.execution.workers import capture, devices, processes
from lamina.execution.workers.attempt import WorkerAttempt
from lamina.execution.workers.capture import Capture
from lamina.execution.workers.listening import Listener
from lamina.execution.workers.messages import Inbox, packed
from lamina.execution.workers.verdicts import Signalled, judged
from lamina.records.attempts import attempts
from lamina.workflow.log import AttemptProgressed, AttemptStarted, RunStarted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.dictionaries(st.text(), JSON), max_size=5), st.integers(1, 50))
def test_messages_come_through_however_they_are_cut(messages: list[Any], piece: int) -> None:
    data = b"".join(map(packed, messages))
    inbox = Inbox()
    found = [
        message
        for start in range(0, len(data), piece)
        for message in inbox.take(data[start : start + piece])
    ]
    assert found == messages


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\2[]", b"\0\0\0\3abc"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        Inbox().take(data)


def test_what_was_removed_a_moment_ago_is_not_listened_to() -> None:
    listener, called = Listener(), []
    ends = [os.pipe() for _ in range(2)]
    for read, write in ends:
        others = [other for other, _ in ends if other != read]

        def heard(read: int = read, others: list[int] = others) -> None:
            called.append(read)
            for one in [read, *others]:
                listener.remove(one)

        listener.add(read, heard)
        os.write(write, b"x")
    listener.wait(1.0)
    listener.close()
    for end in (end for pair in ends for end in pair):
        os.close(end)
    assert len(called) == 1


def test_a_log_keeps_its_beginning_and_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "HEAD", 1000)
    monkeypatch.setattr(capture, "TAIL", 500)
    log = Capture(tmp_path / "a", "out.txt")
    lines = [b"line %04d\n" % number for number in range(1000)]
    for line in lines:
        log.take(line)
    assert log.last() == [f"line {number:04d}" for number in range(980, 1000)]
    log.end()
    kept = (tmp_path / "a" / "out.txt").read_text()
    head, _, rest = kept.partition("\n... ")
    told, _, tail = rest.partition(" bytes are left out here ...\n")
    assert head.encode() + b"\n" == b"".join(lines[:100]) + b"\n"
    assert tail.encode() == b"".join(lines)[-len(tail) :]
    assert len(head) + int(told.replace(",", "")) + len(tail) == 10_000
    assert 500 <= len(tail) < 520


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_a_short_log_is_kept_as_it_is(pieces: list[bytes]) -> None:
    path = Path(f"/tmp/lamina-log-{os.getpid()}")
    log = Capture(path.parent, path.name)
    for piece in pieces:
        log.take(piece)
    log.end()
    whole = b"".join(pieces)
    assert log.used == bool(whole)
    assert (path.read_bytes() if path.exists() else b"") == whole
    path.unlink(missing_ok=True)


def test_whole_lines_can_be_read_while_the_task_runs_and_secrets_cannot(tmp_path: Path) -> None:
    log = Capture(tmp_path, "out.txt", ["open-sesame"])
    log.take(b"one\nthe code is open-")
    assert (tmp_path / "out.txt").read_text() == "one\n"
    log.take(b"sesame\nthree")
    assert (tmp_path / "out.txt").read_text() == "one\nthe code is ***\n"
    assert log.last() == ["one", "the code is ***", "three"]
    log.end()


KEY = [
    b"-----BEGIN RSA PRIVATE KEY-----\n",
    *(b"MIIEpAIBAAKCAQEA%02dqwertyuiopasdfghjklzxcvbnmQWERTY\n" % n for n in range(25)),
    b"-----END RSA PRIVATE KEY-----\n",
]


@pytest.mark.parametrize("whole", [True, False])
def test_a_private_key_that_is_printed_line_by_line_is_not_kept(
    tmp_path: Path, whole: bool
) -> None:
    log = Capture(tmp_path, "out.txt")
    log.take(b"begin\n")
    for line in KEY if whole else KEY[:9]:
        log.take(line)
        assert not any("MIIE" in line for line in log.last())
    if whole:
        log.take(b"end\n")
    log.end()
    kept = (tmp_path / "out.txt").read_text()
    assert kept == ("begin\n***\nend\n" if whole else "begin\n***")


def test_words_about_keys_hold_no_log_up(tmp_path: Path) -> None:
    log = Capture(tmp_path, "out.txt")
    log.take(b"expected '-----BEGIN PRIVATE KEY-----', got\nnothing\n")
    log.take(b"-----BEGIN CERTIFICATE-----\nMIID\n")
    assert (tmp_path / "out.txt").read_text().endswith("MIID\n")
    log.end()


@pytest.mark.parametrize("shift", range(0, 2400, 37))
def test_no_secret_is_kept_where_a_log_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    monkeypatch.setattr(capture, "_LINE", 5000)
    monkeypatch.setattr(capture, "HEAD", 6100)
    log = Capture(tmp_path, "out.txt", ["open-sesame"])
    line = b"." * shift + b"the code is open-sesame, API_TOKEN=abcdefgh1234 and " * 150
    for place in range(0, len(line), 700):
        log.take(line[place : place + 700])
    log.end()
    kept = (tmp_path / "out.txt").read_text()
    assert "sesame" not in kept and "abcdefgh" not in kept and "1234" not in kept
    assert kept.count("API_TOKEN=***") == 150


def test_the_last_lines_show_no_rest_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "_SHOWN", 40)
    log = Capture(tmp_path, "out.txt", ["open-sesame"])
    for number in range(40):
        log.take(b"%s the code is open-sesame\nnext\n" % (b"." * number))
        assert not any("same" in line for line in log.last())
    log.end()


def test_a_log_that_cannot_be_written_says_so_and_disturbs_nobody() -> None:
    log = Capture(Path("/proc/no/such/folder"), "out.txt")
    log.take(b"line\n" * 10)
    log.end()
    assert "/proc/no" in log.problem
    assert log.last() == ["line"] * 10


@pytest.mark.parametrize(
    ("told", "found"), [("0,1", ("0", "1")), ("none", ()), ("", ()), ("GPU-a1", ("GPU-a1",))]
)
def test_devices_can_be_told(
    monkeypatch: pytest.MonkeyPatch, told: str, found: tuple[str, ...]
) -> None:
    monkeypatch.setenv("LAMINA_GPUS", told)
    assert devices.gpus() == found


def test_what_the_batch_system_gave_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMINA_GPUS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert devices.gpus() == ("2", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert devices.gpus() == ()


def test_devices_are_asked_from_the_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LAMINA_GPUS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 0\necho 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    if not Path("/proc/driver/nvidia/gpus").exists():
        assert devices.gpus() == ("0", "1")


def test_a_machine_has_memory() -> None:
    assert devices.memory() > 2**28


def test_a_tree_ends_with_those_that_left_it(tmp_path: Path) -> None:
    code = f"""
import os, time
from lamina.execution.workers import processes
processes.adopt_orphans()
def note():
    with open({str(tmp_path / "pids")!r}, "a") as file:
        file.write(f"{{os.getpid()}} ")
note()
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        note()
        break
time.sleep(600)
"""
    root = subprocess.Popen([sys.executable, "-c", code])
    found = pids(tmp_path / "pids", 4)
    assert set(processes.descendants(root.pid)) >= set(found) - {root.pid}
    before = time.perf_counter()
    processes.end_trees([root.pid])
    assert time.perf_counter() - before < 0.1
    assert gone(root.pid, 1.0)
    root.wait()
    assert not any(map(alive, found))


def test_processes_that_multiply_while_they_are_ended_do_not_win(tmp_path: Path) -> None:
    code = """
import os, time
from lamina.execution.workers import processes
processes.adopt_orphans()
if os.fork() == 0:
    end = time.monotonic() + 5
    while time.monotonic() < end:  # a chain: each forks the next one and ends
        time.sleep(0.001)
        if os.fork():
            os._exit(0)
time.sleep(600)
"""
    root = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 10
    while not processes.descendants(root.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    processes.end_trees([root.pid])
    root.wait(2)
    time.sleep(0.05)
    left = [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and b"a chain: each forks" in _command_line(entry)
    ]
    assert left == []


def _command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def test_memory_of_processes_is_looked_up() -> None:
    own = os.getpid()
    assert processes.held([own], 1) > 2**20
    assert processes.peak_of(own) >= processes.held([own], 2**40) // 2
    assert processes.held([2**22 + 1], 0) == 0
    assert not processes.runs(2**22 + 1)


@pytest.mark.parametrize(
    ("error", "phase", "status"),
    [
        (ValueError("x"), "run", "failed"),
        (MemoryError(), "run", "memory"),
        (OSError(errno.ENOMEM, "no"), "run", "memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA"), "run", "memory"),
        (OSError(errno.ENOSPC, "full"), "run", "failed"),
        (OSError(errno.ENOSPC, "full"), "stage_out", "lost"),
        (ArtifactError("damaged", "", "abc"), "stage_in", "lost"),
        (ArtifactError("no way to keep it"), "stage_out", "failed"),
        (StagingError("line cut"), "stage_in", "lost"),
        (KeyboardInterrupt(), "run", "lost"),
        (Signalled("p ended", "", 3), "run", "failed"),
        (Signalled("p ended", "", -9), "run", "lost"),
    ],
)
def test_errors_have_a_reason(error: BaseException, phase: str, status: str) -> None:
    assert judged(error, phase).status == status


def test_metrics_told_between_two_messages_travel_together(tmp_path: Path) -> None:
    sent: list[dict[str, Any]] = []
    job = {"run": "r", "name": "t", "attempt": 1, "threads": 1, "scratch": str(tmp_path)}
    attempt = WorkerAttempt(job, sent.append, lambda port: None)
    for epoch in range(5000):
        attempt.tell({"epoch": epoch, "losses": [0.5, 0.25]})
    attempt.end()
    attempt.tell({"epoch": -1})
    told = [m["epoch"] if isinstance(m["epoch"], list) else [m["epoch"]] for m in sent]
    epochs = [epoch for many in told for epoch in many]
    assert epochs[0] == 0
    assert epochs[-1] == 4999
    assert epochs == sorted(epochs)
    assert all(len(m["epoch"]) <= 1000 for m in sent if isinstance(m["epoch"], list))
    assert sent[0]["losses"] == [0.5, 0.25]


def test_what_was_told_together_stays_together(tmp_path: Path) -> None:
    sent: list[dict[str, Any]] = []
    job = {"run": "r", "name": "t", "attempt": 1, "threads": 1, "scratch": str(tmp_path)}
    attempt = WorkerAttempt(job, sent.append, lambda port: None)
    attempt.tell({"epochs": 2, "groups": 1})
    attempt.tell({"epoch": [1, 2], "loss": [0.5, 0.4]})
    attempt.tell({"epoch": [1, 2], "loss": [0.9, 0.8], "group": [1, 1]})
    attempt.tell({"epoch": [3], "loss": [0.7], "group": 1})
    attempt.tell({"epochs": 2, "groups": 2})
    attempt.end()
    story = attempts([
        RunStarted(1.0, 1, "w", 1),
        AttemptStarted(1.0, "t", 1, 1.0),
        *(AttemptProgressed(2.0, "t", 1, values) for values in sent),
    ])  # fmt: skip
    rows = [{k: v for k, v in row.items() if k != "time"} for row in story[0].epochs()]
    assert {"epoch": 1, "loss": 0.5} in rows
    assert {"epoch": 2, "loss": 0.4} in rows
    assert {"epoch": 1, "loss": 0.9, "group": 1} in rows
    assert {"epoch": 3, "loss": 0.7, "group": 1} in rows
    assert {"epochs": 2, "groups": 2} in rows
    assert len(rows) == 7


def test_a_rehearsal_goes_well_and_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import json, os, sys\n"
        "from lamina.execution.workers.rehearsal import rehearse\n"
        "about = {'directory': os.getcwd(), 'artifacts': 'artifacts'}\n"
        "before, out = len(os.listdir('/dev/fd')), sys.stdout\n"
        "answers = rehearse(about)\n"
        "assert sys.stdout is out and len(os.listdir('/dev/fd')) == before\n"
        "print(json.dumps([[a['status'], a['outputs']['result']['inline']] for a in answers]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    # All of them: code counts as often used from its eighth time on.
    assert json.loads(done.stdout) == [["succeeded", "1"]] * 12
    assert list(tmp_path.iterdir()) == []
