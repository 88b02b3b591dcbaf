"""Runs that are about to begin: what is started early, and what is not left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lamina.errors import StoreError, UsageError
from lamina.execution.engine import Control
from lamina.execution.runtimes.local import LocalRuntime
from lamina.workflow import Workflow, task, workflow
from lamina.workspace.launch import Session, opened
from lamina.workspace.project import Project
from lamina.workspace.runs import ended
from lamina.workspace.wishes import Wish


def same(x: int) -> int:
    return x


def made(name: str = "w") -> Workflow:
    with workflow(name) as w:
        w.output("x", task(same)(1))
    return w.workflow


def zygotes(session: Session) -> list[int]:
    assert isinstance(session.runtime, LocalRuntime)
    return session.runtime.zygotes()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_of_a_new_workflow_are_on_their_way_before_the_run_begins(tmp_path: Path) -> None:
    project = Project(tmp_path)
    session = opened(project, made(), {}, Wish())
    (early,) = zygotes(session)
    assert session.go(Control()).tasks == 1
    assert not is_there(early)

    known = opened(project, made(), {}, Wish())
    assert zygotes(known) == []  # all may be there already
    assert known.go(Control()).reused == 1

    for wish in (Wish(cache=False), Wish(force=("*",))):
        again = opened(project, made(), {}, wish)
        assert len(zygotes(again)) == 1
        assert again.go(Control()).reused == 0


def test_a_run_that_does_not_come_to_begin_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def refuses(self: object, run: object) -> None:
        started.extend(pid for runtime in runtimes for pid in runtime.zygotes())
        raise StoreError("no", "none")

    runtimes: list[LocalRuntime] = []
    init = LocalRuntime.__init__

    def noted(self: LocalRuntime, *given: object, **named: object) -> None:
        init(self, *given, **named)  # type: ignore[arg-type]
        runtimes.append(self)

    monkeypatch.setattr(LocalRuntime, "__init__", noted)
    monkeypatch.setattr("lamina.records.store.Store.create", refuses)
    with pytest.raises(StoreError):
        opened(Project(tmp_path), made(), {}, Wish())
    assert len(started) == 1
    assert not any(map(is_there, started))


def test_a_run_whose_outputs_have_no_place_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    session = opened(Project(tmp_path), made(), {}, Wish())
    (early,) = zygotes(session)
    with pytest.raises(UsageError, match="is a file"):
        ended(session, tmp_path / "taken")
    assert not is_there(early)
