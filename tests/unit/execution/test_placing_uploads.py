"""Uploads of placed jobs: once for all who read from one storage, and never taken for another's."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lamina.errors import StagingError
from lamina.execution.placing.items import Item
from lamina.execution.placing.uploads import Sent, Uploads


def items(folder: Path, *contents: bytes) -> tuple[Item, ...]:
    folder.mkdir(exist_ok=True)
    found = []
    for n, content in enumerate(contents):
        (folder / str(n)).write_bytes(content)
        found.append(Item(str(n), folder / str(n)))
    return tuple(found)


def test_files_are_kept_by_their_content_and_sent_once(tmp_path: Path) -> None:
    storage, over = (tmp_path / "storage").as_uri(), threading.Event()
    first = Uploads().bring("a", items(tmp_path / "in", b"one", b"three"), storage, over, 10.0)
    assert (first.moved, first.total) == (8, 8)
    again = Uploads().bring("a", items(tmp_path / "in", b"one", b"four"), storage, over, 10.0)
    assert (again.moved, again.total) == (4, 7)


def test_who_reads_from_the_same_storage_waits_for_the_same_upload(tmp_path: Path) -> None:
    storage, over, uploads = (tmp_path / "s").as_uri(), threading.Event(), Uploads()
    given = items(tmp_path / "in", b"x" * 1000)
    first = uploads.bring("a", given, storage, over, 10.0)
    assert uploads.bring("a", given, storage, over, 10.0) is first


def test_seconds_are_those_that_all_bytes_would_have_taken() -> None:
    assert Sent(2.0, 50, 100).whole == 4.0
    assert Sent(0.1, 0, 100).whole is None


def test_an_upload_that_fails_says_why_and_is_tried_anew(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    storage, over, uploads = (tmp_path / "file").as_uri(), threading.Event(), Uploads()
    given = items(tmp_path / "in", b"x")
    with pytest.raises((StagingError, OSError)):
        uploads.bring("a", given, storage, over, 30.0)
    (tmp_path / "file").unlink()
    assert uploads.bring("a", given, storage, over, 30.0).moved == 1


def test_nobody_waits_for_what_is_wanted_no_more(tmp_path: Path) -> None:
    over = threading.Event()
    over.set()
    with pytest.raises(StagingError, match="wanted no more"):
        Uploads().bring("a", items(tmp_path / "in", b"x"), (tmp_path / "s").as_uri(), over, 10.0)
