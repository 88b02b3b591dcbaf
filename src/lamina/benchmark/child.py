"""A measuring process: reads a job on standard input, answers with one JSON line per task."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

from lamina.benchmark.jobs import Job, Task


def main() -> None:
    """Binds the process to its cores, then measures task by task."""
    answers, asked = asked_for()
    job = Job.from_json(asked)
    bind(job.threads)
    measure: Callable[[Task], dict[str, Any]] | None = None
    for task in job.tasks:
        try:
            measure = measure or _bench(job)
            line = json.dumps({"values": measure(task)})
        except Exception as error:
            line = json.dumps({"failure": f"{type(error).__name__}: {error}"})
        answers.write(line + "\n")
        answers.flush()


def asked_for() -> tuple[TextIO, str]:
    """Where this process's answers go, and the line that it was asked with.

    Standard output belongs to the answers; whatever a library prints goes to standard error.
    When the asking process is gone, standard input ends, and so does this process.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    line = sys.stdin.readline()
    threading.Thread(target=_end_with_parent, args=(sys.stdin,), daemon=True).start()
    return answers, line


def bind(threads: int) -> None:
    """Binds this process to its last `threads` cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def _bench(job: Job) -> Callable[[Task], dict[str, Any]]:
    # Imported late: numerical libraries count cores when they are loaded.
    from lamina.benchmark.measure import bench

    return bench(job)


def _end_with_parent(lines: TextIO) -> None:
    lines.read()
    os._exit(1)


if __name__ == "__main__":
    main()
