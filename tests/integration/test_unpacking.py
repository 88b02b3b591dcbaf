"""Archives as tasks: unpacked whole inside of the run, or refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Annotated

import pytest

import lamina
from lamina.errors import TaskFailedError
from lamina.workflow import Workflow, named, task, workflow


def names(folder: Annotated[Path, "folder"]) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def made() -> Workflow:
    with workflow("unpacking") as w:
        folder = named("unpack")(archive=w.input("archive", "file"))
        w.output("folder", folder)
        w.output("names", task(names)(folder))
    return w.workflow


def packed(path: Path, *members: str) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name in members:
            info = tarfile.TarInfo(name)
            info.size = 4
            file.addfile(info, io.BytesIO(b"data"))
    return path


def test_an_archive_is_a_folder_for_the_next_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    archive = packed(tmp_path / "good.tar.gz", "a/b.txt", "c.txt")
    run = lamina.run(made(), {"archive": archive}, cpus=1)
    assert run["names"] == ["a", "a/b.txt", "c.txt"]
    assert (run["folder"] / "a/b.txt").read_text() == "data"
    assert lamina.run(made(), {"archive": archive}, cpus=1).result.reused == 2


def test_an_archive_that_leads_out_of_its_folder_fails_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    archive = packed(tmp_path / "bad.tar.gz", "fine.txt", "../../../../../../escaped.txt")
    with pytest.raises(TaskFailedError, match=r"escaped\.txt"):
        lamina.run(made(), {"archive": archive}, cpus=1)
    assert not list(tmp_path.rglob("escaped.txt"))
    assert not list(tmp_path.rglob("fine.txt"))
