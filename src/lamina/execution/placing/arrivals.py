"""Batches that come while a run goes on: from a folder that is watched, or over HTTP."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lamina.errors import UsageError
from lamina.execution.placing.items import Item

Came = Callable[[Sequence[Item]], None]
SETTLED = 0.5
"""Seconds for which a file has to stay as it is, before it counts as whole."""
LOOK = 0.2
"""Seconds between two looks into a folder."""


class Gathering:
    """Collects items, and hands them on as one batch every period.

    Args:
        came: takes a batch.
        period: seconds between two batches; 0 hands on what there is at once.
        batch: items of a batch at most; 0 for no bound.
    """

    def __init__(self, came: Came, period: float, batch: int = 0) -> None:
        self._came, self._period, self._batch = came, period, batch
        self._lock = threading.Lock()
        self._items: dict[str, Item] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._turn, name="lamina-batches", daemon=True)
        self._thread.start()

    def add(self, items: Sequence[Item]) -> None:
        """They come with the next batch."""
        with self._lock:
            self._items.update((item.id, item) for item in items)

    def close(self) -> None:
        """Hands on what is left, and ends."""
        self._closed.set()
        self._thread.join(5.0)
        self._hand_on()

    def _turn(self) -> None:
        while not self._closed.wait(self._period or LOOK):
            self._hand_on()

    def _hand_on(self) -> None:
        with self._lock:
            items = list(self._items.values())
            self._items.clear()
        size = self._batch or max(len(items), 1)
        for start in range(0, len(items), size):
            self._came(items[start : start + size])


class Watch:
    """Files that come into a folder; each once, when it does not grow any more.

    Args:
        folder: to look into; what is there already comes too.
        gathering: takes the files.
    """

    def __init__(self, folder: Path, gathering: Gathering) -> None:
        if not folder.is_dir():
            raise UsageError(f"the folder {folder} is not there", "make it, or name another one")
        self._folder, self._gathering = folder, gathering
        self._seen: dict[Path, tuple[int, int, float]] = {}
        self._told: set[tuple[Path, int, int]] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="lamina-watch", daemon=True).start()

    def close(self) -> None:
        """Ends it."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK):
            self._gathering.add([self._item(path) for path in self._whole()])

    def _item(self, path: Path) -> Item:
        return Item(path.relative_to(self._folder).as_posix(), path)

    def _whole(self) -> list[Path]:
        """Files that have stayed as they are, and were not told before."""
        now, found = time.monotonic(), []
        for path in sorted(self._folder.rglob("*")):
            if path.name.startswith(".") or not path.is_file():
                continue
            try:
                state = path.stat()
            except OSError:
                continue  # it went again
            key = state.st_size, state.st_mtime_ns
            before = self._seen.get(path)
            if before is None or before[:2] != key:
                self._seen[path] = (*key, now)
            elif now - before[2] >= SETTLED and (path, *key) not in self._told:
                self._told.add((path, *key))
                found.append(path)
        return found


class Listener:
    """Items that come over HTTP: POST /items with a JSON list of plain values, or PUT /items/NAME
    with a file's content.

    Args:
        port: on 127.0.0.1; 0 for any that is free.
        token: that has to be shown; empty for none.
        inbox: folder for files that come.
        gathering: takes what comes.
    """

    LIMIT = 256 << 20

    def __init__(self, port: int, token: str, inbox: Path, gathering: Gathering) -> None:
        self._inbox = inbox
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise UsageError(
                f"cannot listen on port {port}: {error.strerror or error}", "name another one"
            ) from error
        self._server.daemon_threads = True
        vars(self._server).update(token=token, inbox=inbox, gathering=gathering)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60.0
    server: Any

    def do_POST(self) -> None:
        """A list of plain values, or of {"id", "value"}."""
        data = self._data()
        if data is None:
            return
        try:
            given = json.loads(data)
            items = [self._item(one) for one in given]
        except (ValueError, KeyError, TypeError) as error:
            self._say(400, {"error": f"a JSON list of values is wanted: {error}"})
            return
        self.server.gathering.add(items)
        self._say(202, {"items": len(items)})

    def do_PUT(self) -> None:
        """A file."""
        data = self._data()
        if data is None:
            return
        name = Path(unquote(urlsplit(self.path).path)).name
        if not name or name.startswith("."):
            self._say(400, {"error": "PUT /items/NAME"})
            return
        self.server.inbox.mkdir(parents=True, exist_ok=True)
        path, part = self.server.inbox / name, self.server.inbox / f".{name}.part"
        part.write_bytes(data)
        part.replace(path)
        self.server.gathering.add([Item(name, path)])
        self._say(202, {"items": 1})

    def _item(self, given: Any) -> Item:
        if isinstance(given, dict):
            return Item(str(given["id"]), value=given["value"])
        return Item(str(given), value=given)

    def _data(self) -> bytes | None:
        """The request's content; None once it has been said what is wrong."""
        told, token = self.headers.get("Content-Length", ""), self.server.token
        given = self.headers.get("Authorization", "")
        problem = None
        if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            problem = 401, "the token is missing or wrong"
        elif not told.isdigit():
            problem = 411, "a length is needed"
        elif int(told) > Listener.LIMIT:
            problem = 413, f"{told} bytes are more than {Listener.LIMIT}"
        elif not urlsplit(self.path).path.startswith("/items"):
            problem = 404, "POST /items or PUT /items/NAME"
        if problem is not None:
            self.close_connection = True
            self._say(problem[0], {"error": problem[1]})
            return None
        return self.rfile.read(int(told))

    def _say(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
