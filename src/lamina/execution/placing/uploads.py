"""Data of jobs on its way to storages: each file once, by its content, and timed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from lamina.data.staging.policy import Policy
from lamina.data.staging.transfer import at_once, send, stat_many
from lamina.errors import LaminaError, StagingError
from lamina.execution.placing.items import Item

CONNECTIONS = 8
"""Files that travel at once."""


@dataclass(frozen=True)
class Sent:
    """What an upload was.

    Args:
        seconds: that it took, as it was.
        moved: bytes that travelled; the others were there already.
        total: bytes of all files.
    """

    seconds: float
    moved: int
    total: int

    @property
    def whole(self) -> float | None:
        """Seconds that all bytes would have taken; None where none travelled."""
        return self.seconds * self.total / self.moved if self.moved else None


class Uploads:
    """Sends the files of a job to a storage, once for all runtimes that read from there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Future[Sent]] = {}

    def bring(
        self, job: str, items: Sequence[Item], storage: str, over: threading.Event, limit: float
    ) -> Sent:
        """Returns once all files of a job are there.

        Args:
            job: its name.
            items: of the job.
            storage: address under which they are kept.
            over: is set when nobody waits for them any more.
            limit: seconds that it may take.

        Raises:
            StagingError: they cannot be sent, or not in time.
        """
        with self._lock:
            future = self._known.get((job, storage))
            if future is None or (future.done() and future.exception() is not None):
                future = self._known[job, storage] = Future()
                arguments = (future, tuple(items), storage)
                threading.Thread(target=self._send, args=arguments, daemon=True).start()
        until = time.monotonic() + limit
        while not over.is_set():
            try:
                return future.result(0.05)
            except TimeoutError:
                if time.monotonic() > until:
                    raise StagingError(
                        f"the data of job {job!r} did not come to {storage} within {limit:g} s",
                        "look at the connection, or raise limits.upload in the profile",
                    ) from None
        raise StagingError(f"the data of job {job!r} is wanted no more")

    def forget(self, job: str) -> None:
        """A job is over."""
        with self._lock:
            for key in [key for key in self._known if key[0] == job]:
                del self._known[key]

    def _send(self, future: Future[Sent], items: tuple[Item, ...], storage: str) -> None:
        try:
            future.set_result(sent(items, storage))
        except (LaminaError, OSError) as error:
            future.set_exception(error)
        except BaseException as error:
            future.set_exception(error)
            raise


def sent(items: Sequence[Item], storage: str, policy: Policy | None = None) -> Sent:
    """Sends what is not there yet, several files at once."""
    policy = policy or Policy(attempts=4)
    files = {item.url(storage): item for item in items if item.path is not None}
    known = stat_many(files, policy) if files else {}
    missing = [url for url, stat in known.items() if getattr(stat, "size", None) != files[url].size]
    total = sum(item.size for item in files.values())
    began = time.monotonic()

    def one(url: str) -> int:
        item = files[url]
        assert item.path is not None
        return send(item.path, f"{url}#sha256={item.sha256}", policy).size

    moved = sum(at_once(one, missing, CONNECTIONS)) if missing else 0
    return Sent(time.monotonic() - began, moved, total)
