"""The training loop, in plain sight: advance, look, stop, keep."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import CheckpointError, DivergedError
from lamina.nets.initial import Weights
from lamina.training import progress
from lamina.training.checkpoint import Checkpoint, Folder
from lamina.training.engines.base import Session
from lamina.training.losses import gives_probabilities, row_losses
from lamina.training.program import Portion, Program
from lamina.training.taps import read_taps
from lamina.training.watch import Pace, Watch

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

NEVER = -1
"""An epoch that did not come."""


@dataclass(eq=False)
class Course:
    """How far a program has come: the loop's own state, stored in every checkpoint.

    Args:
        cost: training loss, (epochs, members); NaN where there is none.
        validation: validation loss, (epochs, members), or None without early stopping.
        active: members that still train.
        epoch: epochs done.
        seconds: of training, those before a resume included.
        diverged: epoch (from 1) at which a member's loss was no number any more, or NEVER.
        stopped: epoch after which a member stopped early, or NEVER.
        best_epoch, best_loss, best: of validation, per member; with early stopping only.
    """

    cost: Floats
    validation: Floats | None
    active: Bools
    epoch: int = 0
    seconds: float = 0.0
    diverged: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    stopped: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    best_epoch: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    best_loss: Floats = field(default_factory=lambda: np.empty(0))
    best: list[Weights] = field(default_factory=list)

    @classmethod
    def fresh(cls, program: Program) -> Course:
        """The course of a training that has not begun."""
        epochs, count = program.epochs, len(program.members)
        watched = program.members[0].settings.patience > 0
        return cls(
            cost=np.full((epochs, count), np.nan),
            validation=np.full((epochs, count), np.nan) if watched else None,
            active=np.ones(count, dtype=np.bool_),
            diverged=np.full(count, NEVER, dtype=np.int64),
            stopped=np.full(count, NEVER, dtype=np.int64),
            best_epoch=np.full(count, NEVER, dtype=np.int64),
            best_loss=np.full(count, np.inf),
            best=[{} for _ in range(count)] if watched else [],
        )

    def over(self, program: Program) -> bool:
        """Whether nothing is left to train."""
        return self.epoch >= program.epochs or not self.active.any()

    def loss(self, curve: Floats | None = None) -> float:
        """Mean loss of the last epoch over the members that took part in it."""
        if self.epoch == 0:
            return float("nan")
        last = (self.cost if curve is None else curve)[self.epoch - 1]
        known = last[np.isfinite(last)]
        return float(known.mean()) if len(known) else float("nan")

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as arrays, for a checkpoint."""
        arrays: dict[str, NDArray[Any]] = {"cost": self.cost[: self.epoch]}
        if self.validation is not None:
            arrays["validation"] = self.validation[: self.epoch]
        for name in _KEPT:
            arrays[name] = getattr(self, name)
        for number, weights in enumerate(self.best):
            arrays.update({f"best.{number}.{name}": a for name, a in weights.items()})
        return {f"course.{name}": array for name, array in arrays.items()}

    def take(self, checkpoint: Checkpoint) -> None:
        """Goes to where a checkpoint was written.

        Raises:
            CheckpointError: arrays are missing, or of another shape or kind.
        """
        own = _named(checkpoint, "course.")
        odd = self._misfits(own, checkpoint.epoch)
        if odd:
            raise CheckpointError(
                f"the checkpoint after epoch {checkpoint.epoch} does not fit: {', '.join(odd)}",
                "delete it, or start again without resuming",
            )
        self.epoch, self.seconds = checkpoint.epoch, checkpoint.seconds
        self.cost[: self.epoch] = own["cost"]
        if self.validation is not None:
            self.validation[: self.epoch] = own["validation"]
        for name in _KEPT:
            setattr(self, name, own[name].copy())
        for number in range(len(self.best)):
            start = f"best.{number}."
            self.best[number] = {
                name.removeprefix(start): array
                for name, array in own.items()
                if name.startswith(start)
            }

    def _misfits(self, own: Mapping[str, NDArray[Any]], epoch: int) -> list[str]:
        if not 0 < epoch <= len(self.cost):
            return [f"the training has {len(self.cost)} epochs"]
        wanted = {"cost": self.cost[:epoch], **{name: getattr(self, name) for name in _KEPT}}
        if self.validation is not None:
            wanted["validation"] = self.validation[:epoch]
        return [
            name
            for name, like in wanted.items()
            if name not in own or (own[name].shape, own[name].dtype) != (like.shape, like.dtype)
        ]


