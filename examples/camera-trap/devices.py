"""One queue of items, and a process for each device that takes the next one when it is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread
from typing import Any


class Devices:
    """Processes that read an item per line and answer with a line of JSON.

    A process that ends is not missed: the item that it had goes back to the others.

    Args:
        program: a Python file and its arguments; it calls `serve`.
        devices: ids as CUDA_VISIBLE_DEVICES has them; "cpu:0" sees no device.
    """

    def __init__(self, program: Sequence[str], devices: Sequence[str]) -> None:
        self._processes = {name: _started(program, name) for name in devices}
        self._ready = False

    def ready(self) -> None:
        """Waits until all have begun; those that do not are left out. Raises RuntimeError."""
        if not self._ready:
            for name, process in list(self._processes.items()):
                if _line(process) is None:
                    self._lose(name)
            self._ready = True
        if not self._processes:
            raise RuntimeError("no device has a process that works")

    def map(self, items: Sequence[str]) -> list[dict[str, Any]]:
        """An answer for each item, in their order; "device" in it says who gave it.

        Raises:
            RuntimeError: an item makes the function fail, or no process is left.
        """
        self.ready()
        waiting: Queue[int] = Queue()
        for place in range(len(items)):
            waiting.put(place)
        answers: dict[int, dict[str, Any]] = {}
        while len(answers) < len(items):
            self.ready()
            lost: list[str] = []
            threads = [
                Thread(target=self._work, args=(name, items, waiting, answers, lost))
                for name in self._processes
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for name in lost:
                self._lose(name)
        failed = [answer["error"] for answer in answers.values() if "error" in answer]
        if failed:
            raise RuntimeError(failed[0])
        return [answers[place] for place in range(len(items))]

    def close(self) -> None:
        """Ends all processes."""
        for name in list(self._processes):
            self._lose(name)

    def _work(
        self,
        name: str,
        items: Sequence[str],
        waiting: Queue[int],
        answers: dict[int, dict[str, Any]],
        lost: list[str],
    ) -> None:
        while True:
            try:
                place = waiting.get_nowait()
            except Empty:
                return
            answer = _asked(self._processes[name], items[place])
            if answer is None:
                waiting.put(place)
                lost.append(name)
                return
            answers[place] = {**answer, "device": name}

    def _lose(self, name: str) -> None:
        process = self._processes.pop(name)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def serve(answer: Callable[[str], dict[str, Any]]) -> None:
    """The other side: says that it is ready, then answers lines until there are no more."""
    lines, sys.stdout = sys.stdout, sys.stderr  # what the function prints is no answer
    print("ready", file=lines, flush=True)
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except Exception as error:
            told = {"error": f"{line.strip()}: {type(error).__name__}: {error}"}
        print(json.dumps(told), file=lines, flush=True)


def _started(program: Sequence[str], device: str) -> subprocess.Popen[str]:
    seen = "" if device.startswith("cpu") else device
    return subprocess.Popen(
        [sys.executable, *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": seen, "OMP_NUM_THREADS": "1"},
    )


def _asked(process: subprocess.Popen[str], item: str) -> dict[str, Any] | None:
    """The answer; None where nobody is there to give it."""
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(item) + "\n")
        process.stdin.flush()
    except OSError:
        return None
    line = _line(process)
    if line is None:
        return None
    found: dict[str, Any] = json.loads(line)
    return found


def _line(process: subprocess.Popen[str]) -> str | None:
    assert process.stdout is not None
    return process.stdout.readline() or None
