"""Connections that are lost while a file is brought from a web server."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

from lamina.benchmark.faults.kinds.base import Fault, noticed
from lamina.benchmark.faults.stage import Stage
from lamina.workflow.log import Event


class StagingCut(Fault):
    """The input of a workflow lies on a web server whose answers break off, several times."""

    shapes = ("commands",)

    def prepare(self, stage: Stage) -> None:
        """The text is served, not given as a file."""
        stage.set_up()
        file = stage.project / "words.txt"
        self._server = _Server(file.read_bytes(), self.random)
        file.unlink()
        text = {"type": "file", "default": f"{self._server.url}/words.txt"}
        stage.set_up(inputs={"text": text})
        file.unlink()

    def clean(self, stage: Stage) -> None:
        """Ends the server."""
        del stage
        self._server.close()

    def play(self, stage: Stage) -> None:
        """The run has to bring the file all the same."""
        stage.run().wait()
        self.struck = self._server.cut > 0
        self.notes.append(f"{self._server.cut} answers cut, {self._server.refused} refused")

    def seen(self, events: Sequence[Event]) -> bool:
        """A notice."""
        return noticed(events, "staging", "connection", "transfer")


class _Server:
    """Serves one file on loopback; the first answers with content break off or are refused."""

    def __init__(self, data: bytes, random: Random) -> None:
        self.data, self.cut, self.refused = data, 0, 0
        self._random, self._lock = random, threading.Lock()
        self._cuts = random.randint(1, 3)
        self._refusals = random.choice((0, 0, 1))
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """Answers with the file."""

            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                """What there is."""
                outer.answer(self, body=False)

            def do_GET(self) -> None:
                """The content, or a part of it."""
                outer.answer(self, body=True)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler, body: bool) -> None:
        """Sends the file or a part of it, as much of it as fate allows."""
        with self._lock:
            refuse = body and self._refusals > 0
            self._refusals -= int(refuse)
            self.refused += int(refuse)
        if refuse:
            request.send_response(503)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        size = len(self.data)
        start = int(asked[1]) if asked else 0
        end = min(size, int(asked[2] or size - 1) + 1) if asked else size
        request.send_response(206 if asked else 200)
        if asked:
            request.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        for name, value in (
            ("Accept-Ranges", "bytes"), ("ETag", '"1"'), ("Content-Length", str(end - start)),
        ):  # fmt: skip
            request.send_header(name, value)
        request.end_headers()
        if body:
            self._send(request, self.data[start:end])

    def _send(self, request: BaseHTTPRequestHandler, data: bytes) -> None:
        with self._lock:
            cut = self._cuts > 0 and len(data) > 1
            self._cuts -= int(cut)
            self.cut += int(cut)
            length = self._random.randrange(len(data)) if cut else len(data)
            wait = self._random.uniform(0.0, 0.3) if cut else 0.0
        with suppress(OSError):
            request.wfile.write(data[:length])
            request.wfile.flush()
            if cut:
                time.sleep(wait)
                request.close_connection = True
                request.connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
