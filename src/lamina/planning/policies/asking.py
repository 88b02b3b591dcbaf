"""What policies have in common that ask several runtimes for a job and decide as these come up."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from lamina.planning.placement.view import View
from lamina.planning.placement.words import (
    Action,
    Cancel,
    Choice,
    Failed,
    Job,
    Notice,
    Ready,
    Request,
    Start,
    Tick,
    Up,
    Wait,
)
from lamina.planning.policies.naming import Naming
from lamina.planning.policies.together import Hand, Pick, Way, at_best, hands, pick

LATE = 1.5
"""Times what was expected, after which a job is late and is looked at once more."""
STALE = 3600.0
"""Seconds after which what is known of the deployment of a runtime may be over: the load of a
cloud changes by the hour. It is asked for then where it could help if it came up early; that
costs less than a probe, and tells as much."""
LEAST_LATE = 10.0
"""Seconds that it is at least late by then."""


class Asking(Naming):
    """What stands ready begins at once, others are asked for where they may help, and each is
    kept or given back when it is up, and once more when it is ready.

    Until it is up a runtime costs nothing: that is why more are asked for than will be used.

    Args:
        helpers: names of runtimes that may help; all that do not stand ready if there is none.
    """

    @abstractmethod
    def way(self, job: Job) -> Way:
        """How runtimes work on the job together."""

    @abstractmethod
    def shares(self, job: Job) -> bool:
        """Whether a runtime that is started takes items that nobody took."""

    def decide(self, job: Job, view: View) -> Choice:
        """Requests what stands ready, and who may help."""
        names = self._open(view)
        if not names:
            return Choice(why="no runtime can be reached")
        return self._request(view, names)

    def on_event(self, event: Notice, view: View) -> Choice:
        """Starts, keeps or gives back; asks for more when one failed or the job is late."""
        match event:
            case Ready(runtime) if view.runtimes[runtime].standby or self._only(runtime, view):
                return Choice((self._start(runtime, view),), f"{runtime} is ready")
            case Up(runtime) | Ready(runtime):
                return self._keep(runtime, isinstance(event, Ready), view)
            case Failed() | Tick():
                return self._request(view, [n for n in self._open(view) if n not in view.attempts])

    def _open(self, view: View) -> list[str]:
        return [
            name
            for name in view.usable
            if view.runtimes[name].standby or not self.helpers or name in self.helpers
        ]

    def _only(self, runtime: str, view: View) -> bool:
        return set(view.attempts) == {runtime}

    def _start(self, runtime: str, view: View) -> Start:
        return Start(runtime, self.shares(view.job))

    def _request(self, view: View, names: list[str]) -> Choice:
        """Requests of some runtimes those that may help besides what is there already."""
        if not names:
            return Choice()
        known = hands(view, [*view.attempts, *names])
        blind = [name for name in names if name not in known]
        given = [
            hand
            for name, hand in known.items()
            if name in view.attempts or (view.runtimes[name].standby and not hand.dear)
        ]
        others = {name: known[name] for name in known if known[name] not in given}
        found = pick(given, others, float(view.left), self.way(view.job))
        wanted = [*found.chosen, *found.worth_asking()]
        stale = _stale(view, {n: hand for n, hand in others.items() if n not in wanted})
        if stale:
            again = [known[n] for n in found.chosen]
            hopeful = pick(again, stale, float(view.left), self.way(view.job))
            wanted += [n for n in stale if n in hopeful.chosen or n in hopeful.worth_asking()]
        asked = [n for n in wanted if n not in view.attempts]
        asked.sort(key=lambda name: not view.runtimes[name].standby)
        actions: list[Action] = [Request(name) for name in (*asked, *blind)]
        if set(names) - set(asked) - set(blind):
            actions.append(Wait(max(LATE * found.over, found.over + LEAST_LATE)))
        return Choice(tuple(actions), _why(found, blind))

    def _keep(self, runtime: str, ready: bool, view: View) -> Choice:
        """Whether a runtime that came up helps on; whoever is still to come may not any more."""
        known = hands(view, view.attempts)
        if runtime not in known:
            return Choice((self._start(runtime, view),) if ready else (), "to see how it does")
        given, others = [], {}
        for name, hand in known.items():
            if view.runtimes[name].standby or view.attempts[name].state == "running":
                given.append(hand)
            else:
                others[name] = hand
        found = pick(given, others, float(view.left), self.way(view.job))
        kept = {*found.chosen, *found.worth_asking(), *_stale(view, others)}
        actions: list[Action] = [
            Cancel(name)
            for name in others
            if name not in (kept if view.attempts[name].deployed is None else found.chosen)
        ]
        if ready and runtime in found.chosen:
            actions.append(self._start(runtime, view))
            if not self.shares(view.job):
                actions += [Cancel(name) for name in _hopeless(known[runtime], given, view.left)]
        return Choice(tuple(actions), _why(found, []))


def _hopeless(winner: Hand, others: Sequence[Hand], left: float) -> list[str]:
    """Who loses the race whatever happens: its place is for jobs that wait there."""
    last = float(winner.alone(left).max())
    return [hand.runtime for hand in others if float(hand.alone(left).min()) > last]


def _stale(view: View, others: Mapping[str, Hand]) -> dict[str, Hand]:
    """Those of which nothing was heard for long, as if they came up early."""
    return {n: at_best(hand) for n, hand in others.items() if view.unseen(n) > STALE}


def _why(found: Pick, blind: Sequence[str]) -> str:
    """One line."""
    parts = []
    if found.chosen:
        parts.append(f"{' and '.join(found.chosen)}: done in {found.over:.1f} s")
    if found.before < float("inf") and found.before > found.over:
        parts.append(f"else {found.before:.1f} s")
    maybe = found.worth_asking()
    if maybe:
        parts.append(f"{' and '.join(maybe)} may save {max(found.hopes.values()):.1f} s")
    if blind:
        parts.append(f"nothing is known yet of {' and '.join(blind)}")
    return "; ".join(parts)
