"""What a site is: it has pods of one runtime, brings data to them, and takes them back."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from lamina.execution.placing.items import Item
from lamina.execution.placing.pods import Limits, Pod
from lamina.execution.placing.settings import Kind
from lamina.execution.placing.uploads import Uploads
from lamina.planning.placement.words import Job, Runtime


@dataclass(frozen=True)
class Errand:
    """What a pod is wanted for.

    Args:
        job: the job; for a probe, one of its own that has no items here.
        tries: how often its deployment was begun.
        at: when, on the clock of the placing run.
        items: of the job.
        over: is set once nobody wants it any more.
    """

    job: Job
    tries: int
    at: float
    items: Sequence[Item]
    over: threading.Event


@dataclass
class Lease:
    """A pod that was handed out.

    Args:
        pod: to be asked.
        arguments: of the function, in the place of the job's; None for those.
        began: is called when the first chunk is handed to it.
        lag: items -> seconds of the run's clock until their results are back, beyond what the
            answers of the pod took.
        token: what the site knows it by.
    """

    pod: Pod
    arguments: Mapping[str, Any] | None = None
    began: Callable[[], None] = lambda: None
    lag: Callable[[int], float] = lambda items: 0.0
    token: Any = None


@dataclass(frozen=True)
class Setting:
    """Everything that a site is made with.

    Args:
        runtime: what placing knows of it.
        settings: of its kind, from the profile.
        function: that its pods serve.
        folder: where pods run: modules are imported from there.
        logs: folder for what pods print.
        storage: address under which data is kept for it; empty where it reads files as they are.
        scale: seconds of the run's clock in a second of this machine.
        limits: of waiting, in seconds of this machine.
        uploads: of the run: its sites share them, and two that read from one storage upload once.
    """

    runtime: Runtime
    settings: Mapping[str, Any]
    function: str
    folder: Path
    logs: Path
    storage: str = ""
    scale: float = 1.0
    limits: Limits = field(default_factory=Limits)
    uploads: Uploads = field(default_factory=Uploads)


class Site(ABC):
    """Pods of one runtime. Its methods are called by many threads, and give up soon once an
    errand is over; they raise `LaminaError` where something cannot be had."""

    settings: ClassVar[Mapping[str, Kind]] = {}
    """Of its kind, as they may stand in a profile, and how each is read."""
    required: ClassVar[tuple[str, ...]] = ()
    """Those of them that have to be there."""

    def __init__(self, how: Setting) -> None:
        self._how = how

    @abstractmethod
    def upload(self, errand: Errand) -> float | None:
        """Brings the data of a job near; the seconds that this took on the run's clock, whoever
        waited for it, as if all bytes had travelled; None where nothing did."""

    @abstractmethod
    def deploy(self, errand: Errand) -> Lease:
        """A pod that is up; its function is loaded."""

    @abstractmethod
    def release(self, lease: Lease, well: bool) -> None:
        """Takes a pod back; `well` says whether it answered to the end."""

    @abstractmethod
    def describe(self) -> Mapping[str, Any]:
        """What it is, for people and records; no secrets."""

    @abstractmethod
    def close(self) -> None:
        """Ends everything that it started."""


@dataclass(frozen=True)
class Place:
    """A runtime with its site.

    Args:
        runtime: what placing knows of it.
        site: where its pods are.
        storage: where its data is kept; empty where it reads files as they are.
    """

    runtime: Runtime
    site: Site
    storage: str = ""
