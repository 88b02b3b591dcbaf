"""From trained programs to one result: best restarts, ensembles, folds, sets, the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from lamina.nets.initial import Weights
from lamina.training.ensemble import averaged
from lamina.training.examples import Examples
from lamina.training.groups import Group, Place, place_label
from lamina.training.loop import NEVER, Course, diverged_error
from lamina.training.losses import as_rows, probabilities
from lamina.training.metrics import Scores, classify, regress, unknown_scores
from lamina.training.plans import Plan, set_label
from lamina.training.resources import Resource
from lamina.training.result import FoldResult, MemberResult, Model, SetResult, TrainingResult
from lamina.training.settings import Settings

Outputs = list[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Trained:
    """A group after its training.

    Args:
        group, course: what was trained, and how it went.
        weights, outputs: that are kept, and what they give on the test rows (as the network
            gives it, in scaled units); per member.
        form: how the members ran.
        prepare, compile, train, evaluate: seconds.
    """

    group: Group
    course: Course
    weights: list[Weights]
    outputs: Outputs
    form: str
    prepare: float
    compile: float
    train: float
    evaluate: float


@dataclass(frozen=True, eq=False)
class _Member:
    """A training on its way into the result; `number` counts over all groups.

    `output` is in the target's own units.
    """

    number: int
    group: Group
    own: int
    result: MemberResult
    output: NDArray[np.float32] | NDArray[np.float64]


def assemble(
    examples: Examples,
    settings: Settings,
    plan: Plan,
    resource: Resource,
    trained: Sequence[Trained],
) -> TrainingResult:
    """The result of a plan from its trained groups.

    Raises:
        DivergedError: no set of the sweep is left with a training for each of its folds.
    """
    members = _members(trained)
    sets = tuple(
        _set(number, chosen, plan, examples, members)
        for number, chosen in enumerate(plan.settings_of(settings))
    )
    losses = [one.loss for one in sets]
    best = int(np.argmin(losses))
    if not np.isfinite(losses[best]):
        lost = next(m for m in members if m.result.diverged is not None)
        raise diverged_error(lost.group.program, lost.own, lost.result.diverged or 0)
    watched = sets[best].settings.patience > 0
    network = trained[0].group.program.network
    result = TrainingResult(
        network=network,
        plan=plan,
        settings=settings,
        examples=examples,
        resource=resource,
        form=", ".join(dict.fromkeys(one.form for one in trained if one.form)),
        sets=sets,
        members=tuple(member.result for member in members),
        best=best,
        chosen_by="validation loss" if watched else "training loss",
        seconds={},
    )
    if plan.split == "kfold" or plan.repeats > 1:
        return result
    kept = [result.members[number] for number in sets[best].folds[0].members]
    rows = sets[best].folds[0].train_rows
    return replace(result, model=_model(result, kept, f"trained on {rows} training rows"))


def with_model(result: TrainingResult, plan: Plan, trained: Trained) -> TrainingResult:
    """The result with the model of one more training, on all rows.

    Raises:
        DivergedError: that training diverged.
    """
    again = assemble(result.examples, result.chosen.settings, plan, result.resource, [trained])
    assert again.model is not None
    rows = trained.group.program.features.shape[0]
    origin = f"refitted on all {rows} rows; metrics from {result.plan}"
    return replace(result, model=replace(again.model, origin=origin))


def _members(trained: Sequence[Trained]) -> list[_Member]:
    found: list[_Member] = []
    for one in trained:
        for own in range(len(one.group.places)):
            found.append(_member(len(found), one, own))
    return found


def _member(number: int, one: Trained, own: int) -> _Member:
    member, course = one.group.program.members[own], one.course
    portion = one.group.program.portions[member.portion]
    stopped, diverged = int(course.stopped[own]), int(course.diverged[own])
    epochs = next((e for e in (stopped, diverged) if e != NEVER), course.epoch)
    validation = course.validation
    best = int(course.best_epoch[own])
    result = MemberResult(
        label=member.label,
        place=one.group.places[own],
        seed=member.seed,
        epochs=epochs,
        best_epoch=None if best == NEVER else best,
        cost=course.cost[:epochs, own].copy(),
        validation=None if validation is None else validation[:epochs, own].copy(),
        diverged=None if diverged == NEVER else diverged,
        weights=one.weights[own],
        shift=portion.shift,
        scale=portion.scale,
        target_shift=portion.target_shift,
        target_scale=portion.target_scale,
    )
    output = one.group.program.restored(one.outputs[own], portion)
    return _Member(number, one.group, own, result, output)


def _set(
    number: int, settings: Settings, plan: Plan, examples: Examples, members: Sequence[_Member]
) -> SetResult:
    own = [m for m in members if m.result.place.set == number]
    folds, losses = [], []
    # Members of a set stand in the order of its folds, their ensemble parts, their restarts.
    for _, cell in groupby(own, key=lambda m: (m.result.place.repeat, m.result.place.fold)):
        parts = [
            min(part, key=lambda m: m.result.loss)
            for _, part in groupby(cell, key=lambda m: m.result.place.part)
        ]
        losses += [part.result.loss for part in parts]
        folds.append(_fold(parts, plan, examples))
    return SetResult(
        label=set_label(plan.sets[number]) or "as given",
        changed=dict(plan.sets[number]),
        settings=settings,
        loss_name=own[0].group.program.loss,
        folds=tuple(folds),
        loss=float(np.mean(losses)),
        diverged=tuple(m.result.label for m in own if m.result.diverged is not None),
    )


def _fold(parts: Sequence[_Member], plan: Plan, examples: Examples) -> FoldResult:
    first = parts[0]
    program = first.group.program
    portion = program.portions[program.members[first.own].portion]
    mean = np.mean([part.output.astype(np.float64) for part in parts], axis=0)
    lost = any(part.result.diverged is not None for part in parts)
    if examples.task == "regression":
        values = as_rows(mean)
    else:
        values = probabilities(mean, program.loss, program.network)
    place = replace(first.result.place, part=0, restart=0)
    return FoldResult(
        label=_fold_label(place, plan),
        place=place,
        members=tuple(part.number for part in parts),
        train_rows=len(portion.train),
        validation_rows=len(portion.validation),
        test_rows=portion.test,
        scores=_scores(examples, portion.test, values, lost),
        outputs=values,
    )


def _scores(
    examples: Examples, rows: NDArray[np.int64], values: NDArray[np.float64], lost: bool
) -> Scores:
    if lost:
        return unknown_scores(examples.task, "the training diverged")
    if not len(rows):
        return unknown_scores(examples.task, "the plan keeps no test rows")
    targets = examples.targets[rows]
    return regress(targets, values) if examples.task == "regression" else classify(targets, values)


def _fold_label(place: Place, plan: Plan) -> str:
    return place_label(place, replace(plan, sets=((),) * len(plan.sets), restarts=1, ensemble=1))


def _model(result: TrainingResult, kept: Sequence[MemberResult], origin: str) -> Model:
    # Networks of an ensemble learn the same rows, so that they share their statistics.
    first = kept[0]
    network, weights = result.network, first.weights
    if len(kept) > 1:
        network, weights = averaged(network, [member.weights for member in kept])
        origin = f"mean of {len(kept)}, {origin}"
    return Model(
        network, weights, first.shift, first.scale, origin, first.target_shift, first.target_scale
    )
