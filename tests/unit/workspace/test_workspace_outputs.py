"""Places for results: made and tried before the work begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lamina.errors import UsageError
from lamina.workspace.outputs import file_to_write, folder_to_write, not_over


def test_folders_of_a_file_are_made(tmp_path: Path) -> None:
    assert file_to_write(tmp_path / "a" / "b" / "m.lamina").parent.is_dir()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        file_to_write(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(UsageError, match="is a file"):
        folder_to_write(tmp_path / "f")
    with pytest.raises(UsageError, match="a part of it is a file"):
        folder_to_write(tmp_path / "f" / "deeper")


def test_a_result_is_not_written_over_what_it_is_made_from(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    not_over(tmp_path / "m.lamina", tmp_path / "rows.csv", "no such\0file")
    with pytest.raises(UsageError, match="would be overwritten"):
        not_over(tmp_path / "rows.csv", "iris", tmp_path / ".." / tmp_path.name / "rows.csv")


@pytest.mark.skipif(
    os.geteuid() == 0, reason="root writes everywhere: run the tests as another user"
)
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot be"):
        file_to_write(tmp_path / "m.lamina")
