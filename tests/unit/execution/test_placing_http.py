"""Runtimes behind an address: placed on, refused, cut off, and left alone by a killed driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from placed_pods import FUNCTIONS, LIMITS, a_pod, soon
from placed_runs import GPU, Drive, numbered, places

from lamina.errors import UsageError
from lamina.execution.placing.children import Child
from lamina.execution.placing.driver import How
from lamina.execution.placing.link import Link
from lamina.execution.placing.pods import Limits
from lamina.execution.placing.settings import Secret
from lamina.execution.placing.site import Place, Setting
from lamina.execution.placing.sites.http import Http
from lamina.planning.placement.words import Crashed, Finished

QUICK = replace(LIMITS, answer=0.6)


def far(folder: Path, address: str, token: str, limits: Limits = LIMITS) -> Place:
    """A runtime behind an address."""
    path = folder / "token"
    path.write_text(token)
    settings = {"address": address, "token": Secret(file=str(path))}
    return Place(GPU, Http(Setting(GPU, settings, "", folder, folder, "", 1.0, limits)))


def placed(folder: Path, child: Child, token: str = "") -> Drive:
    place = far(folder, child.pod.address, token or child.pod.token)
    return Drive(folder, places(place), "fixed:gpu1")


def test_items_are_done_behind_an_address(tmp_path: Path) -> None:
    with a_pod(tmp_path) as child:
        drive = placed(tmp_path, child)
        drive.give("a", numbered(5))
        drive.run()
        assert child.runs()
    (finished,) = drive.kinds(Finished)
    assert sum(share.items for share in finished.shares.values()) == 5


def test_a_wrong_token_fails_the_job_and_is_the_reason(tmp_path: Path) -> None:
    with a_pod(tmp_path) as child:
        drive = placed(tmp_path, child, "another")
        drive.give("a", numbered(2))
        drive.run()
    outcome = drive.driver.dispatcher.ledger.outcomes["a"]
    assert outcome.failed == "all runtimes failed"
    assert all("the token is missing or wrong" in one.reason for one in drive.kinds(Crashed))


def test_a_token_is_no_part_of_what_a_site_says_of_itself(tmp_path: Path) -> None:
    place = far(tmp_path, "https://gpu1.example.org", "very-secret")
    assert "very-secret" not in str(place.site.describe())


def test_a_token_that_is_not_there_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no token"):
        far(tmp_path, "https://gpu1.example.org", "")


def test_an_answer_that_is_lost_on_its_way_is_asked_for_again(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    with a_pod(tmp_path) as child:
        links = [Link(child.pod.address)]
        place = far(tmp_path, links[0].address, child.pod.token, QUICK)
        drive = Drive(
            tmp_path, places(place), "share",
            How(arguments={"pause": 0.05, "marks": str(marks)}, limits=QUICK),
        )  # fmt: skip
        drive.give("a", numbered(20))
        links[0].drop_next(2)
        drive.run()
        links[0].close()
    (finished,) = drive.kinds(Finished)
    assert sum(share.items for share in finished.shares.values()) == 20
    assert sorted(map(int, marks.read_text().split())) == list(range(20))  # nothing done twice


def test_a_work_ends_when_the_driver_that_asked_for_it_is_killed(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    code = (
        "import sys\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from test_placing_http import *\n"
        "folder = Path(sys.argv[1])\n"
        "limits = replace(LIMITS, lease=1.0)\n"
        "drive = Drive(folder, places(far(folder, sys.argv[2], sys.argv[3], limits)), 'share',\n"
        "    How(arguments={'pause': 0.05, 'marks': sys.argv[4]}, limits=limits))\n"
        "drive.give('a', numbered(100000))\n"
        "drive.run()\n"
    )
    with a_pod(tmp_path) as child:
        driver = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), child.pod.address, child.pod.token,
             str(marks)],
            cwd=FUNCTIONS.parent, env={**os.environ, "PYTHONPATH": str(FUNCTIONS.parent)},
        )  # fmt: skip
        with driver:
            assert soon(lambda: marks.exists() and len(marks.read_text().split()) > 3, 20.0)
            driver.send_signal(signal.SIGKILL)
        assert soon(child.pod.idle, 10.0)
        done = marks.read_text()
        time.sleep(0.3)
        assert marks.read_text() == done
        assert child.runs()
