"""Groups: a plan laid out as programs, each a set of trainings that a device takes at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.data.split import holdout, repeated_kfold
from lamina.errors import SettingsError
from lamina.nets.initial import Weights
from lamina.nets.layers.base import Shape, size
from lamina.nets.network import Network
from lamina.training.examples import Examples
from lamina.training.losses import resolve_loss, targets_for
from lamina.training.parts import part_mistakes
from lamina.training.plans import Plan, SettingSet, set_label
from lamina.training.program import Augment, Member, Portion, Program, Rows
from lamina.training.settings import Settings
from lamina.training.target_scale import Floats, TargetScale, resolve_target_scale

FREE = (
    *("learning_rate", "momentum", "weight_decay", "beta1", "beta2", "epsilon", "seed"),
    *("step_epochs", "step_factor", "final_rate", "warmup_epochs", "initialisation", "start"),
)
"""Settings in which the members of one program may differ."""

NO_ROWS: Rows = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Place:
    """Where a training stands in its plan; all numbers from 0.

    Args:
        set: entry of the sweep.
        repeat, fold: of the split.
        part: network of the ensemble.
        restart: which of the trainings of which the best one counts.
    """

    set: int = 0
    repeat: int = 0
    fold: int = 0
    part: int = 0
    restart: int = 0


@dataclass(frozen=True, eq=False)
class Group:
    """Trainings that run as one program; `places` goes along with its members."""

    program: Program
    places: tuple[Place, ...]
    settings: Settings


def lay_out(
    network: Network,
    examples: Examples,
    settings: Settings,
    plan: Plan,
    begin: Weights | None = None,
    augment: Augment | None = None,
) -> tuple[Group, ...]:
    """All trainings of a plan, as few programs as their settings allow, in order of the sets.

    Members of one program share epochs, batches, loss, optimiser, schedule, stopping, frozen parts
    and rates of parts; a sweep over one of these becomes several programs.

    Args:
        network, examples, settings, plan: what is trained, on what, and how.
        begin: arrays with which every training begins, in place of drawn ones.
        augment: changes each batch while it is trained on.

    Raises:
        SettingsError: settings, plan, network and data contradict each other.
    """
    sets = plan.settings_of(settings)
    _check_parts(network, sets)
    folds = list(_folds(examples, settings, plan))
    kinds: dict[str, list[int]] = {}
    for number, chosen in enumerate(sets):
        kinds.setdefault(_shared(chosen), []).append(number)
    scale = resolve_target_scale(network, examples.task, examples.target_scale)
    output = network.shapes[network.outputs[0]]
    _check_width(network, examples, output)
    cut: dict[Any, list[Portion]] = {}
    groups = []
    for numbers in kinds.values():
        first = sets[numbers[0]]
        loss = resolve_loss(network, examples.task, len(examples.labels), first.loss)
        key = (first.patience > 0, first.validation, first.shuffle == "none", first.class_weights)
        if key not in cut:
            cut[key] = [_portion(examples, rows, first, scale, output) for rows in folds]
        members = [
            (place, _member(place, plan, sets[place.set], folds_each=len(folds) // plan.repeats))
            for number in numbers
            for place in _places(plan, number)
        ]
        program = Program(
            network,
            examples.features,
            targets_for(loss, examples.targets, network),
            tuple(cut[key]),
            tuple(member for _, member in members),
            loss,
            begin or {},
            augment,
        )
        groups.append(Group(program, tuple(place for place, _ in members), first))
    return tuple(groups)


def _check_parts(network: Network, sets: Sequence[Settings]) -> None:
    mistakes = [mistake for settings in sets for mistake in part_mistakes(network, settings)]
    if mistakes:
        raise SettingsError(
            f"parts of network {network.name!r} cannot be treated so",
            list(dict.fromkeys(mistakes)),
            "a part is a layer's name, or what stands before a point in the names of several",
        )


def _check_width(network: Network, examples: Examples, output: Shape) -> None:
    """A regression needs an output for each number of the target; losses look at classes."""
    each = examples.targets.size // max(1, len(examples.targets))
    if examples.task == "regression" and each != size(output):
        numbers = f"{each} number{'s' if each != 1 else ''}"
        mistake = f"the target has {numbers} per row; the network has {size(output)} outputs"
        raise SettingsError(
            f"network {network.name!r} does not fit the target",
            [mistake],
            "give the network another last layer",
        )


def row_weights(examples: Examples, settings: Settings, train: Rows) -> NDArray[np.float32] | None:
    """The weight of each row from the class weights; None where all are one.

    "balanced" gives a class rows / (classes x rows of the class), counted over the training
    rows; validation rows are weighted by the same numbers.
    """
    wanted = settings.class_weights
    if not wanted:
        return None
    classes = len(examples.labels)
    if not classes:
        raise SettingsError("class weights do not fit", ["the target holds numbers, not classes"])
    if wanted == "balanced":
        counts = np.bincount(examples.targets[train], minlength=classes)
        each = len(train) / (classes * np.maximum(counts, 1))
    else:
        each = np.asarray(wanted, dtype=np.float64)
    if len(each) != classes:
        mistake = f"{len(each)} weights for {classes} classes: {', '.join(examples.labels)}"
        raise SettingsError("class weights do not fit", [mistake])
    return np.asarray(each[examples.targets], dtype=np.float32)


def identity(groups: Sequence[Group], engine: str, device: str) -> str:
    """Digest of all that decides the weights: a checkpoint belongs to one training.

    It covers network, data, row order, members' settings and seeds, loss, engine and kind of
    device; not the number of epochs between checkpoints, nor anything else about watching.
    """
    digest = hashlib.sha256()
    for group in groups:
        program = group.program
        nodes = [
            [n.name, n.layer.kind, repr(n.layer), list(n.sources)] for n in program.network.nodes
        ]
        members = [[m.label, m.portion, m.settings.to_document(), m.seed] for m in program.members]
        shapes = [[i.name, list(i.shape), i.values] for i in program.network.inputs]
        text = [engine, device.partition(":")[0], shapes, nodes, members, program.loss]
        text += [sorted(program.begin)] if program.begin else []
        text += [repr(program.augment)] if program.augment is not None else []
        digest.update(json.dumps(text, sort_keys=True).encode())
        arrays: list[NDArray[Any] | None] = [program.features, program.targets]
        arrays += [program.begin[name] for name in sorted(program.begin)]
        for portion in program.portions:
            arrays += [portion.train, portion.validation, portion.shift, portion.scale]
            arrays += [portion.target_shift, portion.target_scale, portion.row_weights]
        for array in arrays:
            if array is not None:
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
            digest.update(b"|")
    return f"sha256:{digest.hexdigest()}"


def _shared(settings: Settings) -> str:
    kept = {k: v for k, v in settings.to_document().items() if k not in FREE}
    return json.dumps(kept, sort_keys=True)


def _folds(examples: Examples, settings: Settings, plan: Plan) -> Iterator[tuple[Rows, Rows]]:
    """(training rows, test rows) of every repeat and fold; each repeat has its own seed."""
    rows, labels, seed = len(examples.features), examples.classes, settings.seed
    if plan.split == "kfold":
        yield from repeated_kfold(rows, plan.folds, plan.repeats, seed, labels)
        return
    for repeat in range(plan.repeats):
        if plan.split == "all":
            yield np.random.default_rng(seed + repeat).permutation(rows), NO_ROWS
        else:
            yield holdout(rows, test=plan.test, seed=seed + repeat, labels=labels)


def _portion(
    examples: Examples,
    rows: tuple[Rows, Rows],
    settings: Settings,
    scale: TargetScale,
    output: Shape,
) -> Portion:
    train, test = rows
    validation = NO_ROWS
    if settings.patience:
        labels = None if examples.classes is None else examples.classes[train]
        kept, aside = holdout(
            len(train), test=settings.validation, seed=settings.seed, labels=labels
        )
        train, validation = train[kept], train[aside]
    if settings.shuffle == "none":
        train = np.sort(train)
    weights = row_weights(examples, settings, train)
    target: tuple[Floats | None, Floats | None] = None, None
    if examples.task == "regression":
        target = scale.fit(examples.targets[train].reshape(len(train), *output))
    return Portion(train, test, validation, *examples.statistics(train), *target, weights)


def _places(plan: Plan, number: int) -> Iterator[Place]:
    for repeat in range(plan.repeats):
        for fold in (plan.only or range(plan.folds)) if plan.split == "kfold" else (0,):
            for part in range(plan.ensemble):
                for restart in range(plan.restarts):
                    yield Place(number, repeat, fold, part, restart)


def _member(place: Place, plan: Plan, settings: Settings, folds_each: int) -> Member:
    copy = place.part * plan.restarts + place.restart
    portion = place.repeat * folds_each + place.fold
    return Member(place_label(place, plan), portion, settings, _seed(settings.seed, portion, copy))


def _seed(seed: int, portion: int, copy: int) -> int:
    """The seed of a training: its own for each fold and restart, the same for all sets.

    The first one has the seed of the settings; the others are drawn from it, so that plans
    with neighbouring seeds share no weights.
    """
    if portion == copy == 0:
        return seed
    return int(np.random.SeedSequence([seed, portion, copy]).generate_state(1)[0])


def place_label(place: Place, plan: Plan) -> str:
    """A training in words: "learning_rate 0.1, fold 2, restart 1"; numbers from 1."""
    chosen: SettingSet = plan.sets[place.set]
    words = [set_label(chosen)] if chosen else []
    counted = {
        "repeat": (place.repeat, plan.repeats),
        "fold": (place.fold, plan.folds if plan.split == "kfold" else 1),
        "network": (place.part, plan.ensemble),
        "restart": (place.restart, plan.restarts),
    }
    words += [f"{name} {number + 1}" for name, (number, count) in counted.items() if count > 1]
    return ", ".join(words) or plan.split
