"""Tasks that a function service runs: pods behind an address, as lanes of workflows know them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.errors import LaminaError
from lamina.execution.placing.children import await_ready
from lamina.execution.placing.pods import Limits, Pod, PodError
from lamina.execution.placing.settings import Secret
from lamina.execution.runtimes.base import Assignment
from lamina.workflow.actions.python import PythonAction

if TYPE_CHECKING:
    from lamina.workflow.ports import Port

CALL = "LAMINA_SERVICE"
"""Variable by which the worker of a task learns which pod does it."""
_PROXY = PythonAction("lamina.execution.placed.calling:call_pod")


@dataclass(frozen=True)
class Service:
    """Where a pod is that does tasks, and what it serves.

    A worker of this machine hands the task over and waits: its time limit, its cancelling, its
    record and its outputs are those of all tasks.

    Args:
        address: "http://host:port", or https.
        function: as `served.function_told` tells it; empty in a worker, which need not know.
        code: digest of its code here; a pod with other code is not asked.
        artifacts: folder of the store that values are taken from and go to.
        secret: where the token is to be found; None for none.
        limits: of waiting.
    """

    address: str
    function: str
    code: str
    artifacts: Path
    secret: Secret | None = None
    limits: Limits = field(default_factory=Limits)

    def pod(self) -> Pod:
        """A line to it."""
        return Pod(self.address, self.secret.read() if self.secret else "", self.limits)

    def look(self, over: threading.Event) -> None:
        """Returns once a pod answers that is ready: a platform may have to start one for that.

        Raises:
            LaminaError: none does in time, its function cannot be loaded, or nobody wants it more.
        """
        pod = self.pod()
        try:
            await_ready(pod, over, self.limits.start)
        except PodError as error:
            name = Path(self.function).name
            error.way_out = (
                f"see that `lamina serve-function {name}` runs there, or take the runtime out of "
                "the profile"
            )
            raise
        finally:
            pod.close()

    def assigned(self, given: Assignment) -> Assignment:
        """An assignment that hands the work to the pod."""
        task = given.task
        told = {
            **self.to_json(), "in": [_port(one) for one in task.inputs],
            "out": [_port(one) for one in task.outputs],
        }  # fmt: skip
        environment = (*given.environment, (CALL, json.dumps(told, sort_keys=True)))
        return replace(given, task=replace(task, action=_PROXY), environment=environment)

    def drop(self, run: str, name: str, attempt: int) -> None:
        """Tells the pod that nobody wants an attempt any more; waits for nothing."""

        def tell() -> None:
            with suppress(LaminaError):  # a token that is gone, say: its lease ends the work then
                self.pod().cancel(key_of(run, name, attempt))

        threading.Thread(target=tell, daemon=True).start()

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the variable; the token is no part of them."""
        return {
            "address": self.address, "code": self.code, "artifacts": str(self.artifacts),
            "secret": None if self.secret is None else asdict(self.secret),
            "limits": asdict(self.limits),
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Service:
        """The service of `to_json`, as far as a worker needs it."""
        secret = None if told["secret"] is None else Secret(**told["secret"])
        limits = Limits(**told["limits"])
        return cls(
            told["address"], "", told["code"], Path(told["artifacts"]), secret, limits
        )  # fmt: skip


def key_of(run: str, name: str, attempt: int) -> str:
    """What a pod knows an attempt by."""
    return sha256(f"{run} {name} {attempt}".encode()).hexdigest()[:32]


def _port(port: Port) -> list[Any]:
    return [port.name, str(port.type), port.optional]
