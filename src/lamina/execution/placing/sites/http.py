"""Http: pods stand behind an address that somebody else keeps: Knative, OpenFaaS, another host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lamina.data.staging.address import shown
from lamina.execution.placing.children import await_ready
from lamina.execution.placing.pods import Pod
from lamina.execution.placing.settings import Kind, secret, text, url
from lamina.execution.placing.site import Errand, Lease, Setting, Site
from lamina.execution.placing.sites.local import upload


class Http(Site):
    """A function service; how it gets its pods, and how many, is its own affair.

    Args:
        how: see `Setting`.
    """

    settings: ClassVar[Mapping[str, Kind]] = {
        "address": url, "token": secret, "function": text, "image": text, "namespace": text,
        "gateway": url,
    }  # fmt: skip
    required: ClassVar[tuple[str, ...]] = ("address",)

    def __init__(self, how: Setting) -> None:
        super().__init__(how)
        self._token = how.settings["token"].read() if "token" in how.settings else ""

    def upload(self, errand: Errand) -> float | None:
        """Sends files to the storage of the runtime."""
        return upload(self._how, errand)

    def deploy(self, errand: Errand) -> Lease:
        """Asks until a pod answers that is ready: the platform starts one for that."""
        limits = self._how.limits
        pod = Pod(self._how.settings["address"], self._token, limits)
        await_ready(pod, errand.over, limits.start)
        return Lease(pod)

    def release(self, lease: Lease, well: bool) -> None:
        """Closes the connection: what was asked for is cancelled by its key, or by its lease."""
        lease.pod.close()

    def describe(self) -> Mapping[str, Any]:
        """Where it is; the token is no part of it."""
        return {
            "kind": "http", "address": shown(self._how.settings["address"]),
            "storage": self._how.storage, "token": bool(self._token),
        }  # fmt: skip

    def close(self) -> None:
        """Nothing is its own."""
