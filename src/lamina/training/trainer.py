"""Training: a network, data, settings and a plan on a resource; one result for every pair."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from lamina.errors import SettingsError
from lamina.nets.initial import Weights
from lamina.nets.network import Network
from lamina.training import progress as events
from lamina.training.assemble import Outputs, Trained, assemble, with_model
from lamina.training.checkpoint import Folder, Owner, recorded
from lamina.training.engines import ENGINES, Session
from lamina.training.examples import Reading, as_examples
from lamina.training.forward import apply
from lamina.training.groups import Group, identity, lay_out
from lamina.training.loop import Course, run_loop
from lamina.training.plans import Plan, as_plan
from lamina.training.pretrained import Told, beginning
from lamina.training.program import Augment
from lamina.training.resources import Resource, resolve
from lamina.training.result import TrainingResult
from lamina.training.settings import Settings
from lamina.training.taps import Tap, check_taps
from lamina.training.watch import Watch


class Options(TypedDict, total=False):
    """What `train` takes by name, apart from settings and plan."""

    engine: str
    device: str
    threads: int
    kind: str
    normalise: str
    encode: str
    features: Sequence[str]
    target_scale: str
    weights: Told
    checkpoint: str | Path | None
    every_epochs: int
    every_seconds: float
    brief: bool
    resume: bool
    progress: events.Listener | None
    taps: Sequence[Tap]
    refit: bool
    augment: Augment | None


def train(
    network: Network,
    data: Any,
    target: str = "",
    settings: Settings | None = None,
    plan: Plan | str = "holdout",
    **options: Unpack[Options],
) -> TrainingResult:
    """Trains a network by a plan on a resource.

    Args:
        network: one input, one output.
        data: a Table, anything that `lamina.data.tables.read_table` reads, or a pair of arrays:
            features (rows, *input shape) and targets (rows,).
        target: name of the target column of a table.
        settings: loss, optimiser, epochs, seed ...; the papers' when left out.
        plan: a Plan or its text ("holdout", "holdout:0.3", "kfold:5", "kfold:5x3", "all").
        options: by name -
            engine, device, threads: see `Resource`; "auto" chooses and says why.
            kind, normalise, encode, features, target_scale: see `Reading`.
            weights: to begin with: a file in torch's state-dict layout, "published", or arrays
            by name; see `lamina.training.pretrained.beginning`.
            checkpoint: folder of checkpoints; every_epochs, every_seconds (30 when neither is
            given), resume: see `Watch`; brief: a training that is over within every_seconds
            leaves no checkpoint.
            progress: a listener for events; taps: layers that feed functions.
            refit: after cross validation, one more training on all rows gives the model.
            augment: changes each batch while it is trained on, anew in every epoch; see `Program`.

    Raises:
        SettingsError: settings, plan, network and data contradict each other.
        DataError: the data cannot be used.
        DivergedError: the loss is not a number, and no other set or restart goes on.
        CheckpointError: a checkpoint is damaged beyond use or belongs to another training.
        ConversionError: weights to begin with that do not fit the network.
        MissingExtraError: the engine's library is not installed.
    """
    began = time.perf_counter()
    base, laid = settings or Settings(), as_plan(plan)
    reading, wish, watch = _sorted_options(options)
    examples = as_examples(network, data, target, reading)
    begin = beginning(options.get("weights"), network)
    if begin.warning:
        watch.say(events.Warned(0, begin.warning))
    augment = options.get("augment")
    groups = lay_out(network, examples, base, laid, begin.weights, augment)
    check_taps(watch.taps, groups[0].program)
    prepared = time.perf_counter() - began
    try:
        resource = resolve(_as_before(wish, watch), max((g.program for g in groups), key=_work))
        spare = len(laid.sets) > 1 or laid.restarts > 1
        run = _Run(resource, watch, len(groups), spare)
        owner = _owner(groups, resource, watch)
        trained = [run.group(group, number, owner) for number, group in enumerate(groups)]
        before = time.perf_counter()
        result = replace(
            assemble(examples, base, laid, resource, trained), begun=begin.words or begin.warning
        )
        seconds = _seconds(trained, prepared, time.perf_counter() - before)
        if result.model is None and options.get("refit", False):
            before = time.perf_counter()
            result = _refitted(result, run, len(groups), begin.weights, augment)
            seconds["refit"] = time.perf_counter() - before
    finally:
        if isinstance(watch.listener, events.Progress):
            watch.listener.close()
    seconds["total"] = time.perf_counter() - began
    return replace(result, seconds=seconds)


@dataclass(frozen=True)
class _Run:
    """Trains groups one after another on one resource."""

    resource: Resource
    watch: Watch
    groups: int
    spare: bool

    def group(self, group: Group, number: int, owner: Owner) -> Trained:
        """Start, training loop, final evaluation."""
        watch, resource, program = self.watch, self.resource, group.program
        folder = Folder(watch.folder, owner) if watch.folder else None
        if folder is not None and not watch.resume and number == 0:
            folder.refuse_used()
        began = time.perf_counter()
        session = ENGINES.get(resource.engine)().start(program, resource.device, resource.threads)
        started, compiled = time.perf_counter(), session.compile_seconds
        watch.say(
            events.Started(
                number,
                resource.engine,
                resource.device,
                session.form,
                resource.reason,
                len(program.members),
                program.epochs,
                0,
                max(self.groups, number + 1),
            )
        )
        course = run_loop(session, program, watch, folder, number, self.spare)
        done = time.perf_counter()
        weights, outputs = _final(session, group, course)
        later = session.compile_seconds - compiled
        return Trained(
            group,
            course,
            weights,
            outputs,
            session.form,
            prepare=max(0.0, started - began - compiled),
            compile=session.compile_seconds,
            train=max(0.0, done - started - later),
            evaluate=time.perf_counter() - done,
        )


def _sorted_options(options: Mapping[str, Any]) -> tuple[Reading, Resource, Watch]:
    unknown = sorted(set(options) - set(Options.__annotations__))
    if unknown:
        known = ", ".join(sorted(Options.__annotations__))
        raise SettingsError(
            "training does not take these options",
            [f"unknown option {name!r}" for name in unknown],
            f"known: {known}; settings such as epochs go into Settings",
        )
    given = {**options, "features": tuple(options.get("features") or ())}
    reading = Reading(**_of(Reading, given))
    folder = options.get("checkpoint")
    listener = options.get("progress")
    by_time = options.get("every_seconds", 0.0)
    if folder is not None and not by_time and not options.get("every_epochs", 0):
        by_time = 30.0
    watch = Watch(
        listener=listener,
        interval=listener.interval if isinstance(listener, events.Progress) else 0.2,
        folder=None if folder is None else Path(folder),
        every_epochs=options.get("every_epochs", 0),
        every_seconds=by_time,
        since=time.perf_counter() if options.get("brief", False) else None,
        resume=options.get("resume", False),
        taps=tuple(options.get("taps") or ()),
    )
    return reading, Resource(**_of(Resource, given)), watch


def _of(kind: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    return {f.name: options[f.name] for f in fields(kind) if f.name in options}


def _work(program: Any) -> int:
    return int(program.epochs * len(program.members))


def _final(session: Session, group: Group, course: Course) -> tuple[list[Weights], Outputs]:
    """Weights that are kept and their outputs on the test rows, per member."""
    program, weights = group.program, session.weights()
    outputs = session.outputs("test")
    for number, best in enumerate(course.best):
        if best and course.best_epoch[number] != course.epoch:
            portion = program.portions[program.members[number].portion]
            weights[number] = best
            outputs[number] = apply(program.network, best, program.prepared(portion, "test"))
    return weights, outputs


def _refitted(
    result: TrainingResult, run: _Run, number: int, begin: Weights, augment: Augment | None
) -> TrainingResult:
    """The result with a model trained on all rows, with the settings of the chosen set."""
    plan = replace(result.plan, split="all", repeats=1, sets=((),))
    chosen = result.chosen.settings
    (group,) = lay_out(result.network, result.examples, chosen, plan, begin, augment)
    again = replace(run, watch=replace(run.watch, taps=()))
    owner = _owner([group], run.resource, run.watch)
    return with_model(result, plan, again.group(group, number, owner))


def _owner(groups: Sequence[Group], resource: Resource, watch: Watch) -> Owner:
    """Whose checkpoints these are; digests take time, so nothing is hashed without a folder."""
    key = identity(groups, resource.engine, resource.device) if watch.folder else ""
    return Owner(key, resource.engine, resource.device, resource.threads)


def _as_before(wish: Resource, watch: Watch) -> Resource:
    """What is left open is taken from the checkpoint that a training resumes from."""
    owner = recorded(watch.folder) if watch.resume and watch.folder else None
    if owner is None:
        return wish
    return replace(
        wish,
        engine=owner.engine if wish.engine == "auto" else wish.engine,
        device=owner.device if wish.device == "auto" else wish.device,
        threads=wish.threads or owner.threads,
    )


def _seconds(trained: Sequence[Trained], prepared: float, judged: float) -> dict[str, float]:
    return {
        "prepare": prepared + sum(one.prepare for one in trained),
        "compile": sum(one.compile for one in trained),
        "train": sum(one.train for one in trained),
        "evaluate": judged + sum(one.evaluate for one in trained),
    }
