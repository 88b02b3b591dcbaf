"""Servers for the staging tests: a web server with faults to order, a proxy that cuts lines."""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Site:
    """What a web server has, and how it fails.

    Args:
        files: path -> content.
        ranges: whether parts are served; head: whether HEAD is.
        promises: whether parts are said to be served, whatever is true.
        delay: seconds that a request takes; most: how many were under way at the same time.
        tag: entity tag of all files; empty for none.
        cuts: bytes after which the next answers break off, one after the other.
        errors: statuses of the next answers.
        asked: (method, path, range) of every request.
        put: path -> content that was sent.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    head: bool = True
    sized: bool = True
    tag: str = '"v1"'
    cuts: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    put: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    promises: bool = False
    delay: float = 0.0
    most: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """A request is there."""
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self.delay)

    def end(self) -> None:
        """And answered."""
        with self._lock:
            self._now -= 1


class Handler(BaseHTTPRequestHandler):
    """Serves a site."""

    protocol_version = "HTTP/1.1"
    site: Site

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.site.asked.append(("PUT", self.path, ""))
        if self.site.errors:
            self._status(self.site.errors.pop(0))
            return
        self.site.put[self.path] = self.site.files[self.path] = data
        self._status(201)

    def _answer(self, body: bool) -> None:
        self.site.begin()
        try:
            self._answered(body)
        finally:
            self.site.end()

    def _answered(self, body: bool) -> None:
        site, wanted = self.site, self.headers.get("Range", "")
        site.asked.append((self.command, self.path, wanted))
        if site.errors:
            self._status(site.errors.pop(0))
        elif self.path not in site.files:
            self._status(404)
        elif not body and not site.head:
            self._status(405)
        else:
            self._send(site.files[self.path], wanted, body)

    def _status(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, data: bytes, wanted: str, body: bool) -> None:
        site, size = self.site, len(data)
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted) if site.ranges else None
        self.send_response(206 if part else 200)
        if part:
            start, end = int(part[1]), min(size, int(part[2] or size - 1) + 1)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            data = data[start:end]
        if site.ranges or site.promises:
            self.send_header("Accept-Ranges", "bytes")
        if site.tag:
            self.send_header("ETag", site.tag)
        if site.sized:
            self.send_header("Content-Length", str(len(data)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if not body:
            return
        with suppress(OSError):
            if site.cuts:
                self.wfile.write(data[: site.cuts.pop(0)])
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output stays clean."""


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients that leave early are what some tests are about."""


class WebServer:
    """A site on loopback, while the block runs."""

    def __init__(self, site: Site) -> None:
        handler = type("Bound", (Handler,), {"site": site})
        self._server = _Quiet(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        site.url = f"http://127.0.0.1:{self._server.server_port}"
        self.site = site

    def __enter__(self) -> Site:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self.site

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class CuttingProxy:
    """Passes bytes on to another port; the first connections are cut after some bytes.

    Args:
        port: of the server behind it.
        cuts: bytes from either side after which the next connections are cut.
    """

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._behind = port
        self.cuts = cuts
        self.cut = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]

    def __enter__(self) -> CuttingProxy:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                threading.Thread(target=self._pass, args=(near,), daemon=True).start()

    def _pass(self, near: socket.socket) -> None:
        left: Any = self.cuts.pop(0) if self.cuts else float("inf")
        with near, socket.create_connection(("127.0.0.1", self._behind)) as far, suppress(OSError):
            other = {near: far, far: near}
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    data = ready.recv(65536)
                    left -= len(data)
                    if not data or left < 0:
                        self.cut += bool(data)
                        return
                    other[ready].sendall(data)
