"""What a pod was asked for: pieces of work by their keys, done one after the other."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lamina.errors import LaminaError
from lamina.execution.placing.calling import Channel
from lamina.execution.workers.processes import end_trees

GRACE = 2.0
"""Seconds that a chunk may take to end by itself, once it is not wanted any more."""
LOADING = 300.0
"""Seconds that the import of a function may take."""


class ConflictError(Exception):
    """A key that was used for something else."""


@dataclass
class Work:
    """What one key stands for.

    Args:
        key: given by who asks.
        arguments: of the function.
        lease: seconds without a question about it after which nobody wants it.
        asked: when it was last asked about, on the monotonic clock.
        requests: idempotency key -> digest of what was asked.
        state: "preparing", "ready", "running", "failed", "cancelled".
        seconds: of what is over: bring, warm.
        results: of items, in the order in which they came.
        waiting: items that have none yet.
        error: why it failed.
    """

    key: str
    arguments: dict[str, Any]
    lease: float
    asked: float
    requests: dict[str, str] = field(default_factory=dict)
    state: str = "preparing"
    seconds: dict[str, float] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)
    waiting: int = 0
    begun: bool = False
    error: str = ""
    dropped: float | None = None
    listeners: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing more is done for it."""
        return self.state in ("failed", "cancelled")


