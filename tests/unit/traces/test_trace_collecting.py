"""Folders and archives of traces: all is read that can be, and what cannot is named."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from lamina.errors import TraceError, UsageError
from lamina.traces.readers import sources
from lamina.traces.readers.collecting import Other, traces_in
from lamina.traces.trace import Trace
from lamina.workspace import traces as looking

TRACES = Path(__file__).resolve().parents[2] / "golden" / "traces"


def read(path: Path) -> tuple[list[Trace], list[TraceError], list[str]]:
    found = list(traces_in(path, path.name))
    return (
        [one for one in found if isinstance(one, Trace)],
        [one for one in found if isinstance(one, TraceError)],
        [one.name for one in found if isinstance(one, Other)],
    )


def packed(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:xz") as pack:
        pack.add(folder, folder.name)
    return archive


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    shutil.copytree(TRACES / "labelled", tmp_path / "labelled")
    return tmp_path / "labelled"


def test_a_folder_with_a_broken_run_gives_the_others(runs: Path) -> None:
    place = runs / "toy/cpu_2/toy-20260103T030405Z-run0001.csv"
    lines = place.read_text().splitlines()
    place.write_text("\n".join([*lines[:3], lines[3][:40]]))
    found, broken, others = read(runs)
    assert len(found) == 2
    assert [(one.file, one.line) for one in broken] == [
        ("labelled/toy/cpu_2/toy-20260103T030405Z-run0001.csv", 4)
    ]
    assert "fields" in broken[0].reason
    assert others == ["labelled/adjacency_list_dags/toy.json"]


def test_an_archive_holds_what_the_folder_holds(runs: Path, tmp_path: Path) -> None:
    archive = packed(runs / "toy", tmp_path / "toy.tar.xz")
    found, broken, _ = read(archive)
    assert not broken
    assert sorted(one.labels["label"] for one in found) == ["cpu_2", "cpu_2", "normal"]
    assert {one.workflow for one in found} == {"toy"}
    assert found[0].about["source"].startswith("toy.tar.xz:toy/")


def test_a_graph_and_an_index_may_lie_beside_an_archive(runs: Path, tmp_path: Path) -> None:
    packed(runs / "toy", runs / "toy.tar.xz")
    found, _, _ = read(runs / "toy.tar.xz")
    assert all(one.parents["brew_ID0000003"] for one in found)


def test_an_archive_that_ends_early_gives_the_runs_before_the_end(
    runs: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "toy.tar"
    with tarfile.open(archive, "w") as pack:
        pack.add(runs / "toy", "toy")
    data = archive.read_bytes()
    archive.write_bytes(data[: data.rindex(b"brew_ID")])
    found, broken, _ = read(archive)
    assert 1 <= len(found) <= 2
    assert broken
    assert "unpacked" in broken[0].reason or "damaged" in broken[0].reason


@pytest.mark.parametrize("name", ["x.tar.xz", "x.tar.gz", "x.zip", "x.tar"])
def test_what_is_no_archive_is_said_to_be_damaged(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    place.write_bytes(b"this is no archive" * 100)
    found, broken, _ = read(place)
    assert not found
    assert broken
    assert broken[0].file == name
    assert "damaged" in broken[0].reason


def test_nothing_is_unpacked_beside_an_archive(tmp_path: Path) -> None:
    archive = tmp_path / "evil.tar"
    data = (TRACES / "nextflow.txt").read_bytes()
    with tarfile.open(archive, "w") as pack:
        for name in ("../../escaped.txt", "/tmp/absolute.txt"):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            pack.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        pack.addfile(link)
    found, broken, _ = read(archive)
    assert len(found) == 2
    assert not broken
    assert [path.name for path in tmp_path.iterdir()] == ["evil.tar"]
    assert not (tmp_path.parents[1] / "escaped.txt").exists()


def test_a_file_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LARGEST", 1000)
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("big.csv", b"0" * 100_000)
        pack.writestr("small.txt", (TRACES / "nextflow.txt").read_bytes()[:900])
    _, broken, _ = read(archive)
    assert [one.file for one in broken if "at most 1,000" in one.reason] == ["bomb.zip:big.csv"]


def test_a_submit_directory_is_one_run_wherever_it_lies(tmp_path: Path) -> None:
    shutil.copytree(TRACES / "pegasus-database", tmp_path / "all" / "run0001")
    shutil.copy(TRACES / "nextflow.txt", tmp_path / "all" / "trace.txt")
    packed(tmp_path / "all", tmp_path / "all.tar.xz")
    for path in (tmp_path / "all", tmp_path / "all.tar.xz"):
        found, broken, _ = read(path)
        assert not broken
        assert sorted(one.origin for one in found) == ["nextflow", "pegasus"]


def test_a_member_of_an_archive_has_a_name(runs: Path, tmp_path: Path) -> None:
    archive = packed(runs / "toy", tmp_path / "toy.tar.xz")
    name = f"{archive}:toy/normal/toy-20260102T030405Z-run0001.csv"
    assert looking.one_trace(name).labels["label"] == "normal"
    with pytest.raises(UsageError, match="holds 3 runs"):
        looking.one_trace(str(archive))
    with pytest.raises(TraceError, match="no trace"):
        looking.one_trace(f"{archive}:toy/nothing.csv")


def test_a_path_without_any_trace_says_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(TraceError, match="no trace was found") as caught:
        looking.look([str(tmp_path)])
    assert "Nextflow" in caught.value.way_out
    with pytest.raises(UsageError, match="no file"):
        looking.look([str(tmp_path / "gone")])
