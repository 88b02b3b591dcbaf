"""A pod: one function behind HTTP, with a token, idempotent requests, and an end of its own.

GET /health . GET /ready . POST, GET, DELETE /attempts/KEY . POST /lease
OpenFaaS asks for the first two as /_/health and /_/ready.
"""

from __future__ import annotations

import hmac
import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from lamina.errors import UsageError
from lamina.execution.placing.works import ConflictError, Works

LONGEST_WAIT = 60.0
"""Seconds that a question may wait for news."""


@dataclass(frozen=True)
class Serving:
    """How a pod serves.

    Args:
        function: "module:name" or "file.py:name".
        host, port: where it listens; port 0 for any that is free.
        token: that every request about work has to show; empty for none, on loopback only.
        limit: bytes of a request at most.
        lease: seconds without a request after which it ends itself; None for never.
        attached: whether it ends when its standard input does: with who started it.
    """

    function: str
    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    limit: int = 64 << 20
    lease: float | None = None
    attached: bool = False

    def __post_init__(self) -> None:
        if not self.token and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise UsageError(
                f"a function on {self.host!r} without a token could be called by anybody",
                "give --token-file FILE, or listen on 127.0.0.1",
            )


class Server(ThreadingHTTPServer):
    """Listens, and ends itself when nobody wants it any more."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, how: Serving) -> None:
        self.how = how
        if ":" in how.host:
            self.address_family = socket.AF_INET6
        super().__init__((how.host, how.port), _Handler)
        self.works = Works(how.function)
        self.seen = time.monotonic()
        self._over = threading.Event()

    def serve(self) -> None:
        """Until it is told to end, its owner goes, or its lease is over."""
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()
        if self.how.attached:
            threading.Thread(target=self._watch_owner, daemon=True).start()
        lease = self.how.lease
        while not self._over.wait(0.1 if lease is None else min(0.1, lease / 4)):
            self.works.expire()
            if self.works.heard:
                self.seen = time.monotonic()
            if lease is not None and time.monotonic() - self.seen > lease:
                break
        self.shutdown()
        self.server_close()
        self.works.close()

    def end(self) -> None:
        """Makes `serve` return soon; may be called from a signal handler."""
        self._over.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handle_error(request, client_address)

    def _watch_owner(self) -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        self.end()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "lamina", ""
    disable_nagle_algorithm = True
    timeout = 120.0
    server: Server
    free: ClassVar[tuple[str, ...]] = ("/health", "/ready")

    def do_GET(self) -> None:
        """How the pod is, or a work of it."""
        path, query = self._asked()
        path = path.removeprefix("/_") if path in ("/_/health", "/_/ready") else path
        if path == "/health":
            self._say(200, {"alive": True, "function": self.server.how.function})
        elif path == "/ready":
            works = self.server.works
            if works.state == "loading":  # whoever waits for it wants it: an import may take long
                self.server.seen = time.monotonic()
            body = {"state": works.state, "error": works.why, "idle": works.idle}
            self._say(200 if works.state == "ready" else 503, body)
        elif self._may():
            found = self._told(path.removeprefix("/attempts/"), query)
            self._say(200 if found else 404, found or {"error": f"no work {path!r}"})

    def do_POST(self) -> None:
        """Work to be done; the same idempotency key does nothing a second time."""
        path, _ = self._asked()
        if not self._may():
            return
        body = self._body()
        if body is None:
            return
        if path == "/lease":
            self._say(200, {"lease": self.server.how.lease})
        elif path.startswith("/attempts/"):
            self._post(path.removeprefix("/attempts/"), body)
        else:
            self._say(404, {"error": f"nothing is at {path}; POST /attempts/KEY"})

    def do_DELETE(self) -> None:
        """Ends a work."""
        path, _ = self._asked()
        if self._may():
            there = self.server.works.drop(path.removeprefix("/attempts/"))
            self._say(200 if there else 404, {"cancelled": there})

    def _post(self, key: str, body: dict[str, Any]) -> None:
        request = self.headers.get("Idempotency-Key", "")
        if not request or not key:
            self._say(400, {"error": "POST /attempts/KEY needs a key and a header Idempotency-Key"})
            return
        try:
            repeated = self.server.works.ask(key, request, body)
        except ConflictError as error:
            self._say(409, {"error": str(error)})
        except (KeyError, TypeError, ValueError) as error:
            self._say(400, {"error": f"the body is not understood: {error!r}"})
        else:
            self._say(202, {"key": key, "repeated": repeated})

    def _told(self, key: str, query: dict[str, str]) -> dict[str, Any] | None:
        try:
            after = int(query.get("after", "0"))
            wait = min(float(query.get("wait", "0")), LONGEST_WAIT)
            pause = min(float(query.get("pause", "0")), LONGEST_WAIT)
        except ValueError:
            return None
        return self.server.works.told(key, max(after, 0), wait, pause, query.get("known", ""))

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {name: values[-1] for name, values in parse_qs(parts.query).items()}

    def _may(self) -> bool:
        """Whether the token is right; says so if not."""
        given = self.headers.get("Authorization", "")
        wanted = f"Bearer {self.server.how.token}"
        if self.server.how.token and not hmac.compare_digest(given.encode(), wanted.encode()):
            self.close_connection = True  # what else it sent is not read
            self._say(401, {"error": "the token is missing or wrong"})
            return False
        self.server.seen = time.monotonic()
        return True

    def _body(self) -> dict[str, Any] | None:
        """The request's object; None once it has been said what is wrong with it."""
        problem: tuple[int, str] | None = None
        told, limit = self.headers.get("Content-Length", ""), self.server.how.limit
        if not told.isdigit():
            problem = 411, "a length is needed"
        elif int(told) > limit:
            problem = 413, f"{told} bytes are more than {limit}"
        if problem is not None:
            self.close_connection = True
            self._say(problem[0], {"error": problem[1]})
            return None
        try:
            body = json.loads(self.rfile.read(int(told)) or b"{}")
        except ValueError as error:
            self._say(400, {"error": f"the body is no JSON: {error}"})
            return None
        if not isinstance(body, dict):
            self._say(400, {"error": "the body is no object"})
            return None
        return body

    def _say(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(HTTPStatus(status))
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a pod logs what its function prints."""


def serve(how: Serving) -> None:
    """Serves until SIGTERM or Ctrl-C, or its own reasons to end; says first where it listens.

    Raises:
        UsageError: the address cannot be listened on.
    """
    try:
        server = Server(how)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {how.host}:{how.port}: {error.strerror or error}",
            "name another --port, or 0 for any that is free",
        ) from error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.end())
    host, port = server.server_address[:2]
    host = host if isinstance(host, str) else host.decode()
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(json.dumps({"address": f"http://{shown}:{port}", "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    server.serve()


def main() -> None:
    """For sites that start pods of their own: settings as JSON from the environment."""
    given = json.loads(os.environ.pop("LAMINA_POD"))
    serve(Serving(**given))


if __name__ == "__main__":
    main()
