"""`benchmark planners`: instances found, plans measured, tables printed."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from lamina.benchmark.planners import (
    Options,
    benchmark_planners,
    family_of,
    head,
    instances,
    sheets,
)
from lamina.errors import UsageError
from lamina.planning.planners import PLANNERS

TASKS = [
    {"name": "a", "id": "a", "runtimeInSeconds": 100, "parents": []},
    *(
        {"name": f"b{n}", "id": f"b{n}", "runtimeInSeconds": 50 + n, "parents": ["a"]}
        for n in range(4)
    ),
]
DOCUMENT = {"name": "toy", "schemaVersion": "1.4", "workflow": {"tasks": TASKS}}


@pytest.fixture(name="data")
def fixture_data(tmp_path: Path) -> Path:
    """One instance as a file, the same and another one in an archive."""
    folder = tmp_path / "wfcommons"
    folder.mkdir()
    text = json.dumps(DOCUMENT).encode()
    (folder / "toy-one-001.json").write_bytes(text)
    with tarfile.open(folder / "more.tar.xz", "w:xz") as tar:
        for name in ("toy-one-001.json", "rnaseq-dirt02-001.json"):
            member = tarfile.TarInfo(f"inner/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return tmp_path


def test_each_instance_is_found_once(data: Path) -> None:
    found = dict(instances(data / "wfcommons"))
    assert list(found) == ["rnaseq-dirt02-001", "toy-one-001"]
    assert found["rnaseq-dirt02-001"] == DOCUMENT
    assert [family_of(name) for name in found] == ["nf-core", "toy"]


def test_all_planners_are_measured_on_cores_and_on_machines_for_hire(data: Path) -> None:
    said: list[str] = []
    results = benchmark_planners(Options(data=str(data)), "lamina x", said.append)
    one = results["instances"]["toy-one-001"]
    assert (one["tasks"], one["edges"], one["family"]) == (5, 4, "toy")
    for place in ("cores", "cloud"):
        assert list(one[place]) == list(PLANNERS.names())
    assert one["cores"]["heft"]["over_bound"] == 1.0
    assert one["cores"]["single-resource"]["makespan"] == 100 + 50 + 51 + 52 + 53
    assert one["cloud"]["lpod"]["cost"] < one["cloud"]["heft"]["cost"]
    assert results["families"]["toy"]["cores"]["heft"]["kept"] == 1
    assert said == ["rnaseq-dirt02-001: 5 tasks", "toy-one-001: 5 tasks"]
    printed = [sheet.text() for sheet in sheets(results)]
    assert "On 16 cores of one machine" in printed[0]
    assert "lpod" in printed[1]
    assert "2 instances" in head(results)[0]


def test_without_instances_it_is_said_what_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path))
    with pytest.raises(UsageError, match="there are no instances at"):
        benchmark_planners(Options(), "", print)
