"""Measuring processes as their owner sees them: equal threads, time limits, and a sure end."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import IO

from lamina.benchmark.jobs import Answer, Job

LIMIT_SECONDS = 3600.0
"""A measurement that takes longer is given up."""

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class Clock:
    """How long a measurement may take: a limit for each, and for all of them together.

    Args:
        limit: seconds for one measurement.
        total: seconds for all, counted from now; None for no such bound.
    """

    def __init__(self, limit: float = LIMIT_SECONDS, total: float | None = None) -> None:
        self._limit = limit
        self._end = None if total is None else time.monotonic() + total

    def left(self) -> float:
        """Seconds that the next measurement may take; zero when nothing is left."""
        if self._end is None:
            return self._limit
        return max(0.0, min(self._limit, self._end - time.monotonic()))

    def reason(self, waited: float) -> str:
        """Why a measurement was given up."""
        if self._end is not None and time.monotonic() >= self._end:
            return "not measured: the time for the whole benchmark was used up"
        return f"given up after {waited:.0f} s"


def ask(job: Job, clock: Clock) -> Generator[Answer, None, None]:
    """Runs a job in processes of their own and yields one answer per task, in order.

    A task that takes too long ends its process; the tasks after it get a new one. Leaving
    the loop in any way (Ctrl-C too) ends the process with all that it has started.
    """
    rest = list(job.tasks)
    while rest:
        asked = Job(job.kind, job.name, job.threads, tuple(rest), job.device)
        for answer in _ask_once(asked, job, clock):
            rest.pop(0)
            yield answer


def environment(threads: int) -> dict[str, str]:
    """The environment of a measuring process: this one's, with all thread counts set."""
    variables = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
    eigen = "true" if threads > 1 else "false"
    flags = f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={threads}"
    variables["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    variables["NPROC"] = str(threads)
    variables["JAX_PLATFORMS"] = "cpu"
    return variables


def _ask_once(asked: Job, job: Job, clock: Clock) -> Generator[Answer, None, None]:
    """One process; it ends with the first task that takes too long or kills it."""
    if clock.left() <= 0:
        yield from (Answer(job, task, failure=clock.reason(0.0)) for task in asked.tasks)
        return
    command = [sys.executable, "-m", "lamina.benchmark.child"]
    variables = environment(job.threads)
    with (
        tempfile.TemporaryFile() as errors,
        process(command, asked.to_json(), variables, errors) as lines,
    ):
        for task in asked.tasks:
            waited = clock.left()
            try:
                line = lines.get(timeout=waited)
            except queue.Empty:
                yield Answer(job, task, failure=clock.reason(waited))
                return
            if not line:
                yield Answer(job, task, failure=f"the process died: {tail(errors)}")
                return
            plain = json.loads(line)
            yield Answer(job, task, plain.get("values", {}), plain.get("failure", ""))


@contextlib.contextmanager
def process(
    command: Sequence[str], request: str, variables: Mapping[str, str], errors: IO[bytes]
) -> Iterator[queue.Queue[str]]:
    """A measuring process; gives its lines, and an empty one at its end.

    Args:
        command: argument list.
        request: a line that it reads first; its standard input stays open while it is wanted.
        variables: its environment.
        errors: takes its standard error.
    """
    child = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=dict(variables),
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    lines: queue.Queue[str] = queue.Queue()
    try:
        assert child.stdin is not None and child.stdout is not None
        reader = threading.Thread(target=_read, args=(child.stdout, lines), daemon=True)
        reader.start()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(request + "\n")
            child.stdin.flush()
        yield lines
    finally:
        end(child)


def _read(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process and its group: asks it, and after half a second makes it."""
    for sign in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, sign)
            else:
                process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
            break
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def tail(errors: IO[bytes]) -> str:
    """The last line of what a process said on standard error."""
    errors.seek(0)
    text = errors.read().decode("utf-8", "replace").strip()
    return text.splitlines()[-1] if text else "it said nothing"
