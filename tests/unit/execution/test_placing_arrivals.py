"""Batches that come while a run goes on: gathered, from a folder, over HTTP."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from placed_pods import soon

from lamina.errors import UsageError
from lamina.execution.placing.arrivals import Gathering, Listener, Watch
from lamina.execution.placing.items import Item


class Came:
    """Keeps batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(self, items: Sequence[Item]) -> None:
        self.batches.append([item.id for item in items])


def sent(port: int, method: str, path: str, body: bytes, **headers: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as line:
        line.request(method, path, body, headers)
        return line.getresponse().status


def test_what_comes_within_a_period_is_one_batch() -> None:
    came = Came()
    gathering = Gathering(came, period=0.3)
    gathering.add([Item("a", value=1)])
    gathering.add([Item("b", value=2)])
    assert soon(lambda: bool(came.batches))
    gathering.add([Item("c", value=3)])
    gathering.close()
    assert came.batches == [["a", "b"], ["c"]]


def test_a_batch_has_no_more_items_than_it_may() -> None:
    came = Came()
    gathering = Gathering(came, period=10.0, batch=2)
    gathering.add([Item(str(n), value=n) for n in range(5)])
    gathering.close()
    assert came.batches == [["0", "1"], ["2", "3"], ["4"]]


def test_a_file_that_grows_is_taken_once_it_is_whole(tmp_path: Path) -> None:
    came = Came()
    gathering = Gathering(came, period=0.1)
    watch = Watch(tmp_path, gathering)
    growing = threading.Event()

    def grow() -> None:
        with (tmp_path / "slow.png").open("wb") as file:
            for _ in range(8):
                file.write(b"x" * 100)
                file.flush()
                time.sleep(0.15)
        growing.set()

    thread = threading.Thread(target=grow)
    thread.start()
    (tmp_path / "quick.png").write_bytes(b"x")
    assert soon(lambda: ["quick.png"] in came.batches)
    assert not growing.is_set() or ["slow.png"] in came.batches
    assert soon(lambda: ["slow.png"] in came.batches)
    thread.join()
    watch.close()
    gathering.close()
    assert [name for batch in came.batches for name in batch] == ["quick.png", "slow.png"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    gathering = Gathering(Came(), 1.0)
    with pytest.raises(UsageError, match="nowhere"):
        Watch(tmp_path / "nowhere", gathering)
    gathering.close()


def test_values_and_files_come_over_http(tmp_path: Path) -> None:
    came = Came()
    gathering = Gathering(came, period=10.0)
    listener = Listener(0, "abc", tmp_path, gathering)
    good = {"Authorization": "Bearer abc"}
    assert sent(listener.port, "POST", "/items", json.dumps([1, 2]).encode(), **good) == 202
    assert sent(listener.port, "PUT", "/items/a.png", b"png", **good) == 202
    assert sent(listener.port, "POST", "/items", b"[1]") == 401
    assert sent(listener.port, "POST", "/items", b"{", **good) == 400
    assert sent(listener.port, "PUT", "/items/..", b"x", **good) == 400
    assert sent(listener.port, "POST", "/other", b"[]", **good) == 404
    listener.close()
    gathering.close()
    assert came.batches == [["1", "2", "a.png"]]
    assert (tmp_path / "a.png").read_bytes() == b"png"


def test_a_path_cannot_lead_out_of_the_inbox(tmp_path: Path) -> None:
    came = Came()
    gathering = Gathering(came, period=10.0)
    listener = Listener(0, "", tmp_path / "inbox", gathering)
    assert sent(listener.port, "PUT", "/items/..%2F..%2Fevil", b"x") == 202
    listener.close()
    gathering.close()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["evil"]
    assert (tmp_path / "inbox" / "evil").is_file()