class Works:
    """Takes work and does it, chunk by chunk, in a process of its own.

    Args:
        function: "module:name" or "file.py:name".
    """

    def __init__(self, function: str) -> None:
        self.function = function
        self.changed = threading.Condition()
        self.state = "loading"
        self.why = ""
        self._works: dict[str, Work] = {}
        self._todo: deque[tuple[Work, Callable[[], None]]] = deque()
        self._now: Work | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._arguments: dict[str, Any] | None = None
        self._scratch = TemporaryDirectory(prefix="lamina-pod-", ignore_cleanup_errors=True)
        self._closed = False
        self._keeper = threading.Thread(target=self._keep, name="lamina-keeper", daemon=True)
        self._keeper.start()

    @property
    def heard(self) -> bool:
        """Whether somebody waits for an answer at this moment."""
        return any(work.listeners for work in list(self._works.values()))

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do, and is not ending anything."""
        return self._now is None and not self._todo

    # Asked by the server's threads.

    def ask(self, key: str, request: str, body: Mapping[str, Any]) -> bool:
        """Takes a request; whether it had come before, and nothing was done about it now.

        Raises:
            ConflictError: the request's key stands for another one, or its work is over.
        """
        told = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        with self.changed:
            work = self._works.get(key)
            if work is None:
                lease = float(body.get("lease", 60.0))
                work = Work(key, dict(body.get("arguments", {})), lease, time.monotonic())
                self._works[key] = work
                if "task" not in body:
                    self._add(work, lambda: self._prepare(work, list(body.get("bring", ()))))
            work.asked = time.monotonic()
            if request in work.requests:
                if work.requests[request] != told:
                    raise ConflictError(f"the idempotency key {request!r} had another body before")
                return True
            if work.over:
                raise ConflictError(f"the work {key!r} is over: {work.state} {work.error}".strip())
            work.requests[request] = told
            items = list(body.get("items", ()))
            if items:
                work.waiting += len(items)
                self._add(work, lambda: self._chunk(work, items))
            if "task" in body:
                work.waiting += 1
                self._add(work, lambda: self._task(work, dict(body["task"])))
            return False

    def told(
        self, key: str, after: int, wait: float, pause: float, known: str = ""
    ) -> dict[str, Any] | None:
        """How a work is; None for no such work.

        Args:
            key: of the work.
            after: results that are known.
            wait: seconds that may pass until there are others, or another state than the known.
            pause: seconds to wait then for more of them.
            known: a state; empty where no state is news.
        """
        until = time.monotonic() + wait
        with self.changed:
            work = self._works.get(key)
            if work is None:
                return None
            work.listeners += 1
            self._asleep(
                work,
                until,
                lambda: len(work.results) > after or bool(known and work.state != known),
            )
            if pause:
                soon = min(time.monotonic() + pause, until)
                self._asleep(work, soon, lambda: not work.waiting)
            work.listeners -= 1
            work.asked = time.monotonic()
            return {
                "key": key, "state": work.state, "seconds": work.seconds, "error": work.error,
                "results": work.results[after:], "next": len(work.results),
                "waiting": work.waiting,
            }  # fmt: skip

    def _asleep(self, work: Work, until: float, awake: Callable[[], bool]) -> None:
        while not (awake() or work.over or self._closed):
            left = until - time.monotonic()
            if left <= 0:
                return
            self.changed.wait(left)

    def drop(self, key: str) -> bool:
        """Ends a work; whether there was one."""
        with self.changed:
            work = self._works.get(key)
            if work is None:
                return False
            self._drop(work)
            return True

    def expire(self) -> None:
        """Ends what nobody asks about, and forgets what is over for long."""
        now = time.monotonic()
        with self.changed:
            for key, work in list(self._works.items()):
                if not work.listeners and now - work.asked > work.lease:
                    self._drop(work)
                    if now - work.asked > 10 * work.lease:
                        del self._works[key]

    def close(self) -> None:
        """Ends all, and the process."""
        with self.changed:
            self._closed = True
            self._todo.clear()
            self.changed.notify_all()
        child = self._child
        if child is not None:
            end_trees([child.pid])  # the keeper sees its end, and reaps it
        self._keeper.join(5.0)
        self._scratch.cleanup()

    def _drop(self, work: Work) -> None:
        if not work.over:
            work.state, work.dropped = "cancelled", time.monotonic()
            self.changed.notify_all()

    def _add(self, work: Work, action: Callable[[], None]) -> None:
        self._todo.append((work, action))
        self.changed.notify_all()

    # Done by the keeper, who lives as long as the pod: its child dies with this thread.

    def _keep(self) -> None:
        self._guarded(None, self._load)
        while True:
            with self.changed:
                while not self._todo and not self._closed:
                    self.changed.wait()
                if self._closed:
                    break
                work, action = self._todo.popleft()
                if work.over:
                    continue
                self._now = work
            self._guarded(work, action)
            self._now = None
        self._end_child()

    def _guarded(self, work: Work | None, action: Callable[[], None]) -> None:
        try:
            action()
        except (LaminaError, OSError, EOFError, RuntimeError) as error:
            self._end_child()
            with self.changed:
                if work is None:
                    self.state, self.why = "failed", str(error)
                elif not work.over:
                    work.state, work.error = "failed", str(error)
                self.changed.notify_all()

    def _load(self) -> None:
        """Starts the process and lets it import the function."""
        here, there = socket.socketpair()
        with there:
            number = there.fileno()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "lamina.execution.placing.calling", self.function,
                 str(number), str(os.getpid())],
                stdin=subprocess.DEVNULL, stdout=sys.stderr, pass_fds=[number],
                start_new_session=True,
            )  # fmt: skip
        self._channel, self._arguments = Channel(here), None
        message = self._heard(LOADING)
        if message.get("did") != "loaded":
            raise RuntimeError(message.get("error", "the function could not be loaded"))
        with self.changed:
            self.state = "ready"
            self.changed.notify_all()

    def _prepare(self, work: Work, bring: list[Mapping[str, Any]]) -> None:
        """Brings files, then warms up."""
        began = time.monotonic()
        self._bring(bring)
        work.seconds["bring"] = time.monotonic() - began
        work.seconds["warm"] = self._begin(work)
        with self.changed:
            if not work.over:
                work.state = "ready"
            self.changed.notify_all()

    def _begin(self, work: Work) -> float:
        if self._child is None:
            self._load()
        if work.arguments == self._arguments:
            return 0.0
        assert self._channel is not None
        self._channel.send({"do": "begin", "arguments": work.arguments})
        message = self._heard(LOADING)
        if message.get("did") != "begun":
            raise RuntimeError(message.get("error", "no warm-up"))
        self._arguments = work.arguments
        return float(message["seconds"])

    def _chunk(self, work: Work, items: list[dict[str, Any]]) -> None:
        self._begin(work)
        self._bring([one for one in items if "url" in one])
        given = [self._item(one) for one in items]
        assert self._channel is not None
        with self.changed:
            if work.over:
                return
            first, work.begun, work.state = not work.begun, True, "running"
            self.changed.notify_all()
        self._channel.send({"do": "chunk", "items": given, "first": first})
        self._results(work)

    def _task(self, work: Work, order: dict[str, Any]) -> None:
        """A task of a workflow."""
        if self._child is None:
            self._load()
        assert self._channel is not None
        with self.changed:
            if work.over:
                return
            work.begun, work.state = True, "running"
            self.changed.notify_all()
        self._channel.send({"do": "task", "order": {**order, "store": self._scratch.name}})
        self._results(work)

    def _results(self, work: Work) -> None:
        """Until the chunk is over; what is not wanted any more is stopped, then ended."""
        assert self._channel is not None
        stopped = False
        while True:
            message = self._channel.take(0.2)
            if message is not None and message["did"] == "chunk":
                return
            with self.changed:
                if message is not None:
                    work.results.append({k: v for k, v in message.items() if k != "did"})
                    work.waiting -= message["did"] == "item"
                    self.changed.notify_all()
                dropped = work.dropped
            if dropped is not None and not stopped:
                self._channel.send({"do": "stop"})
                stopped = True
            if dropped is not None and time.monotonic() - dropped > GRACE:
                self._end_child()
                return

    def _bring(self, files: list[Mapping[str, Any]]) -> None:
        from lamina.data.staging.transfer import at_once, fetch

        def one(file: Mapping[str, Any]) -> None:
            path = self._kept(file)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                fetch(f"{file['url']}#sha256={file['sha256']}", path)

        if files:
            at_once(one, files, 8)

    def _item(self, item: Mapping[str, Any]) -> dict[str, Any]:
        if "url" in item:
            return {"id": item["id"], "path": str(self._kept(item))}
        return {k: item[k] for k in ("id", "path", "value") if k in item}

    def _kept(self, file: Mapping[str, Any]) -> Path:
        name = Path(str(file["id"])).name or "item"
        return Path(self._scratch.name) / str(file["sha256"]) / name

    def _heard(self, seconds: float) -> dict[str, Any]:
        """The next message; looks now and then whether the work is still wanted."""
        assert self._channel is not None
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            message = self._channel.take(0.2)
            if message is not None:
                return message
            now = self._now
            dropped = None if now is None else now.dropped
            if dropped is not None and time.monotonic() - dropped > GRACE:
                raise RuntimeError("cancelled")
        raise RuntimeError(f"the function's process said nothing for {seconds:g} s")

    def _end_child(self) -> None:
        child, channel = self._child, self._channel
        self._child = self._channel = None
        if child is not None:
            end_trees([child.pid])
            child.wait(5.0)
        if channel is not None:
            channel.close()
