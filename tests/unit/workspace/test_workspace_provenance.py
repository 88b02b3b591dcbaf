"""`status RUN/TASK`: everything that the record holds of an attempt can be read."""

from __future__ import annotations

import getpass
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lamina.errors import UnknownNameError, UsageError
from lamina.testing.runs import RUNS
from lamina.workspace.project import Project, project
from lamina.workspace.provenance import provenance
from lamina.workspace.runs import run

CODE = """
def total(numbers: list[int], seed: int) -> int:
    print("adding")
    return sum(numbers) + seed
"""
DOCUMENT = """
lamina: workflow/1
name: adding
inputs: {numbers: {type: "list[int]", default: [1, 2]}}
tasks:
  total: {do: python, function: "adding.py:total", in: {numbers: numbers}, with: {seed: 4}}
  sort: {do: command, argv: [sort, -o, "{out}"], paths: {out: out.txt}}
  train: {do: train, with: {network: papers-1, table: breast-cancer, target: label, plan: all,
                            settings: {epochs: 3}}}
outputs: {total: total, out: sort, model: train}
"""
KEPT = {
    *("task", "number", "status", "reason", "session", "ready", "started", "ended", "phases"),
    *("inputs", "outputs", "code", "parameters", "seed", "environment", "recipe", "key"),
    *("host", "worker", "pid", "user", "command", "device", "gpus", "needs", "exit", "usage"),
    *("error", "folder", "source", "metrics", "runtime", "placement"),
}


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a run of a function, a command and a training."""
    monkeypatch.setenv("LAMINA_PROJECT", str(tmp_path))
    (tmp_path / "adding.py").write_text(CODE)
    (tmp_path / "adding.yaml").write_text(DOCUMENT)
    run(tmp_path / "adding.yaml", {})
    return project()


def test_each_part_of_the_provenance_of_an_attempt_is_there(ran: Project) -> None:
    told = json.loads(json.dumps(provenance("last/total").to_json()))
    (one,) = told["attempts"]
    assert set(one) == KEPT
    assert one["inputs"].keys() == {"numbers", "seed"}
    assert one["outputs"]["result"]["inline"] == "7"
    assert one["parameters"] == {"numbers": [1, 2], "seed": 4}
    assert [name for name in one["code"] if "adding.py:2" in name]
    assert (one["seed"], one["device"], one["exit"]) == (4, "cpu", None)
    assert one["user"] == getpass.getuser()
    assert {"cpu", "memory_peak", "bytes_read", "bytes_written"} <= set(one["usage"])
    assert {"submit", "queue", "stage_in", "run", "stage_out"} == set(one["phases"])
    assert told["recipes"][one["recipe"]]["do"] == "python"
    assert told["environments"][one["environment"]]["packages"]["numpy"]


def test_a_command_tells_its_arguments_and_exit_code(ran: Project) -> None:
    (one,) = provenance("last/sort").to_json()["attempts"]
    assert one["exit"] == 0
    assert one["code"]["argv"] == "sort -o '{out}'"
    assert one["code"]["program"].endswith("/sort")


def test_a_training_tells_the_cost_of_every_epoch_and_the_seed_that_nobody_named(
    ran: Project,
) -> None:
    (one,) = provenance("last/train").to_json()["attempts"]
    epochs = [row for row in one["metrics"] if "epoch" in row]
    assert [row["epoch"] for row in epochs] == [1, 2, 3]
    assert all(row["loss"] > 0 and row["seconds"] > 0 for row in epochs)
    assert one["seed"] == 0


def test_people_read_it_in_eighty_columns(ran: Project) -> None:
    lines = provenance("last/train").lines()
    assert max(map(len, lines)) <= 80
    names = {line.split()[0] for line in lines[2:] if line[2] != " "}
    assert {"ready", "phases", "used", "with", "seed", "input", "output", "device"} <= names
    assert {"where", "environment", "user", "told", "epochs"} <= names


def test_a_reused_result_leads_to_where_it_was_made(ran: Project) -> None:
    first = ran.store.find().name
    run(Path(ran.folder).parent / "adding.yaml", {})
    (one,) = provenance("last/total").to_json()["attempts"]
    assert (one["status"], one["source"]) == ("reused", first)
    assert one["code"]
    assert f"lamina status {first}/total" in "\n".join(provenance("last/total").lines())


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a made-up run in which items fail and are repeated."""
    monkeypatch.setenv("LAMINA_PROJECT", str(tmp_path))
    found = Project(tmp_path / ".lamina")
    one = RUNS["retried"]()
    found.store.create(replace(one.record, name="retried-run"))
    found.store.append(one.record.id, one.events)
    return found


def test_of_many_items_it_is_told_how_they_stand(made: Project) -> None:
    lines = provenance("last/count").lines()
    assert lines[1] == "4 units: 4 succeeded"
    assert len(provenance("last/count").to_json()["attempts"]) == 8
    assert "lamina status 'retried-run/count[0]'" in lines[-1]


def test_all_attempts_of_an_item_are_told(made: Project) -> None:
    lines = provenance("last/count[3]").lines()
    heads = [line for line in lines if line.startswith("attempt ")]
    assert [line.split()[2] for line in heads] == ["lost", "lost", "succeeded"]
    assert any(line.startswith("  cause") for line in lines)


def test_what_is_not_there_is_told_with_what_is(made: Project) -> None:
    with pytest.raises(UnknownNameError, match="known: "):
        provenance("last/cuont")
    with pytest.raises(UsageError, match="names no task"):
        provenance("last/")
