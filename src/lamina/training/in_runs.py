"""Training as a task of a run: every epoch is told, and attempts go on from checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lamina.errors import CheckpointError
from lamina.training import progress as events
from lamina.training.checkpoint import recorded
from lamina.training.result import TrainingResult
from lamina.workflow.telling import Attempt, current

EVERY = 5.0
"""Seconds between the checkpoints of a training in a run; a shorter one leaves none."""

_PIECE = 500
"""Epochs that are told at once at most, so that nothing is left out on the way."""

Listener = Callable[[events.Event], None]


def in_run(
    go: Callable[..., TrainingResult],
    given: Mapping[str, Any],
    seed: int,
    listener: Listener | None = None,
) -> TrainingResult:
    """Trains with what the run around it asks for; plainly where there is no run.

    Checkpoints that are of no use (none is whole, or they belong to a training with other data or
    settings, before a change) are told, put aside, and the training starts again.

    Args:
        go: trains, with further options by name.
        given: options that the user chose; they count more than those of the run.
        seed: of the settings, which the record is told: nobody may have named it.
        listener: takes the events, too.

    Raises:
        LaminaError: as `lamina.training.trainer.train`.
    """
    attempt = current()
    if attempt is None:
        return go(**({} if listener is None else {"progress": listener}))
    attempt.tell({"seed": seed})
    teller = Teller(attempt, listener)
    threads = {} if given.get("threads") else {"threads": attempt.threads}
    if given.get("checkpoint") is not None:
        return go(progress=teller, **threads)
    folder = attempt.scratch() / "checkpoints"
    try:
        return go(progress=teller, **_watched(folder, threads))
    except CheckpointError as error:
        if not folder.is_dir():
            raise
        attempt.tell({"warning": f"{error.message}; the training starts again"})
        shutil.rmtree(folder)
        return go(progress=teller, **_watched(folder, threads))


def _watched(folder: Path, threads: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a training that can be taken up again, with the threads that it had before."""
    owner = recorded(folder)
    if threads and owner is not None and owner.threads:
        threads = {"threads": owner.threads}
    return {
        "checkpoint": folder,
        "every_seconds": EVERY,
        "brief": True,
        "resume": True,
        **threads,
    }


class Teller(events.Progress):
    """Tells the run what every epoch cost, and what else happens.

    Args:
        attempt: that trains.
        listener: takes the events, too.
    """

    interval = 0.2

    def __init__(self, attempt: Attempt, listener: Listener | None = None) -> None:
        self._attempt = attempt
        self._listener = listener
        self._groups = 1

    def __call__(self, event: events.Event) -> None:
        """Takes an event."""
        if self._listener is not None:
            self._listener(event)
        if isinstance(event, events.Started):
            self._groups = event.groups
            about = {"engine": event.engine, "device": event.device, "trainings": event.members}
            self._attempt.tell({"epochs": event.epochs, "groups": event.groups, **about})
        elif isinstance(event, events.Epochs):
            self._costs(event)
        elif isinstance(event, events.Resumed):
            self._attempt.tell({"resumed": event.epoch})
        elif isinstance(event, events.Checkpointed):
            self._attempt.tell({"checkpoint": event.epoch})
        elif isinstance(event, (events.Warned, events.Stopped, events.Diverged)):
            self._attempt.tell({"warning": events.line(event)})

    def close(self) -> None:
        """Nothing to end."""

    def _costs(self, event: events.Epochs) -> None:
        for start in range(0, len(event.losses), _PIECE):
            losses = event.losses[start : start + _PIECE]
            first = event.first + start
            told: dict[str, Any] = {
                "epoch": list(range(first, first + len(losses))),
                "loss": _short(losses),
            }
            if event.validations is not None:
                told["validation"] = _short(event.validations[start : start + _PIECE])
            if event.seconds is not None:
                told["seconds"] = [float(f"{event.seconds:.4g}")] * len(losses)
            if self._groups > 1:
                told["group"] = [event.group] * len(losses)
            self._attempt.tell(told)


def _short(losses: Sequence[float]) -> list[float]:
    """Nine digits: what a float32 holds; records keep every epoch of every training."""
    return [float(f"{loss:.9g}") for loss in losses]
