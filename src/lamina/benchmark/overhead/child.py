"""A measuring process of one engine: reads what to measure, answers one JSON line per figure.

It also runs under the interpreter of another environment (see `peers.base`).
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lamina.benchmark.child import asked_for, bind
from lamina.benchmark.overhead.peers import PEERS, Peer


def main() -> None:
    """Brings the engine up, runs one task, then what was asked for, as often as was asked for."""
    answers, asked = asked_for()
    job = json.loads(asked)
    bind(job["workers"])
    try:
        for figure in _measure(job):
            answers.write(json.dumps(figure) + "\n")
            answers.flush()
    except Exception as error:
        answers.write(json.dumps({"failure": f"{type(error).__name__}: {error}"[:500]}) + "\n")
        answers.flush()
    # Some engines leave threads that never end.
    os._exit(0)


def _measure(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="lamina-overhead-", ignore_cleanup_errors=True) as name:
        peer = PEERS.get(job["engine"])(job["workers"], Path(name))
        peer.start()
        try:
            _check(peer.run("independent", 1), 1)
            yield {"first": True}
            yield {"alone": _timed(peer, "independent", 1)}
            for _ in range(job["repeats"]):
                for shape, count in job["tasks"].items():
                    seconds = _timed(peer, shape, count)
                    yield {"shape": shape, "count": count, "seconds": seconds}
        finally:
            peer.close()


def _timed(peer: Peer, shape: str, count: int) -> float:
    begin = time.perf_counter()
    done = peer.run(shape, count)
    seconds = time.perf_counter() - begin
    _check(done, count)
    return seconds


def _check(done: int, count: int) -> None:
    if done != count:
        raise ValueError(f"{done} of {count} tasks are accounted for")


if __name__ == "__main__":
    main()
