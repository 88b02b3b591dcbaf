"""A log told again to a dispatcher: what was learnt by then, and what another would have done."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from lamina.errors import DataError, UsageError
from lamina.estimates.stages import Load
from lamina.planning.placement.dispatcher import Dispatcher, Surroundings
from lamina.planning.placement.health import Rules
from lamina.planning.placement.learning import fresh
from lamina.planning.placement.ledger import Decision, Outcome, Usage
from lamina.planning.placement.log import Begun, Entry
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.view import View
from lamina.planning.placement.words import Choice, Job, Notice

_WAY_OUT = "give the log that `lamina place run` wrote"


class Retold(Policy):
    """Says again what a log says was decided, and asks another policy what it would have done.

    Args:
        decisions: of the log, in their order.
        other: who is asked when a job comes; its predictors are told what happened.
        heard: takes what the other would have done, with the job and the view that both had.
    """

    name: ClassVar[str] = "retold"
    about: ClassVar[str] = "what a log says was decided"

    def __init__(
        self,
        decisions: Iterable[Decision],
        other: Policy,
        heard: Callable[[Job, View, Choice], None] | None = None,
    ) -> None:
        self._left = deque(decisions)
        self._other = other
        self._heard = heard

    def decide(self, job: Job, view: View) -> Choice:
        """What was decided."""
        if self._heard is not None and job.ready <= view.now and not view.attempts:
            self._heard(job, view, self._other.decide(job, view))
        return self._next(job.name)

    def on_event(self, event: Notice, view: View) -> Choice:
        """What was decided."""
        return self._next(view.job.name)

    def _next(self, job: str) -> Choice:
        if not self._left or self._left[0].job != job:
            what = f"about {self._left[0].job!r}" if self._left else "no more"
            raise DataError(
                f"the log does not fit itself: a decision about {job!r} is due, and it has {what}",
                _WAY_OUT,
            )
        return self._left.popleft().choice


@dataclass(frozen=True)
class Told:
    """A log in its parts.

    Args:
        begun: what the run began with.
        events: (seconds, event) in their order.
        decisions: in their order.
        usages: of attempts.
        outcomes: job -> how it ended.
    """

    begun: Begun
    events: Sequence[Entry]
    decisions: Sequence[Decision]
    usages: Sequence[Usage] = ()
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def end(self) -> float:
        """Seconds at which the last thing happened."""
        return max((one.at for one in self.events), default=0.0)


def told(entries: Sequence[Entry], name: str) -> Told:
    """The parts of a log.

    Raises:
        DataError: it does not say how the run began.
    """
    begun = [one.what for one in entries if isinstance(one.what, Begun)]
    if not begun:
        raise DataError(f"log {name!r} does not say how its run began", _WAY_OUT)
    outside = (Begun, Decision, Usage, Outcome)
    return Told(
        begun[0],
        [one for one in entries if not isinstance(one.what, outside)],
        [one.what for one in entries if isinstance(one.what, Decision)],
        [one.what for one in entries if isinstance(one.what, Usage)],
        {one.what.job.name: one.what for one in entries if isinstance(one.what, Outcome)},
    )


def retold(
    log: Told,
    other: Policy,
    heard: Callable[[Job, View, Choice], None] | None = None,
    before: Callable[[Entry, Dispatcher], None] | None = None,
) -> Dispatcher:
    """Tells a dispatcher all that a log says; it has then learnt what was to be learnt.

    Args:
        log: of a run.
        other: whose predictors learn.
        heard: see `Retold`.
        before: takes each event before it is told, with the dispatcher as it is then.

    Raises:
        DataError: the log does not fit itself.
    """
    runtimes = {one.name: one for one in log.begun.runtimes}
    estimates = fresh(other, runtimes)
    for name, rows in log.begun.known.items():
        for stage, size, seconds in rows:
            if name in estimates and stage in estimates[name].stages:
                estimates[name].update(stage, Load(size, size, size), seconds)
    around = Surroundings(
        np.random.default_rng(log.begun.seed), lambda job: {}, rules=_rules(log.begun)
    )
    policy = Retold(log.decisions, other, heard)
    dispatcher = Dispatcher(runtimes, policy, estimates, around)
    dispatcher.begin(0.0)
    for entry in log.events:
        if before is not None:
            before(entry, dispatcher)
        try:
            dispatcher.handle(entry.what, entry.at)  # type: ignore[arg-type]
        except UsageError as error:
            raise DataError(f"the log does not fit itself: {error.message}", _WAY_OUT) from error
    return dispatcher


def _rules(begun: Begun) -> Rules:
    known: dict[str, Any] = {}
    for one in fields(Rules):
        if one.name in begun.rules:
            kind = int if isinstance(one.default, int) else float
            known[one.name] = kind(begun.rules[one.name])
    return Rules(**known)
