"""The lock of a run: one engine at a time, and none after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lamina.errors import RunBusyError
from lamina.execution.lock import RunLock, is_driven

HOLD = """
import sys, time
from pathlib import Path
from lamina.execution.lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_engine_is_refused_in_words(tmp_path: Path) -> None:
    assert not is_driven(tmp_path / "none")
    with RunLock(tmp_path / "run"):
        assert is_driven(tmp_path / "run")
        with (
            pytest.raises(RunBusyError, match=f"drives the run run .process {os.getpid()}") as told,
            RunLock(tmp_path / "run"),
        ):
            pass
        assert told.value.way_out.endswith("lamina cancel run")
        assert is_driven(tmp_path / "run")
    assert not is_driven(tmp_path / "run")
    with RunLock(tmp_path / "run"):
        pass


def test_a_killed_engine_leaves_no_lock(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None and child.stdout.readline() == "held\n"
        with pytest.raises(RunBusyError), RunLock(tmp_path):
            pass
        child.send_signal(signal.SIGKILL)
    with RunLock(tmp_path):
        pass
