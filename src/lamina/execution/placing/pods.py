"""A pod as the driver sees it: asked over HTTP, again where no answer comes, never for ever."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lamina.errors import LostError


class PodError(LostError):
    """A pod that cannot be reached, refuses, or does not get on."""

    exit_code = 1


@dataclass(frozen=True)
class Limits:
    """Seconds of real time that are waited, each for something else.

    Args:
        answer: for any answer of a pod, before it counts as lost.
        progress: for the next result, before a pod counts as hung.
        upload: for the data of a job.
        start: for a pod of our own to listen.
        warm: for files to come and the warm-up to end.
        lease: without a word of its owner, before a pod ends by itself.
    """

    answer: float = 15.0
    progress: float = 600.0
    upload: float = 1800.0
    start: float = 120.0
    warm: float = 600.0
    lease: float = 30.0


@dataclass
class Answer:
    """What is told of a work; see `Works.told`."""

    state: str
    results: list[dict[str, Any]]
    next: int
    waiting: int
    error: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)


class Pod:
    """One pod. Used by one thread; `abort` may be called by any.

    Args:
        address: "http://host:port", or https; a path behind it comes before those of the pod.
        token: to show; empty for none.
        limits: of waiting.
        why: says how its process ended, where that can be known; empty while it runs.
    """

    def __init__(
        self,
        address: str,
        token: str = "",
        limits: Limits | None = None,
        why: Callable[[], str] = str,
    ) -> None:
        self.address = address.rstrip("/")
        self.token = token
        self.limits = limits or Limits()
        self._before = urlsplit(self.address).path
        """Path of the address: a gateway has its functions side by side."""
        self._line: http.client.HTTPConnection | None = None
        self._aborted = False
        self._why = why

    def fate(self) -> str:
        """Behind what is said of it: how its process ended, where that is known."""
        told = self._why()
        return f": {told}" if told else ""

    def anew(self, address: str = "") -> Pod:
        """The same pod, with a line of its own; by another way to it where one is named."""
        return Pod(address or self.address, self.token, self.limits, self._why)

    def ready(self, wait: float) -> str:
        """Asks once whether it is ready: "ready", "loading", or why not; empty for no answer.

        Raises:
            PodError: its function cannot be loaded.
        """
        try:
            _, body = self._once("GET", "/ready", None, {}, wait)
        except (OSError, http.client.HTTPException, ValueError):
            return ""
        if body.get("state") == "failed":
            raise PodError(f"pod {self.address}: {body.get('error') or 'it failed'}")
        return str(body.get("state", ""))

    def idle(self) -> bool:
        """Whether it answers that it has nothing to do; asked on a connection of its own."""
        other = self.anew()
        try:
            return bool(other._once("GET", "/ready", None, {}, 1.0)[1].get("idle"))
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            other.close()

    def prepare(self, key: str, body: Mapping[str, Any]) -> Mapping[str, float]:
        """Has files brought and the function warmed up; the seconds that each took.

        Raises:
            PodError: it could not be.
        """
        self._asked("POST", f"/attempts/{key}", {**body, "items": []}, f"{key}.0")
        until = time.monotonic() + self.limits.warm
        while time.monotonic() < until:
            found = self.results(key, 0, self.limits.answer / 3, known="preparing")
            if found.state in ("ready", "running"):
                return found.seconds
        raise PodError(f"pod {self.address} was not warm within {self.limits.warm:g} s")

    def give(self, key: str, number: int, items: Sequence[Mapping[str, Any]]) -> None:
        """Hands it a chunk; the same number a second time does nothing."""
        self._asked("POST", f"/attempts/{key}", {"items": list(items)}, f"{key}.{number}")

    def hand(self, key: str, order: Mapping[str, Any]) -> None:
        """Hands it a task of a workflow; a second time does nothing.

        Raises:
            PodError: it is lost, or refuses.
        """
        body = {"task": order, "lease": self.limits.lease}
        self._asked("POST", f"/attempts/{key}", body, f"{key}.task")

    def results(
        self, key: str, after: int, wait: float, pause: float = 0.0, known: str = ""
    ) -> Answer:
        """Results from a place on, as soon as there are some, or another state than a known one, or
        the time is over.

        Raises:
            PodError: it is lost, or the work failed there.
        """
        query = f"after={after}&wait={wait:.3f}&pause={pause:.3f}&known={known}"
        found = self._asked("GET", f"/attempts/{key}?{query}", None, "", wait + pause)
        answer = Answer(
            found["state"], found["results"], found["next"], found["waiting"], found["error"],
            found["seconds"],
        )  # fmt: skip
        if answer.state in ("failed", "cancelled"):
            raise PodError(f"pod {self.address}: {answer.error or answer.state}")
        return answer

    def cancel(self, key: str) -> bool:
        """Ends a work, on a connection of its own; whether the pod said that it did."""
        other = self.anew()
        try:
            return other._once("DELETE", f"/attempts/{key}", None, {}, 2.0)[0] in (200, 404)
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            other.close()

    def renew(self) -> bool:
        """Tells it that its owner lives; whether it answered."""
        other = self.anew()
        try:
            return other._once("POST", "/lease", b"{}", {}, 2.0)[0] == 200
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            other.close()

    def abort(self) -> None:
        """Lets whoever waits for an answer wait no more."""
        self._aborted = True
        line = self._line
        if line is not None and line.sock is not None:
            with suppress(OSError):
                line.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the connection."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _asked(
        self, method: str, path: str, body: Mapping[str, Any] | None, request: str, wait: float = 0
    ) -> dict[str, Any]:
        """An answer, asked for again while none comes: each request may come twice."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Idempotency-Key": request} if request else {}
        until, pause = time.monotonic() + max(self.limits.answer, 1.5 * wait), 0.05
        while True:
            left = until - time.monotonic()
            try:
                status, found = self._once(method, path, data, headers, max(left, 0.1))
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.close()
                gone = self._why()
                if gone or self._aborted or time.monotonic() + pause >= until:
                    told = gone or str(error) or type(error).__name__
                    raise PodError(f"pod {self.address} does not answer: {told}") from error
                time.sleep(pause)
                pause = min(pause * 2.0, 1.0)
                continue
            if status < 300:
                return found
            if status < 500 or time.monotonic() + pause >= until:
                raise PodError(f"pod {self.address} says {status}: {found.get('error', '')}")
            time.sleep(pause)

    def _once(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], wait: float
    ) -> tuple[int, dict[str, Any]]:
        if self._aborted:
            raise ConnectionAbortedError("it was given up")
        line = self._line or self._connected(wait)
        if line.sock is not None:
            line.sock.settimeout(wait)
        told = {"Content-Type": "application/json", **headers}
        if self.token:
            told["Authorization"] = f"Bearer {self.token}"
        line.request(method, f"{self._before}{path}", data, told)
        answer = line.getresponse()
        body = json.loads(answer.read() or b"{}")
        return answer.status, body if isinstance(body, dict) else {}

    def _connected(self, wait: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.address)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._line = kind(parts.hostname or "", parts.port, timeout=wait)
        self._line.connect()
        self._line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._line
