"""Engines are asked in processes of their own; absent ones are named with the way to have them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamina.benchmark.children import Clock
from lamina.benchmark.overhead.asking import absence, ended, importable, interpreter, measure
from lamina.benchmark.overhead.own import peak_mb, write_document
from lamina.benchmark.overhead.peers import CARDS, PEERS, SHAPES
from lamina.benchmark.overhead.peers.ours import FUNCTIONS, built, functions_in
from lamina.errors import UnknownNameError
from lamina.workflow.document import read_workflow


def test_a_pool_is_measured_in_every_shape_as_often_as_asked() -> None:
    asked = {"workers": 2, "repeats": 2, "tasks": {shape: 10 for shape in SHAPES}}
    found = measure("pool", sys.executable, asked, Clock(60.0))
    assert found.failure == ""
    assert set(found.seconds) == set(SHAPES)
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in found.seconds.values())
    assert found.first is not None and found.first > 0
    assert found.alone is not None and found.alone < found.first


def test_an_engine_that_fails_says_why() -> None:
    asked = {"workers": 1, "repeats": 1, "tasks": {"spiral": 3}}
    found = measure("nobody", sys.executable, asked, Clock(60.0))
    assert "nobody" in found.failure


def test_an_engine_that_takes_too_long_is_given_up() -> None:
    asked = {"workers": 1, "repeats": 1, "tasks": {"independent": 10}}
    found = measure("pool", sys.executable, asked, Clock(0.05))
    assert "given up" in found.failure


def test_an_absent_engine_is_named_with_the_ways_to_have_it(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    why = absence("ray", str(python))
    assert "ray is not installed" in why and "--peer-python ray=" in why
    assert absence("pool", str(python)) == "" and absence("warm", sys.executable) == ""


def test_the_interpreter_of_a_peer_is_told_by_option_or_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert interpreter("ray", {}) == sys.executable
    monkeypatch.setenv("LAMINA_PEER_PYTHON_RAY", "/elsewhere/python")
    assert interpreter("ray", {}) == "/elsewhere/python"
    assert interpreter("ray", {"ray": "/told/python"}) == "/told/python"


def test_a_bare_interpreter_finds_the_measuring_process_and_needs_nothing_else() -> None:
    code = "import lamina.benchmark.overhead.child, sys; print('numpy' in sys.modules)"
    with importable() as variables:
        done = subprocess.run(
            [sys.executable, "-S", "-c", code], env=variables, capture_output=True, text=True
        )
    assert done.stdout.strip() == "False", done.stderr


def test_every_peer_has_a_card_and_no_other_names_are_known() -> None:
    assert set(CARDS) == set(PEERS.names())
    assert CARDS["warm"].tasks(quick=True)["independent"] * 10 == CARDS["warm"].counts[0]
    with pytest.raises(UnknownNameError):
        PEERS.get("airflow-9")


def test_the_shapes_have_as_many_tasks_as_they_say(tmp_path: Path) -> None:
    for shape, more in (("independent", 0), ("chain", 0), ("fan", 1)):
        assert len(built(shape, 12).tasks) == 12 + more
    for shape in ("independent", "chain"):
        assert len(read_workflow(write_document(tmp_path, shape, 12)).tasks) == 12


def test_our_tasks_have_their_functions_where_a_user_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, FUNCTIONS, sys)
    monkeypatch.delitem(sys.modules, FUNCTIONS)
    made = built("chain", 2, functions_in(tmp_path))
    assert made.tasks[0].action.to_document()["function"] == f"{FUNCTIONS}:step"
    assert (tmp_path / f"{FUNCTIONS}.py").is_file()


def test_the_peak_of_this_process_is_some_megabytes() -> None:
    assert 5 < peak_mb() < 100_000


def test_what_an_engine_leaves_behind_in_a_session_of_its_own_is_ended() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("processes are found through Linux's /proc: there is none here")
    variables = dict(os.environ)
    with ended(variables):
        left = subprocess.Popen(["sleep", "300"], env=variables, start_new_session=True)
    assert left.wait(5) != 0
