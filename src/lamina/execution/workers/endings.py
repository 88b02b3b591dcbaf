"""Reports of attempts that are over, and what their folders say about them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.execution.runtimes.base import MAIN, Ended
from lamina.execution.workers import devices
from lamina.execution.workers.hands import PREFIX, Hand, Running
from lamina.workflow.masking import mask, mask_environment, mask_plain

_FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)
"""Signals by which a process ends itself: the code that it ran is at fault."""


def finished(job: Running, message: Mapping[str, Any], hand: Hand) -> Ended:
    """The report of a job whose worker has told how it ended."""
    status = message["status"]
    expansion = message.get("expansion")
    ended = Ended(
        job.assignment.ticket,
        time.monotonic(),
        status,
        outputs={n: Ref.from_json(ref) for n, ref in (message.get("outputs") or {}).items()},
        phases={name: (begin, end) for name, (begin, end) in message["phases"].items()},
        usage=message["usage"],
        exit=message.get("exit"),
        error=_error(job, message.get("error") or {}),
        expansion=expansion
        and (expansion[0], {n: Ref.from_json(ref) for n, ref in expansion[1].items()}),
        notices=[(what, text) for what, text in message.get("notices", ())],
    )
    return _kept(job, ended, bool(message.get("logged")), hand)


def ended(job: Running, message: Mapping[str, Any], hand: Hand) -> Ended:
    """The report of a job whose worker is no more; `message` is the zygote's about its end."""
    now = time.monotonic()
    status, error = _fate(job, message)
    usage = {}
    if message.get("cpu") is not None:
        usage = {"cpu": max(0.0, message["cpu"] - hand.cpu), "memory_peak": message["peak"]}
    notices = []
    if status in ("lost", "memory") and message["reason"] != "memory":
        notices = [("worker lost", error["cause"])]
    found = Ended(
        job.assignment.ticket,
        now,
        status,
        phases={"run": (job.began, now)} if job.began else {},
        usage=usage,
        exit=_code(message["status"]),
        error=_error(job, error),
        notices=notices,
    )
    return _kept(job, found, False, hand)


def _code(status: int) -> int | None:
    """Exit code, or minus the signal; None where there was no process."""
    if os.WIFSIGNALED(status):
        return -os.WTERMSIG(status)
    return os.WEXITSTATUS(status) or None


def _fate(job: Running, message: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Status and error of an attempt whose worker ended."""
    needs, reason = job.assignment.needs, message["reason"]
    if job.reason == "cancelled":
        return "cancelled", {"cause": "it was cancelled", "kind": "Cancelled"}
    if job.reason == "timeout":
        cause = f"ran longer than {needs.time:g} s"
        return "timeout", {"cause": cause, "way_out": "give it more time", "kind": "TimedOut"}
    if reason == "memory":
        told = "the kernel ended it: the machine has no memory left"
        if needs.memory is not None:
            told = f"held more memory than the {needs.memory:,} bytes that it may"
        return "memory", {"cause": told, "way_out": "give it more memory", "kind": "MemoryExceeded"}
    if reason == "mute":
        return "failed", {
            "cause": "it closed the worker's own connection, or wrote to it",
            "way_out": "let it close, and write to, only what it has opened itself",
            "kind": "Crashed",
        }
    if reason in ("zygote", "refused"):
        why = message.get("why", "")
        told = f"its worker was lost{f': {why}' if why else ''}"
        return "lost", {"cause": told, "way_out": "run it again", "kind": "WorkerLost"}
    return _own_fate(message["status"])


def _own_fate(status: int) -> tuple[str, dict[str, Any]]:
    """Status and error of an attempt whose worker ended without anybody of ours ending it."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        cause = f"its process was ended by signal {number} ({_name(number)})"
        if number in _FAULTS:
            return "failed", {
                "cause": cause,
                "way_out": "look at the libraries that it calls",
                "kind": "Crashed",
            }
        return "lost", {"cause": cause, "way_out": "run it again", "kind": "WorkerLost"}
    cause = f"its process ended itself with exit code {os.WEXITSTATUS(status)}"
    return "failed", {
        "cause": cause,
        "way_out": "let it return or raise; do not end the process",
        "kind": "Exited",
    }


def _name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return "a real-time signal"


def _error(job: Running, error: Mapping[str, Any]) -> dict[str, Any]:
    """The error with the attempt's last words, masked."""
    if not error:
        return {}
    found = dict(error)
    last = job.error.last() or job.out.last()
    if last:
        found["last"] = last
        if found.get("kind") == "CommandFailed":
            found["cause"] = f"{found['cause']}: {last[-1]}"
            found.setdefault("details", "\n".join(last))
    masked: dict[str, Any] = mask_plain(found, job.secrets)
    return masked


def _kept(job: Running, ended: Ended, logged: bool, hand: Hand) -> Ended:
    """The report, once the attempt's folder tells the same; no folder for what says nothing."""
    printed = job.out.used or job.error.used
    job.out.end()
    job.error.end()
    logged = logged or printed or ended.status not in ("succeeded", "cancelled")
    problems = [problem for problem in (job.out.problem, job.error.problem) if problem]
    if logged:
        problems += _write(job, ended, hand)
    if not logged and not problems:
        return ended
    notices = [*ended.notices, *(("log lost", problem) for problem in problems)]
    return Ended(**{**ended.__dict__, "logged": logged, "notices": notices})


def _write(job: Running, ended: Ended, hand: Hand) -> list[str]:
    """Writes meta.json, and for functions that failed what else a person wants to know."""
    given = job.assignment
    meta = {
        "run": given.run,
        "task": given.name,
        "attempt": given.attempt,
        "status": ended.status,
        "exit": ended.exit,
        "host": socket.gethostname(),
        "worker": hand.name,
        "pid": hand.pid,
        "does": given.task.action.summary(),
        "needs": given.needs.__dict__,
        "gpus": given.gpus,
        "phases": ended.phases,
        "usage": ended.usage,
        "error": ended.error,
    }
    prefix = PREFIX[given.part]
    told = {name: value for name, value in meta.items() if value not in (None, {}, (), "")}
    files = {f"{prefix}meta.json": json.dumps(mask_plain(told, job.secrets), indent=1, default=str)}
    again = given.folder / "run.sh"
    if given.part == MAIN and ended.status != "succeeded" and not again.exists():
        line = shlex.join(["lamina", "spin", given.name, "--inputs-from", given.run])
        files["command"] = mask(f"{given.task.action.summary()}\n# {line}\n", job.secrets)
        own = devices.environment(hand.key.threads, hand.key.gpus)
        seen = {n: value for n, value in {**os.environ, **own}.items() if value is not None}
        environment = mask_environment(seen, given.task.care.secrets)
        files["environment.json"] = json.dumps(environment, indent=1, sort_keys=True)
        files["run.sh"] = (
            f"#!/bin/sh\n# runs the task again on the inputs of this run\nexec {line}\n"
        )
    try:
        given.folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (given.folder / name).write_text(text)
        if "run.sh" in files:
            again.chmod(0o755)
    except OSError as error:
        return [f"{given.folder}: {error.strerror or error}"]
    return []