def _named(checkpoint: Checkpoint, start: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin so, by the rest of their names."""
    arrays = checkpoint.arrays.items()
    return {name.removeprefix(start): a for name, a in arrays if name.startswith(start)}


_KEPT = ("active", "diverged", "stopped", "best_epoch", "best_loss")


def run_loop(
    session: Session,
    program: Program,
    watch: Watch,
    folder: Folder | None = None,
    group: int = 0,
    spare: bool = False,
) -> Course:
    """Trains a program to its end.

    Args:
        session: the program on its device, at the first epoch.
        program: what it trains.
        watch: progress, checkpoints, taps.
        folder: where checkpoints go, if anywhere.
        group: number of the program in its plan.
        spare: a member may diverge and the others go on (a sweep, restarts).

    Raises:
        DivergedError: a loss is not a number, and no member is to spare.
        CheckpointError: resuming from checkpoints that are damaged or belong to another training.
    """
    course = Course.fresh(program)
    if watch.resume and folder is not None:
        _resume(session, course, watch, folder, group)
    pace = Pace(program, watch)
    while not course.over(program):
        began = time.perf_counter()
        count = pace.epochs(course.epoch)
        first = course.epoch
        course.cost[first : first + count] = session.advance(count, course.active)
        course.epoch += count
        lost = _mark_diverged(course, program, first, watch, group)
        if len(lost) and not spare:
            raise diverged_error(program, lost[0], int(course.diverged[lost[0]]))
        if course.validation is not None:
            _judge(session, course, program, watch, group)
        took = time.perf_counter() - began
        course.seconds += took
        pace.learn(count, took)
        _say_costs(course, watch, group, first, took / count)
        _look(session, course, program, watch, group, pace)
        if folder is not None and pace.checkpoint_due(course.epoch, course.over(program)):
            _keep(session, course, watch, folder, group)
            pace.kept()
    lost = _mark_broken(session, course, program, watch, group)
    if len(lost) and not spare:
        raise diverged_error(program, lost[0], int(course.diverged[lost[0]]))
    watch.say(progress.Finished(group, course.epoch, course.seconds, course.loss()))
    return course


def diverged_error(program: Program, number: int, epoch: int) -> DivergedError:
    """The error for a member whose loss is no number any more."""
    member = program.members[number]
    return DivergedError(
        f"{member.label}: the loss is not a number from epoch {epoch} on "
        f"(learning_rate {member.settings.learning_rate:g})",
        likely_cause(program, number),
    )


def likely_cause(program: Program, number: int) -> str:
    """Why a member's loss may have become no number, and what to do."""
    member = program.members[number]
    portion = program.portions[member.portion]
    features = program.prepared(portion, "train")
    if features.dtype.kind == "f" and len(features):
        largest = float(np.abs(features).max())
        if not np.isfinite(largest):
            return "features are too large for float32: normalise them (normalise='min-max')"
        if portion.scale is None and largest > 100:
            return (
                f"features reach {largest:.3g} and are not normalised: use normalise='min-max', "
                "or a smaller learning rate"
            )
    if program.loss in ("mse", "l1", "huber"):
        largest = float(np.abs(program.wanted(portion, "train")).max(initial=0))
        if largest > 100:
            return _large_target(largest, portion)
    rate = member.settings.learning_rate
    hint = "" if member.settings.clip_norm else ", or bound the gradient with clip_norm=1"
    return f"the learning rate {rate:g} is probably too large: try {min(rate / 10, 0.1):g}{hint}"


def _large_target(largest: float, portion: Portion) -> str:
    if portion.target_scale is None:
        return (
            f"the target reaches {largest:.3g}: scale it (target_scale='auto'), "
            "or use a smaller learning rate"
        )
    return (
        f"the target reaches {largest:.3g} standard deviations: look for outliers, "
        "use the loss huber, or a smaller learning rate"
    )


def _resume(session: Session, course: Course, watch: Watch, folder: Folder, group: int) -> None:
    checkpoint, refused = folder.newest(group)
    for text in refused:
        watch.say(progress.Warned(group, text))
    if checkpoint is None:
        return
    course.take(checkpoint)
    session.restore(_named(checkpoint, "state."))
    watch.say(progress.Resumed(group, course.epoch))
    _say_costs(course, watch, group, 0, None)


def _keep(session: Session, course: Course, watch: Watch, folder: Folder, group: int) -> None:
    arrays = {f"state.{name}": np.asarray(a) for name, a in session.state().items()}
    arrays.update(course.to_arrays())
    path = folder.write(Checkpoint(folder.owner, group, course.epoch, arrays, course.seconds))
    watch.say(progress.Checkpointed(group, course.epoch, str(path)))


def _mark_diverged(
    course: Course, program: Program, first: int, watch: Watch, group: int
) -> list[int]:
    """Takes members out whose loss is no number, and returns their numbers."""
    lost = course.active & ~np.isfinite(course.cost[first : course.epoch]).all(axis=0)
    numbers = [int(number) for number in np.flatnonzero(lost)]
    for number in numbers:
        bad = ~np.isfinite(course.cost[first : course.epoch, number])
        _take_out(course, number, first + int(np.argmax(bad)) + 1)
        watch.say(_diverged(course, program, number, group))
    return numbers


def _mark_broken(
    session: Session, course: Course, program: Program, watch: Watch, group: int
) -> list[int]:
    """Takes members out whose last step left weights that are no numbers."""
    lost = []
    for number, weights in enumerate(session.weights()):
        whole = all(np.isfinite(array).all() for array in weights.values())
        if not whole and course.diverged[number] == NEVER and course.stopped[number] == NEVER:
            _take_out(course, number, course.epoch)
            watch.say(_diverged(course, program, number, group))
            lost.append(number)
    return lost


def _take_out(course: Course, number: int, epoch: int) -> None:
    course.diverged[number] = epoch
    course.active[number] = False


def _diverged(course: Course, program: Program, number: int, group: int) -> progress.Diverged:
    label, epoch = program.members[number].label, int(course.diverged[number])
    return progress.Diverged(group, label, epoch, likely_cause(program, number))


def _judge(session: Session, course: Course, program: Program, watch: Watch, group: int) -> None:
    """Early stopping: validation loss, best weights, patience."""
    assert course.validation is not None
    losses = validation_losses(session, program)
    course.validation[course.epoch - 1] = np.where(course.active, losses, np.nan)
    better = course.active & (losses < course.best_loss)
    if better.any():
        weights = session.weights()
        for number in np.flatnonzero(better):
            course.best[number] = weights[number]
            course.best_loss[number], course.best_epoch[number] = losses[number], course.epoch
    for number in np.flatnonzero(course.active):
        member = program.members[number]
        best = max(0, int(course.best_epoch[number]))
        if course.epoch - best >= member.settings.patience and course.epoch < program.epochs:
            course.active[number] = False
            course.stopped[number] = course.epoch
            watch.say(progress.Stopped(group, member.label, course.epoch, best))


def validation_losses(session: Session, program: Program) -> Floats:
    """Mean (weighted) loss of each member on its validation rows, shape (members,)."""
    folded = gives_probabilities(program.network)
    losses = np.empty(len(program.members))
    outputs: Sequence[NDArray[Any]] = session.outputs("validation")
    for number, (member, given) in enumerate(zip(program.members, outputs, strict=True)):
        portion, delta = program.portions[member.portion], member.settings.huber_delta
        targets = program.wanted(portion, "validation")
        each = row_losses(program.loss, given, targets, folded, delta)
        losses[number] = np.average(each, weights=program.weights(portion, "validation"))
    return losses


def _say_costs(course: Course, watch: Watch, group: int, first: int, seconds: float | None) -> None:
    """What each epoch since the first cost."""
    if watch.listener is None:
        return
    validations = course.validation
    watch.say(
        progress.Epochs(
            group,
            first + 1,
            _means(course.cost[first : course.epoch]),
            None if validations is None else _means(validations[first : course.epoch]),
            seconds,
        )
    )


def _means(curves: Floats) -> tuple[float, ...]:
    """Mean of the finite values of each row; NaN where there is none."""
    known = np.isfinite(curves)
    total = np.where(known, curves, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return tuple(means.tolist())


def _look(
    session: Session, course: Course, program: Program, watch: Watch, group: int, pace: Pace
) -> None:
    """Taps that are due, and the listener."""
    due = [tap for tap in watch.taps if course.over(program) or course.epoch % tap.every == 0]
    if due:
        read_taps(due, program, session.weights(), course.epoch)
    if watch.listener is None:
        return
    validation = None if course.validation is None else course.loss(course.validation)
    remaining = (program.epochs - course.epoch) / max(pace.rate, 1e-9)
    watch.say(
        progress.Advanced(
            group,
            course.epoch,
            program.epochs,
            course.loss(),
            validation,
            int(course.active.sum()),
            pace.rate,
            remaining,
        )
    )
