"""Downloads from a real server on loopback: good, wrong, slow, cut short, refused."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lamina.data import sources
from lamina.data.download import check_digest, download, write_whole
from lamina.data.sources import Download, Source
from lamina.errors import ChecksumError, DataError

BODY = b"1,2,0\r\n3,4,1\r\n"


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        name = self.path.strip("/")
        if name == "missing":
            self.send_error(404)
            return
        if name == "moved":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
            return
        self.send_response(200)
        if name != "unsized":
            extra = 10 if name == "cut" else 0
            self.send_header("Content-Length", str(len(self._body(name)) + extra))
        self.end_headers()
        self._send(name)

    def _send(self, name: str) -> None:
        try:
            for byte in self._body(name):
                self.wfile.write(bytes([byte]))
                if name == "slow":
                    self.wfile.flush()
                    time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def _body(self, name: str) -> bytes:
        bodies = {"wrong": b"9,9,0\r\n", "slow": BODY * 50, "lf": BODY.replace(b"\r", b"")}
        return bodies.get(name, BODY)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output stays clean."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_mirror_and_no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(sources.MIRROR, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def source(*addresses: str, recipe: str = "as-is") -> Source:
    return Source(
        name="little",
        title="a little set",
        address="",
        sha256=hashlib.sha256(BODY).hexdigest(),
        licence="CC0",
        citation="",
        target="label",
        kind="binary",
        header=False,
        names=("a", "b", "label"),
        rows=2,
        mirror_path="tabular/little.csv",
        downloads=tuple(Download(address, recipe) for address in addresses),
    )


@pytest.mark.parametrize("name", ["good", "moved", "unsized"])
def test_the_bytes_of_an_address_come(server: str, name: str) -> None:
    assert download(f"{server}/{name}") == BODY


@pytest.mark.parametrize(
    ("name", "said"), [("missing", "answers 404"), ("cut", "cut short: 14 of 24 bytes")]
)
def test_a_failed_download_says_why(server: str, name: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        download(f"{server}/{name}")
    assert caught.value.way_out


def test_a_dripping_server_ends_at_the_time_limit(server: str) -> None:
    start = time.monotonic()
    with pytest.raises(DataError, match=r"within 0\.3 s"):
        download(f"{server}/slow", timeout=0.3)
    assert time.monotonic() - start < 3.0


def test_a_silent_server_ends_at_the_time_limit() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(DataError, match=r"within 0\.3 s"):
            download(address, timeout=0.3)


def test_too_many_bytes_are_refused(server: str) -> None:
    with pytest.raises(DataError, match="more than 5 bytes"):
        download(f"{server}/good", largest=5)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/a", "good.csv", ""])
def test_only_the_web_is_asked(address: str) -> None:
    with pytest.raises(DataError, match="address"):
        download(address)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://[broken/", "http://a b/"])
def test_an_address_that_is_not_reached_is_named(address: str) -> None:
    with pytest.raises(DataError) as caught:
        download(address, timeout=2.0)
    assert address in caught.value.message


def test_a_fetched_file_is_checked_kept_and_read_again(server: str, tmp_path: Path) -> None:
    path = sources.fetch(source(f"{server}/good"))
    assert path == tmp_path / "cache" / "lamina" / "data" / "little.csv"
    assert path.read_bytes() == BODY
    assert [p.name for p in path.parent.iterdir()] == ["little.csv"]
    again = sources.load(source("http://127.0.0.1:1/never-asked"))
    assert again["label"].tolist() == [0, 1]


def test_a_download_with_another_digest_is_refused_with_both(server: str) -> None:
    entry = source(f"{server}/wrong")
    with pytest.raises(ChecksumError) as caught:
        sources.fetch(entry)
    assert entry.sha256 in caught.value.message
    assert hashlib.sha256(b"9,9,0\r\n").hexdigest() in caught.value.message
    assert not sources.cache_folder().exists()


def test_the_next_mirror_is_asked_when_one_fails(server: str) -> None:
    names = ("missing", "cut", "wrong", "good")
    path = sources.fetch(source(*(f"{server}/{name}" for name in names)))
    assert path.read_bytes() == BODY


def test_a_recipe_makes_the_file_from_what_comes(server: str) -> None:
    assert BODY.endswith(b"\r\n")
    entry = source(f"{server}/good", recipe="lines-lf")
    with pytest.raises(ChecksumError):
        sources.fetch(entry)
    with pytest.raises(DataError, match="no zip archive"):
        sources.fetch(source(f"{server}/good", recipe="banknote-zip"))


def test_everything_tried_is_said_and_the_ways_out(server: str) -> None:
    with pytest.raises(DataError) as caught:
        sources.fetch(source(f"{server}/missing", "http://127.0.0.1:1/"))
    assert "404" in caught.value.message
    assert "127.0.0.1:1" in caught.value.message
    for way in ("set LAMINA_DATA", "put the file at", "lamina data fetch little"):
        assert way in caught.value.way_out


def test_offline_never_asks(server: str) -> None:
    with pytest.raises(DataError, match="is not on this machine"):
        sources.fetch(source(f"{server}/good"), offline=True)


def test_digests_are_compared() -> None:
    check_digest(b"a", hashlib.sha256(b"a").hexdigest(), "it", "")
    with pytest.raises(ChecksumError, match="it is not the promised file"):
        check_digest(b"a", hashlib.sha256(b"b").hexdigest(), "it", "fetch it again")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_whole(b"a", tmp_path / "file" / "below" / "x.csv")
