"""A task of a workflow, done in a pod: as a worker does it, in a store of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import LaminaError, UsageError
from lamina.execution.failures import told
from lamina.execution.placing.parcels import packed, unpacked
from lamina.execution.placing.served import code_of
from lamina.execution.runtimes.base import MAIN
from lamina.execution.workers.jobs import Desk

Tell = Callable[[Mapping[str, Any]], None]


def do_task(function: str, order: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Does a task; never raises a mistake of the user's. What came of it, as plain data.

    Args:
        function: that the pod serves, relative to the current folder.
        order: "code" that the task means, "in" and "out" as [name, type, optional], "parcel" of
            its inputs, "run", "name", "attempt", "threads", "store": a folder for what is made.
        tell: takes live metrics.
    """
    with TemporaryDirectory(dir=order["store"], ignore_cleanup_errors=True) as folder:
        try:
            return _done(function, order, tell, Path(folder))
        except LaminaError as error:
            return {"status": "refused", "error": told(error)}


def _done(function: str, order: Mapping[str, Any], tell: Tell, folder: Path) -> dict[str, Any]:
    here = code_of(function, None)
    if here != order["code"]:
        raise UsageError(
            f"the pod's {function} is other code than the task's ({here[:8]}, not "
            f"{order['code'][:8]})",
            "bring the pod's files up to date and start it again",
        )
    store = folder / "artifacts"
    refs = unpacked(Artifacts(store), order["parcel"])
    desk = Desk(store)
    desk.begin(lambda message: tell(message["told"]), lambda file: None)
    recipe = {
        "in": order["in"], "out": order["out"], "folder": str(Path.cwd()),
        "action": {"do": "python", "function": function},
    }  # fmt: skip
    try:
        found = desk.do({
            "task": 1, "recipe": recipe, "part": MAIN, "run": order["run"],
            "name": order["name"], "attempt": order["attempt"], "threads": order["threads"],
            "inputs": {name: ref.to_json() for name, ref in refs.items()},
            "folder": str(folder / "attempt"), "scratch": str(folder / "scratch"),
        })  # fmt: skip
    finally:
        desk.close()
    answer = {"status": found["status"], "error": found.get("error", {}), "host": _host()}
    if "expansion" in found:
        raise UsageError(
            "it decided on further tasks, which a pod cannot do",
            "keep it on other runtimes by labels",
        )
    if found["status"] == "succeeded":
        outputs = {name: Ref.from_json(one) for name, one in found.get("outputs", {}).items()}
        answer["parcel"] = packed(Artifacts(store), outputs)
    return answer


def _host() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"
