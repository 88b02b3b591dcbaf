"""Training with taps as a task: what layers give leaves through a stream while it trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Annotated, Any, NamedTuple

from lamina.data.tables import Table
from lamina.errors import SettingsError
from lamina.nets.bundle import Bundle
from lamina.nets.network import Network
from lamina.training import progress as events
from lamina.training.in_runs import in_run
from lamina.training.result import TrainingResult, bundle
from lamina.training.settings import Settings
from lamina.training.tap_log import Look, TapLog
from lamina.training.taps import Tap, Tapped
from lamina.training.trainer import train
from lamina.workflow.telling import current


class TappedTraining(NamedTuple):
    """The model, what the taps saw (by epoch, then layer, then training), and the metrics."""

    model: Bundle
    tapped: Annotated[list[Tapped], "stream[any]"]
    metrics: Annotated[list[dict[str, Any]], "stream[json]"]


def train_tapped(
    network: Network,
    table: Table,
    target: str,
    taps: list[dict[str, Any]],
    settings: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
) -> TappedTraining:
    """Trains a network and hands on what some of its layers give on the way.

    In a run, `tapped` and `metrics` are streams: a task that reads them runs meanwhile.

    Args:
        network, table, target, settings: as `lamina.training.tasks.train`.
        taps: for each a mapping: `layer`, and if wanted `every` (epochs between two looks, 100;
            the last epoch is looked at, too), `part` (rows to look at: "train", "validation" or
            "test"), `limit` (at most so many rows, 256).
        options: as those of `train`, and `plan`.

    Returns:
        The model; one `lamina.training.taps.Tapped` for each look, layer and training; and for
        each epoch {"group", "epoch", "loss"} (mean over its trainings) with "validation" where
        there are such rows.

    Raises:
        SettingsError: no such layer, or a tap that does not hold.
        LaminaError: as `train`.
    """
    known = tuple(f.name for f in fields(Tap) if f.name != "function")
    mistakes = [
        f"tap {number}: {problem}"
        for number, tap in enumerate(taps)
        for problem in _unfit(tap, known)
    ]
    if mistakes:
        raise SettingsError("taps cannot be read", mistakes, f"a tap has: {', '.join(known)}")
    given = {"refit": True, **(options or {})}
    plan = given.pop("plan", "holdout")
    chosen = Settings.from_document(settings or {})
    with _Streams() as streams:
        own = [
            Tap(function=partial(streams.look, number), **tap) for number, tap in enumerate(taps)
        ]

        def go(**watched: Any) -> TrainingResult:
            return train(network, table, target, chosen, plan, **{**watched, **given, "taps": own})

        model = bundle(in_run(go, given, chosen.seed, streams.hear))
    return TappedTraining(model, streams.tapped, streams.metrics)


class _Streams:
    """Where looks and metrics go: streams in a run, lists elsewhere; each goes there once."""

    def __init__(self) -> None:
        self.tapped: list[Tapped] = []
        self.metrics: list[dict[str, Any]] = []
        attempt = current()
        self._put_look: Callable[[Any], None] = self.tapped.append
        self._put_metrics: Callable[[Any], None] = self.metrics.append
        if attempt is not None:
            self._put_look = attempt.outlet("tapped") or self._put_look
            self._put_metrics = attempt.outlet("metrics") or self._put_metrics
        number = attempt.number if attempt else 0
        self._log = TapLog(attempt.scratch() / "taps" if attempt else None, number)
        self._given: set[tuple[Any, ...]] = set()
        self._group = 0
        self._epochs: dict[int, int] = {}

    def __enter__(self) -> _Streams:
        return self

    def __exit__(self, *error: object) -> None:
        self._log.close()

    def look(self, tap: int, seen: Tapped) -> None:
        """Takes what a tap gives."""
        self._hand_on(Look(self._group, tap, seen))

    def hear(self, event: events.Event) -> None:
        """Takes the training's events."""
        if isinstance(event, events.Started):
            self._group = event.group
        elif isinstance(event, events.Resumed):
            for look in self._log.before(event.group, event.epoch):
                self._hand_on(look)
        elif isinstance(event, events.Epochs):
            self._costs(event)

    def _hand_on(self, look: Look) -> None:
        if look.key not in self._given:  # a training that starts again looks twice
            self._given.add(look.key)
            self._log.add(look)
            self._put_look(look.seen)

    def _costs(self, event: events.Epochs) -> None:
        done = self._epochs.get(event.group, 0)
        for place, loss in enumerate(event.losses):
            epoch = event.first + place
            if epoch > done:
                found: dict[str, Any] = {"group": event.group, "epoch": epoch, "loss": loss}
                if event.validations is not None:
                    found["validation"] = event.validations[place]
                self._put_metrics(found)
        self._epochs[event.group] = max(done, event.first + len(event.losses) - 1)


def _unfit(tap: dict[str, Any], known: tuple[str, ...]) -> list[str]:
    found = [f"unknown {name!r}" for name in tap if name not in known]
    found += [] if isinstance(tap.get("layer"), str) else ["names no layer"]
    found += [
        f"{name} = {tap[name]!r} is no whole number"
        for name in ("every", "limit")
        if not isinstance(tap.get(name, 1), int)
    ]
    return found
