"""Lineage: through the tasks of a run, and from run to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lamina.errors import UnknownNameError
from lamina.records.lineage import Lineage, Node
from lamina.records.store import RunRecord, Store
from lamina.workflow import log

TABLE, MODEL, REPORT = "1a" * 32, "2b" * 32, "3c" * 32


def ref(digest: str, **more: Any) -> dict[str, Any]:
    return {"codec": "file", "digest": digest, "size": 9, **more}


def document(*names: str) -> dict[str, Any]:
    """A chain of tasks with one port each."""
    tasks, before = {}, "data"
    for name in names:
        tasks[name] = {"do": "python", "function": "f.py:f", "in": {"x": before}}
        before = f"{name}.y"
    return {"name": "w", "inputs": {"data": "file"}, "tasks": tasks, "outputs": {"out": before}}


def ran(task: str, given: dict[str, Any], gave: dict[str, Any], **more: Any) -> list[log.Event]:
    return [
        log.AttemptStarted(1.0, task, 1, 1.0, f"key-{task}", inputs={"x": given}, **more),
        log.AttemptEnded(
            2.0, task, 1, "succeeded", phases={"run": (1.0, 2.0)}, outputs={"y": gave}
        ),
    ]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run that trains a model, and one that reports on it."""
    made = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    origin = ref("00" * 32, origin="/home/ada/raw.csv")
    made.create(
        RunRecord("00000000a1", "calm-fox", "w", document("clean", "train"), "", {"data": origin})
    )
    made.append(
        "00000000a1",
        [
            log.RunStarted(0.0, 1, "w", 2),
            *ran("clean", origin, ref(TABLE)),
            *ran("train", ref(TABLE), ref(MODEL)),
            log.RunFinished(3.0, "succeeded"),
        ],
    )
    model = ref(MODEL, origin="/home/ada/model.lamina")
    made.create(RunRecord("00000000b2", "wise-yew", "w", document("report"), "", {"data": model}))
    made.append("00000000b2", [log.RunStarted(5.0, 1, "w", 1), *ran("report", model, ref(REPORT))])
    return made


def path_of(node: Node) -> list[str]:
    """The names along the first branch."""
    name = f"{node.run}/{node.name}"
    return [name, *(path_of(node.steps[0]) if node.steps else [])]


def test_a_result_is_followed_back_through_runs_to_the_first_input(store: Store) -> None:
    (found,) = Lineage(store).back("00000000b2", ["report"])
    assert path_of(found) == [
        "wise-yew/report~1",
        "wise-yew/data",
        "calm-fox/train~1",
        "calm-fox/clean~1",
        "calm-fox/data",
    ]
    assert list(found.lines())[-1].strip() == "calm-fox input data  /home/ada/raw.csv (0000000000)"


def test_a_result_is_followed_forward_through_runs(store: Store) -> None:
    (found,) = Lineage(store).forward("00000000a1", ["clean"])
    assert path_of(found) == ["calm-fox/clean~1", "calm-fox/train~1", "wise-yew/report~1"]


def test_bytes_are_known_by_their_digest(store: Store) -> None:
    follow = Lineage(store)
    assert [path_of(node)[0] for node in follow.makers(MODEL)] == ["calm-fox/train~1"]
    assert [path_of(node) for node in follow.users(MODEL)] == [
        ["wise-yew/data", "wise-yew/report~1"]
    ]
    assert follow.makers("ff" * 32) == follow.users("ff" * 32) == []


def test_a_written_file_leads_to_the_tasks_behind_its_output(store: Store) -> None:
    store.wrote("00000000a1", {"4d" * 32: "out"})
    (found,) = Lineage(store).makers("4d" * 32)
    assert path_of(found)[:2] == ["calm-fox/out", "calm-fox/train~1"]


def test_a_reused_result_leads_to_the_run_that_made_it(store: Store) -> None:
    record = RunRecord("00000000c3", "keen-elm", "w", document("clean", "train"))
    store.create(record)
    store.append(
        record.id,
        [
            log.RunStarted(9.0, 1, "w", 2),
            log.TaskReused(9.0, "clean", 9.0, "key-clean", "00000000a1", {"y": ref(TABLE)}),
        ],
    )
    (found,) = Lineage(store).back(record.id, ["clean"])
    assert path_of(found)[:2] == ["keen-elm/clean", "calm-fox/clean~1"]


def test_what_nothing_reads_is_the_end_of_a_run(store: Store) -> None:
    assert Lineage(store).ends("00000000a1") == ["train"]


def test_of_many_items_some_are_told_and_the_rest_counted(store: Store) -> None:
    store.create(RunRecord("00000000d4", "mild-ash", "w", {"tasks": {"count": {}}}))
    events = [log.RunStarted(1.0, 1, "w", 9)]
    for n in range(9):
        events += ran(f"count[{n}]", {"inline": "1"}, {"inline": "2"})  # type: ignore[arg-type]
    store.append("00000000d4", events)
    found = Lineage(store).back("00000000d4", [f"count[{n}]" for n in range(9)])
    assert [node.kind for node in found] == ["attempt"] * 3 + ["more"]
    assert found[-1].about == "and 6 more of count"


def test_an_unknown_unit_is_told_with_the_known_ones(store: Store) -> None:
    with pytest.raises(UnknownNameError, match="task of run calm-fox 'tran'") as caught:
        Lineage(store).back("00000000a1", ["tran"])
    assert "did you mean 'train'?" in caught.value.way_out
