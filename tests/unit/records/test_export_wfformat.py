"""WfFormat: our instances hold, and the instances of others do."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from lamina.errors import UsageError
from lamina.records.exports.wfformat import instance_of
from lamina.records.exports.wfformat_check import mistakes
from lamina.testing.exporters import KINDS, made
from lamina.testing.runs import RUNS

PUBLISHED = re.compile(r"^[0-9a-zA-Z\-_.]+$")
"""What the ids of the first published 1.5 schema may hold; later ones allow more."""


@pytest.mark.parametrize("kind", KINDS)
def test_our_instances_hold(kind: str) -> None:
    found = json.loads(json.dumps(instance_of(made(kind))))
    assert mistakes(found) == []
    tasks = found["workflow"]["specification"]["tasks"]
    for task in tasks:
        names = [task["id"], *task["parents"], *task["children"]]
        names += [*task["inputFiles"], *task["outputFiles"]]
        assert all(PUBLISHED.match(name) for name in names)


def test_edges_files_and_times_are_those_of_the_run() -> None:
    found = instance_of(made("scatter"))
    tasks = {task["id"]: task for task in found["workflow"]["specification"]["tasks"]}
    assert tasks["count_3"]["parents"] == ["split"]
    assert tasks["count_3"]["name"] == "count"
    assert set(tasks["split"]["outputFiles"]) <= set(tasks["count_3"]["inputFiles"])
    execution = found["workflow"]["execution"]
    assert execution["makespanInSeconds"] == pytest.approx(6.8, abs=0.1)
    (count,) = [task for task in execution["tasks"] if task["id"] == "count_3"]
    (attempt,) = count["lamina"]["attempts"]
    begin, end = attempt["phases"]["run"]
    assert count["runtimeInSeconds"] == pytest.approx(end - begin)
    assert count["machines"] == ["node-7"]
    assert execution["machines"] == [{"nodeName": "node-7"}]


def test_all_attempts_are_told() -> None:
    found = instance_of(made("retried"))["workflow"]["execution"]["tasks"]
    told = {task["lamina"]["unit"]: task["lamina"]["attempts"] for task in found}
    assert [one["status"] for one in told["count[3]"]] == ["lost", "lost", "succeeded"]


def test_a_run_without_any_task_is_refused() -> None:
    history = made("empty")
    assert "execution" not in instance_of(history)["workflow"]
    bare = RUNS["empty"]()
    bare.record.__dict__["document"] = {}
    from lamina.records.history import history_of

    with pytest.raises(UsageError, match="no tasks to export"):
        instance_of(history_of(bare.record, ()))


BREAKS: dict[str, Any] = {
    "no name": lambda d: d.pop("name"),
    "version": lambda d: d.update(schemaVersion="1.4"),
    "no tasks": lambda d: d["workflow"]["specification"].update(tasks=[]),
    "an id": lambda d: d["workflow"]["specification"]["tasks"][0].update(id="a b"),
    "a size": lambda d: d["workflow"]["specification"]["files"][0].update(sizeInBytes=-1),
    "a parent": lambda d: d["workflow"]["specification"]["tasks"][0]["parents"].append("gone"),
    "a child": lambda d: d["workflow"]["specification"]["tasks"][0]["children"].clear(),
    "a file": lambda d: d["workflow"]["specification"]["tasks"][1]["inputFiles"].append("gone"),
    "a task": lambda d: d["workflow"]["execution"]["tasks"][0].update(id="gone"),
    "cores": lambda d: d["workflow"]["execution"]["tasks"][0].update(coreCount=0.5),
    "a time": lambda d: d.update(createdAt=17),
}


@pytest.mark.parametrize("what", BREAKS)
def test_broken_instances_are_found(what: str) -> None:
    document = copy.deepcopy(instance_of(made("scatter")))
    BREAKS[what](document)
    assert mistakes(document)


def instances() -> Iterator[tuple[str, Any]]:
    """Published instances of version 1.5, from the folder that LAMINA_DATA names."""
    folder = Path(os.environ["LAMINA_DATA"]) / "wfcommons"
    for path in sorted(folder.rglob("*.json")):
        if "schema14" not in path.parts:
            yield path.name, json.loads(path.read_text("utf-8"))
    for path in sorted(folder.glob("*.tar.xz")):
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name.endswith(".json") else None
                if file is not None:
                    yield member.name, json.loads(file.read())


def test_published_instances_hold() -> None:
    if not (Path(os.environ.get("LAMINA_DATA", "/nowhere")) / "wfcommons").is_dir():
        pytest.skip("set LAMINA_DATA to the folder with wfcommons/")
    count, broken = 0, {}
    for name, document in instances():
        count += 1
        found = mistakes(document)
        if found:
            broken[name] = found[:3]
    assert count > 10
    assert broken == {}


READ = """
import json, logging, sys
from pathlib import Path
from wfcommons.wfinstances import Instance
from wfcommons.wfinstances.schema import SchemaValidator

logging.disable(logging.CRITICAL)
schema = sys.argv[1]
for name in sys.argv[2:]:
    judge = SchemaValidator(Path(schema))
    try:
        judge.validate_instance(json.loads(Path(name).read_text()))
        read = Instance(Path(name), schema_file=schema)
        counts = [len(read.workflow.tasks), read.workflow.number_of_edges()]
    except Exception as error:
        counts = repr(error)
    print(json.dumps([judge.errors, counts]))
"""
"""What WfCommons itself says of instances: their form, that their parts fit, and what it reads."""


def test_wfcommons_accepts_and_reads_them(tmp_path: Path) -> None:
    python = os.environ.get("LAMINA_WFCOMMONS", sys.executable)
    asked = subprocess.run([python, "-c", "import wfcommons"], capture_output=True)
    if asked.returncode:
        pytest.skip(
            "wfcommons is not installed (pip install wfcommons; LAMINA_WFCOMMONS names a Python "
            "that has it)"
        )
    # The published file where somebody has it: WfCommons would fetch it from the network.
    ours = files("lamina.records.exports") / "wfformat.schema.json"
    schema = os.environ.get("LAMINA_WFFORMAT_SCHEMA", str(ours))
    kinds = [kind for kind in KINDS if kind != "empty"]
    paths = []
    for kind in kinds:
        paths.append(tmp_path / f"{kind}.json")
        paths[-1].write_text(json.dumps(instance_of(made(kind))))
    done = subprocess.run(
        [python, "-c", READ, schema, *map(str, paths)], capture_output=True, text=True, check=True
    )
    for kind, path, line in zip(kinds, paths, done.stdout.splitlines(), strict=True):
        tasks = json.loads(path.read_text())["workflow"]["specification"]["tasks"]
        edges = sum(len(task["parents"]) for task in tasks)
        assert json.loads(line) == [[], [len(tasks), edges]], kind
