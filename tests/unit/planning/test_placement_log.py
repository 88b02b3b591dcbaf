"""The log of a placing run: what is written comes back, and what was torn is survived."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from lamina.errors import TraceError
from lamina.planning.placement.ledger import Decision, Outcome, Usage
from lamina.planning.placement.log import Begun, Entry, LogWriter, read_log, write
from lamina.planning.placement.words import (
    Arrived,
    Cancel,
    Choice,
    Crashed,
    Deployed,
    Finished,
    Job,
    Migrate,
    Probed,
    Rang,
    Request,
    Runtime,
    Share,
    Start,
    Uploaded,
    Wait,
    Warmed,
)

JOB = Job("b1", 10, 1.5, 2e6, 100.0, True, needs=frozenset({"trusted", "edge"}))
RUNTIMES = (
    Runtime("edge", True, 1, labels=frozenset({"edge"})),
    Runtime("gpu1", devices=1, price=0.5),
)
ACTIONS = (Request("gpu1"), Start("edge", True), Cancel("gpu1"), Migrate("a", "b"), Wait(2.0))
ENTRIES = [
    Entry(0.0, Begun("share", RUNTIMES, 3, known={"edge": (("processing", 5.0, 2.5),)})),
    Entry(1.5, Arrived(JOB)),
    Entry(1.5, Decision(1.5, "b1", "arrived", "", Choice(ACTIONS, "why", {"gpu1": 0.25}), 1e-4)),
    Entry(2.0, Uploaded(1, 0.5)),
    Entry(2.5, Deployed(1, 1.0)),
    Entry(2.6, Warmed(1, 0.1)),
    Entry(2.7, Crashed(2, "broke down")),
    Entry(2.8, Rang(("retry", "2"))),
    Entry(3.0, Probed("gpu1", None)),
    Entry(3.0, Probed("gpu1", 4.0)),
    Entry(4.0, Finished("b1", {1: Share(7, 1.5, 0.1), 3: Share(3, 2.5)})),
    Entry(4.0, Usage("b1", "gpu1", 1.5, None, None, 4.0, 0, "cancelled")),
    Entry(4.0, Outcome(JOB, 4.0, ("gpu1", "edge"))),
    Entry(5.0, Outcome(JOB, 5.0, (), "all runtimes failed")),
]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "log", ENTRIES)
    assert read_log(tmp_path / "log") == ENTRIES


def test_a_job_without_a_deadline_is_read_as_one(tmp_path: Path) -> None:
    write(tmp_path / "log", [Entry(0.0, Arrived(Job("a", 1, deadline=inf)))])
    (entry,) = read_log(tmp_path / "log")
    assert isinstance(entry.what, Arrived)
    assert entry.what.job.deadline == inf


@pytest.mark.parametrize("lost", [1, 2, 20])
def test_a_torn_last_line_costs_only_itself(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "log"
    write(path, ENTRIES)
    path.write_bytes(path.read_bytes()[:-lost])
    assert read_log(path) == ENTRIES[:-1]


def test_a_writer_goes_on_behind_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, ENTRIES)
    path.write_bytes(path.read_bytes()[:-20])
    with LogWriter(path) as log:
        log.write(6.0, Crashed(1, "x"))
    assert read_log(path) == [*ENTRIES[:-1], Entry(6.0, Crashed(1, "x"))]


def test_each_line_can_be_read_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with LogWriter(tmp_path / "log") as log:
        log.write(0.0, Crashed(1, "x"))
        assert len(read_log(tmp_path / "log")) == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"at": 1}', "'kind' is missing"),
        ('{"at": 1, "kind": "uploaded", "seconds": 1}', "'attempt' is missing"),
        ('{"at": 1, "kind": "sung"}', "'sung' is none of"),
        ('{"at": "soon", "kind": "rang", "token": []}', "soon"),
        ("{", "no JSON"),
        ("[]", "list"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "bad.jsonl"
    write(path, ENTRIES[:1])
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")
    with pytest.raises(TraceError, match=r"bad.jsonl, line 2") as caught:
        read_log(path)
    assert told in str(caught.value)


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="nowhere"):
        read_log(tmp_path / "nowhere")
