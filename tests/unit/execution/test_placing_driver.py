"""The live driver over real processes: each item is done once, whatever goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
from placed_pods import FUNCTIONS, LIMITS, soon
from placed_runs import EDGE, GPU, Drive, Told, emulated, local, numbered, places
from watched_processes import alive, gone

from lamina.execution.placing.driver import How
from lamina.execution.placing.items import Item
from lamina.execution.workers.processes import children, descendants
from lamina.planning.placement.ledger import Decision, Outcome, Usage
from lamina.planning.placement.log import read_log
from lamina.planning.placement.words import Crashed, Deployed, Finished, Pace, Uploaded, Warmed
from lamina.planning.simulation.world import Draw

QUICK = replace(LIMITS, answer=0.6, progress=5.0)


def results(folder: Path, job: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results" / f"{job}.json").read_text())
    return found["items"]  # type: ignore[no-any-return]


def test_all_items_are_done_on_a_local_pool(tmp_path: Path) -> None:
    drive = Drive(tmp_path, places(local(tmp_path, EDGE)), "fixed:edge")
    drive.give("a", numbered(7))
    drive.give("b", numbered(3))
    drive.run()
    assert set(results(tmp_path, "a")) == {str(n) for n in range(7)}
    assert [one.failed for one in drive.driver.dispatcher.ledger.outcomes.values()] == ["", ""]


def test_a_runtime_that_stands_ready_keeps_its_process(tmp_path: Path) -> None:
    drive = Drive(tmp_path, places(local(tmp_path, EDGE)), "fixed:edge")
    for name in "abc":
        drive.give(name, numbered(2))
    drive.run()
    pids = {one["pid"] for name in "abc" for one in results(tmp_path, name).values()}
    assert len(pids) == 1


def test_nothing_runs_any_more_when_a_run_is_over(tmp_path: Path) -> None:
    before = set(children(os.getpid()))
    drive = Drive(tmp_path, places(local(tmp_path, EDGE), local(tmp_path, GPU)), "share")
    drive.give("a", numbered(4))
    drive.run()
    assert [pid for pid in children(os.getpid()) if alive(pid) and pid not in before] == []


def test_the_log_holds_all_that_happened_in_its_order(tmp_path: Path) -> None:
    drive = Drive(tmp_path, places(local(tmp_path, EDGE)), "fixed:edge")
    drive.give("a", numbered(2))
    drive.run()
    assert read_log(tmp_path / "log.jsonl") == drive.heard
    kinds = [type(entry.what).__name__ for entry in drive.heard]
    assert kinds == ["Arrived", "Decision", "Warmed", "Decision", "Finished", "Usage", "Outcome"]


def test_files_travel_through_a_storage_and_their_upload_is_measured(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    items = []
    for n in range(4):
        (folder / f"{n}.bin").write_bytes(bytes([n]) * 1000 * n)
        items.append(Item(f"{n}.bin", folder / f"{n}.bin"))
    storage = (tmp_path / "storage").as_uri()
    drive = Drive(tmp_path, places(local(tmp_path, GPU, storage, "sizes")), "fixed:gpu1")
    drive.give("a", tuple(items))
    drive.run()
    assert results(tmp_path, "a") == {f"{n}.bin": 1000 * n for n in range(4)}
    (uploaded,) = drive.kinds(Uploaded)
    assert 0.0 < uploaded.seconds < 5.0
    assert {p.name for p in (tmp_path / "storage").iterdir()} == {item.sha256 for item in items}
    assert len(drive.kinds(Deployed)) == len(drive.kinds(Warmed)) == 1


def test_a_pod_that_is_killed_at_work_costs_no_item(tmp_path: Path) -> None:
    drive = Drive(tmp_path, places(local(tmp_path, EDGE)), "share", How(arguments={"pause": 0.05}))
    drive.give("a", numbered(30))
    killed: list[int] = []

    def kill() -> None:
        basket = drive.driver.baskets
        assert soon(lambda: "a" in basket and sum(basket["a"].progress().values()) >= 3)
        for pid in [one for one in descendants(os.getpid()) if "serving" in command(one)]:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    drive.run()
    assert killed
    assert len(results(tmp_path, "a")) == 30
    assert "signal 9" in " ".join(one.reason for one in drive.kinds(Crashed))


def test_how_fast_those_are_who_race_is_told_while_they_work(tmp_path: Path) -> None:
    chances = Told({"gpu1": (Draw(item=0.02),)})
    here = places(local(tmp_path, EDGE), emulated(tmp_path, GPU, chances))
    drive = Drive(tmp_path, here, "hedge", How(arguments={"pause": 0.03}))
    drive.give("a", numbered(100), divisible=False)
    seen: list[dict[str, Pace]] = []

    def look() -> None:
        paces = drive.driver.dispatcher.around.paces
        assert soon(lambda: min([p.items for p in paces("a").values()], default=0) >= 4)
        seen.append(dict(paces("a")))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    drive.run()
    watcher.join(1.0)
    assert "edge" in seen[0]
    for pace in seen[0].values():
        assert pace.items >= 4
        assert 0.0 <= pace.first < pace.last


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.parametrize("fault", ["kill", "hang", "cut"])
def test_items_of_a_runtime_that_breaks_down_are_done_elsewhere(tmp_path: Path, fault: str) -> None:
    works = Draw(item=0.02, start=0.05)
    chances = Told({"gpu1": (replace(works, breaks=0.25),)}, {"gpu1": fault})
    drive = Drive(
        tmp_path,
        places(local(tmp_path, EDGE), emulated(tmp_path, GPU, chances, limits=QUICK)),
        "share", How(arguments={"pause": 0.05}, limits=QUICK),
    )  # fmt: skip
    drive.give("a", numbered(60))
    drive.run()
    assert len(results(tmp_path, "a")) == 60
    (finished,) = drive.kinds(Finished)
    assert sum(share.items for share in finished.shares.values()) == 60
    assert drive.kinds(Crashed)


def test_a_deployment_that_fails_is_tried_again(tmp_path: Path) -> None:
    good = Draw(item=0.01)
    chances = Told({"gpu1": (replace(good, deploy=1.0, refused=0.05), good)})
    drive = Drive(tmp_path, places(emulated(tmp_path, GPU, chances)), "fixed:gpu1")
    drive.give("a", numbered(3))
    drive.run()
    assert [one.reason for one in drive.kinds(Crashed)] == ["the deployment failed"]
    assert len(results(tmp_path, "a")) == 3


def test_a_deployment_that_never_ends_is_given_up(tmp_path: Path) -> None:
    chances = Told({"gpu1": (Draw(deploy=inf), Draw(item=0.01))})
    drive = Drive(
        tmp_path, places(emulated(tmp_path, GPU, chances, scale=20.0)), "fixed:gpu1",
        How(scale=20.0),
    )  # fmt: skip
    drive.give("a", numbered(3))
    drive.run()
    assert len(results(tmp_path, "a")) == 3


def test_times_of_an_emulation_are_those_that_were_told(tmp_path: Path) -> None:
    chances = Told({"gpu1": (Draw(deploy=20.0, warm=4.0, start=6.0, item=0.5, fetch=5.0),)})
    drive = Drive(
        tmp_path, places(emulated(tmp_path, GPU, chances, scale=20.0)), "fixed:gpu1",
        How(scale=20.0),
    )  # fmt: skip
    drive.give("a", numbered(40))
    drive.run()
    (outcome,) = drive.kinds(Outcome)
    assert outcome.latency == pytest.approx(55.0, abs=8.0)


def test_who_shares_a_batch_does_each_item_once(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    drive = Drive(
        tmp_path, places(local(tmp_path, EDGE), local(tmp_path, GPU)), "share",
        How(arguments={"pause": 0.03, "marks": str(marks)}),
    )  # fmt: skip
    drive.give("a", numbered(60))
    drive.run()
    (finished,) = drive.kinds(Finished)
    assert sum(share.items for share in finished.shares.values()) == 60
    assert len(results(tmp_path, "a")) == 60
    done = marks.read_text().split()
    assert len(done) - len(set(done)) <= 8  # what was in hand at the end may be done twice


def test_a_run_that_is_cancelled_ends_soon_and_leaves_nothing(tmp_path: Path) -> None:
    before = set(children(os.getpid()))
    drive = Drive(
        tmp_path, places(local(tmp_path, EDGE)), "fixed:edge", How(arguments={"pause": 0.2})
    )
    drive.give("a", numbered(500))
    timer = threading.Timer(1.5, drive.driver.cancel)
    timer.start()
    began = time.monotonic()
    drive.run()
    assert time.monotonic() - began < 8.0
    assert drive.driver.cancelled
    assert drive.kinds(Outcome)[-1].failed == "cancelled"
    assert [pid for pid in children(os.getpid()) if alive(pid) and pid not in before] == []


def test_a_runtime_that_is_not_there_leaves_the_job_to_others(tmp_path: Path) -> None:
    chances = Told({"gpu1": (Draw(deploy=1.0, refused=0.01),)})
    drive = Drive(
        tmp_path, places(local(tmp_path, EDGE), emulated(tmp_path, GPU, chances)), "eft",
        How(arguments={"pause": 0.01}),
    )  # fmt: skip
    drive.give("a", numbered(3))
    drive.run()
    assert len(results(tmp_path, "a")) == 3
    assert {one.runtime for one in drive.kinds(Usage) if one.items} == {"edge"}
    assert drive.kinds(Decision)


def test_when_the_driver_is_killed_its_pods_end(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from placed_runs import *\n"
        "folder = Path(sys.argv[1])\n"
        "chances = Told({'gpu1': (Draw(item=0.05),)})\n"
        "where = places(local(folder, EDGE), emulated(folder, GPU, chances))\n"
        "drive = Drive(folder, where, 'share', How(arguments={'pause': 0.1}))\n"
        "drive.give('a', numbered(5000))\n"
        "drive.run()\n"
    )
    driver = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=FUNCTIONS.parent,
        env={**os.environ, "PYTHONPATH": str(FUNCTIONS.parent)},
    )  # fmt: skip
    with driver:
        log = tmp_path / "log.jsonl"
        assert soon(lambda: log.exists() and b"warmed" in log.read_bytes(), 20.0)
        assert soon(lambda: len(descendants(driver.pid)) >= 4, 20.0)
        pids = descendants(driver.pid)
        driver.kill()
        assert all(gone(pid) for pid in pids)
    assert read_log(log)  # what it wrote can be read
