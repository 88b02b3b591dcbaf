"""Profiles and jobs of placing: what they may hold, and how their mistakes are told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lamina.errors import DocumentError, UsageError
from lamina.execution.placing.jobs import items_of, read_order
from lamina.execution.placing.profile import read_profile
from lamina.execution.placing.settings import Secret

GOOD = """
lamina: placing/1
scale: 20
storage: s3://images/placed
limits: {answer: 2}
rules: {timeout: 60, tries: 3}
runtimes:
  edge: {kind: local, standby: true, capacity: 2, labels: [edge, trusted], power: 8}
  gpu1: {kind: http, address: "https://gpu1.example.org", token: {env: GPU1_TOKEN}, devices: 1}
  far: {kind: emulated, deployment: [7, 30], item: 0.2, storage: "file:///tmp/far"}
"""


def written(folder: Path, text: str, name: str = "profile.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def mistakes(folder: Path, text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        read_profile(written(folder, text))
    return str(caught.value)


def test_runtimes_are_data(tmp_path: Path) -> None:
    read = read_profile(written(tmp_path, GOOD))
    edge, gpu1, far = (read.runtimes[name] for name in ("edge", "gpu1", "far"))
    assert (edge.runtime.standby, edge.runtime.capacity, edge.runtime.power) == (True, 2, 8.0)
    assert edge.runtime.labels == {"edge", "trusted"}
    assert (edge.storage, gpu1.storage, far.storage) == (
        "", "s3://images/placed", "file:///tmp/far"
    )  # fmt: skip
    assert gpu1.settings == {
        "address": "https://gpu1.example.org", "token": Secret(variable="GPU1_TOKEN")
    }  # fmt: skip
    assert far.settings["deployment"] == (7.0, 30.0)
    assert (read.scale, read.limits.answer, read.rules.timeout, read.rules.tries) == (20, 2, 60, 3)


def test_without_a_word_a_service_has_one_pod_and_this_machine_its_cores(tmp_path: Path) -> None:
    text = 'runtimes: {a: {kind: http, address: "https://x"}, b: {}, c: {standby: true}}'
    found = read_profile(written(tmp_path, text)).runtimes
    assert [found[name].runtime.capacity for name in "ac"] == [1, 1]
    assert 1 <= found["b"].runtime.capacity <= (os.cpu_count() or 1)


@pytest.mark.parametrize("name", ["profile.json", "profile.toml"])
def test_a_profile_may_be_json_or_toml(tmp_path: Path, name: str) -> None:
    text = (
        json.dumps({"runtimes": {"edge": {"standby": True}}})
        if name.endswith("json")
        else "[runtimes.edge]\nstandby = true\n"
    )
    assert read_profile(written(tmp_path, text, name)).runtimes["edge"].kind == "local"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("runtimes: {edge: {kind: lokal}}", ["runtimes.edge.kind", "'lokal'", "local", "emulated"]),
        ("runtimes: {a: {capacity: 0}}", ["runtimes.a.capacity", "0", "at least 1"]),
        ("runtimes: {a: {capacity: two}}", ["runtimes.a.capacity", "'two'", "whole number"]),
        ("runtimes: {a: {standby: 3}}", ["runtimes.a.standby", "3", "true or false"]),
        ("runtimes: {a: {devcies: 1}}", ["runtimes.a", "'devcies'", "devices"]),
        ("runtimes: {a: {kind: http}}", ["runtimes.a", "address is missing"]),
        ("runtimes: {a: {kind: http, address: gpu}}", ["runtimes.a.address", "'gpu'", "https://"]),
        ("runtimes: {a: {storage: here}}", ["runtimes.a.storage", "'here'", "s3://"]),
        ("runtimes: {a: {kind: emulated, deployment: -1}}", ["runtimes.a.deployment", "-1"]),
        ("runtimes: {a: {price: .nan}}", ["runtimes.a.price", "nan"]),
        ("runtimes: {}", ["runtimes: there is none"]),
        ("runtimes: [edge]", ["runtimes: there is none"]),
        ("runtimes: {a: 3}", ["runtimes.a", "3", "mapping"]),
        ("lamina: placing/9\nruntimes: {a: {}}", ["'placing/9'", "placing/1"]),
        ("limits: {answr: 1}\nruntimes: {a: {}}", ["limits", "'answr'", "answer"]),
        ("scale: 0\nruntimes: {a: {}}", ["scale", "0"]),
        ("- a", ["no mapping"]),
        ("a: [", ["cannot be understood"]),
    ],
)
def test_a_mistake_names_key_value_and_choices(tmp_path: Path, text: str, told: list[str]) -> None:
    said = mistakes(tmp_path, text)
    assert "profile.yaml" in said
    assert all(one in said for one in told), said


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    said = mistakes(tmp_path, "runtimes: {a: {capacity: 0, devices: -1}, b: {kind: x}}")
    assert "3 mistakes" in said


def test_a_token_does_not_stand_in_a_profile_and_is_not_repeated(tmp_path: Path) -> None:
    text = 'runtimes: {a: {kind: http, address: "https://x", token: hunter2secret}}'
    said = mistakes(tmp_path, text)
    assert "env: NAME" in said
    assert "hunter2secret" not in said


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="nowhere"):
        read_profile(tmp_path / "nowhere.yaml")


def test_a_deployment_trace_is_read_beside_the_profile(tmp_path: Path) -> None:
    (tmp_path / "gpu.csv").write_text("epoch,deploy_s\n1,7.5\n2,30\n")
    text = "runtimes: {a: {kind: emulated, deployment: gpu.csv}}"
    read = read_profile(written(tmp_path, text))
    assert read.runtimes["a"].settings["deployment"] == (7.5, 30.0)


def test_a_secret_is_read_from_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "abc")
    (tmp_path / "t").write_text("def\n")
    assert Secret(variable="A_TOKEN").read() == "abc"
    assert Secret(file=str(tmp_path / "t")).read() == "def"
    with pytest.raises(UsageError, match="NO_TOKEN"):
        Secret(variable="NO_TOKEN").read()


# Jobs.


def test_a_job_has_a_function_and_items(tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for name in ("b.png", "a.png", ".hidden", "sub/c.png"):
        (tmp_path / "in" / name).write_text(name)
    text = "function: f.py:g\nitems: in\nbatch: 2\ndeadline: 60\nneeds: [trusted]\n"
    order = read_order(written(tmp_path, text, "job.yaml"))
    assert [item.id for item in order.items] == ["a.png", "b.png", "sub/c.png"]
    assert [len(batch) for batch in order.batches()] == [2, 1]
    job = order.job("b1", order.items)
    assert (job.items, job.upload, job.deadline, job.needs) == (
        3,
        19.0,
        60.0,
        frozenset({"trusted"}),
    )


def test_items_may_be_a_pattern_or_a_list(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("x")
    (tmp_path / "b.txt").write_text("x")
    assert [i.id for i in items_of("*.png", tmp_path)] == ["a.png"]
    assert [(i.id, i.value) for i in items_of([1, {"value": "two"}], tmp_path)] == [
        ("1", 1), ("two", "two")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("items: [1]", "function is missing"),
        ("function: nothing\nitems: [1]", "'nothing'"),
        ("function: a:b", "items are missing"),
        ("function: a:b\nitems: nowhere", "'nowhere'"),
        ("function: a:b\nitems: [1, 1]", "'1' is there twice"),
        ("function: a:b\nitems: []", "no item"),
        ("function: a:b\nitems: [1]\ndeadline: soon", "'soon'"),
        ("function: a:b\nitems: [1]\nperoid: 3", "'peroid'"),
    ],
)
def test_a_mistake_of_a_job_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_order(written(tmp_path, text, "job.yaml"))
    assert told in str(caught.value)
