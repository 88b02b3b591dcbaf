"""The loop: early stopping, divergence, checkpoints, events, chunks that change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.errors import CheckpointError, DivergedError, SettingsError
from lamina.nets.network import Network
from lamina.nets.zoo import mlp
from lamina.testing.reference_engine import ReferenceEngine
from lamina.training import progress
from lamina.training.checkpoint import Folder, Owner, pack, read
from lamina.training.engines import Session
from lamina.training.examples import Reading, as_examples
from lamina.training.groups import lay_out
from lamina.training.loop import NEVER, Course, likely_cause, run_loop
from lamina.training.plans import Plan
from lamina.training.program import Program
from lamina.training.settings import Settings
from lamina.training.taps import Tap
from lamina.training.watch import Pace, Watch

OWNER = Owner("sha256:me")


def program_of(
    plan: str = "holdout", sweep: Any = None, normalise: str = "min-max", **changes: Any
) -> Program:
    generator = np.random.default_rng(3)
    features = generator.normal(size=(80, 2)) * [1.0, 1000.0]
    labels = (features[:, 0] + features[:, 1] / 1000 + 0.5 * generator.normal(size=80) > 0) * 1
    network: Network = mlp(2, [4], 1, last="" if changes.get("loss") == "mse" else "Sigmoid")
    data = as_examples(network, (features, labels), "", Reading(normalise=normalise))
    settings = Settings(**{"epochs": 40, "learning_rate": 0.05, **changes})
    (group,) = lay_out(network, data, settings, Plan.parse(plan, sweep))
    return group.program


def started(program: Program) -> Session:
    return ReferenceEngine().start(program, "cpu", 1)


def same(first: Session, second: Session) -> bool:
    return all(
        np.array_equal(a[key], b[key])
        for a, b in zip(first.weights(), second.weights(), strict=True)
        for key in a
    )


class Collector:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[progress.Event] = []

    def __call__(self, event: progress.Event) -> None:
        self.events.append(event)

    def of(self, kind: type[progress.Event]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]


class Calls(Collector):
    """Counts how a session is advanced."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.chunks: list[int] = []
        inner = session.advance

        def advance(epochs: int, active: Any) -> Any:
            self.chunks.append(epochs)
            return inner(epochs, active)

        session.advance = advance  # type: ignore[method-assign]


def test_nothing_asked_is_one_advance() -> None:
    program = program_of("kfold:3")
    session = started(program)
    calls = Calls(session)
    course = run_loop(session, program, Watch())
    assert calls.chunks == [40]
    assert course.epoch == 40
    assert course.cost.shape == (40, 3)
    assert np.isfinite(course.cost).all()


def test_watching_changes_no_bit(tmp_path: Path) -> None:
    program = program_of("kfold:3", shuffle="epoch")
    plain, watched = started(program), started(program)
    quiet = run_loop(plain, program, Watch())
    seen = Collector()
    watch = Watch(
        listener=seen,
        interval=0.0,
        folder=tmp_path,
        every_epochs=7,
        taps=(Tap("r1", lambda tapped: None, every=5),),
    )
    loud = run_loop(watched, program, watch, Folder(tmp_path, OWNER))
    assert same(plain, watched)
    assert np.array_equal(quiet.cost, loud.cost)
    assert [e.epoch for e in seen.of(progress.Checkpointed)] == [7, 14, 21, 28, 35, 40]
    assert seen.of(progress.Advanced)[-1].epoch == 40
    assert isinstance(seen.events[-1], progress.Finished)


@pytest.mark.parametrize("early", [0, 6])
def test_a_resumed_training_ends_bit_for_bit_like_an_uninterrupted_one(
    tmp_path: Path, early: int
) -> None:
    program = program_of("kfold:2", patience=early, optimiser="adam", learning_rate=0.3)
    whole = started(program)
    wanted = run_loop(whole, program, Watch())
    folder = Folder(tmp_path, OWNER)

    class Killed(BaseException):
        pass

    def kill(event: progress.Event) -> None:
        if isinstance(event, progress.Checkpointed) and event.epoch >= 8:
            raise Killed

    watch = Watch(listener=kill, folder=tmp_path, every_epochs=4)
    with pytest.raises(Killed):
        run_loop(started(program), program, watch, folder)
    again, seen = started(program), Collector()
    watch = Watch(listener=seen, folder=tmp_path, every_epochs=4, resume=True)
    course = run_loop(again, program, watch, folder)
    assert [e.epoch for e in seen.of(progress.Resumed)] == [8]
    assert same(whole, again)
    np.testing.assert_array_equal(course.cost, wanted.cost)
    np.testing.assert_array_equal(course.best_epoch, wanted.best_epoch)
    for mine, other in zip(course.best, wanted.best, strict=True):
        assert all(np.array_equal(mine[key], other[key]) for key in other)


def test_a_finished_training_resumes_at_its_end(tmp_path: Path) -> None:
    program = program_of()
    folder = Folder(tmp_path, OWNER)
    first, second = started(program), started(program)
    watch = Watch(folder=tmp_path, every_epochs=100)
    run_loop(first, program, watch, folder)
    calls = Calls(second)
    run_loop(second, program, Watch(folder=tmp_path, every_epochs=1, resume=True), folder)
    assert calls.chunks == []
    assert same(first, second)


def test_a_damaged_checkpoint_is_a_warning_and_the_one_before_goes_on(tmp_path: Path) -> None:
    program = program_of()
    folder = Folder(tmp_path, OWNER)
    whole = started(program)
    run_loop(whole, program, Watch(folder=tmp_path, every_epochs=10), folder)
    newest = max(tmp_path.iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    again, seen = started(program), Collector()
    watch = Watch(listener=seen, folder=tmp_path, every_epochs=10, resume=True)
    run_loop(again, program, watch, folder)
    assert newest.name in seen.of(progress.Warned)[0].text
    assert seen.of(progress.Resumed)[0].epoch == 30
    assert same(whole, again)


@pytest.mark.parametrize("ruin", ["drop", "shape", "kind", "epoch"])
def test_a_checkpoint_whose_arrays_do_not_fit_is_refused(tmp_path: Path, ruin: str) -> None:
    program = program_of()
    folder = Folder(tmp_path, OWNER)
    run_loop(started(program), program, Watch(folder=tmp_path, every_epochs=40), folder)
    (path,) = tmp_path.iterdir()
    whole = read(path)
    arrays, name = dict(whole.arrays), "course.diverged"
    old = arrays.pop(name)
    if ruin != "drop":
        arrays[name] = {"shape": np.stack([old, old]), "kind": old.astype(np.float32)}.get(
            ruin, old
        )
    epoch = 10**9 if ruin == "epoch" else whole.epoch
    path.write_bytes(pack(replace(whole, arrays=arrays, epoch=epoch)))
    path.rename(tmp_path / f"checkpoint-g0-e{epoch:08d}.safetensors")
    watch = Watch(folder=tmp_path, every_epochs=40, resume=True)
    with pytest.raises(CheckpointError, match="does not fit"):
        run_loop(started(program), program, watch, folder)


def test_early_stopping_keeps_the_best_weights() -> None:
    program = program_of("kfold:2", patience=5, epochs=400, learning_rate=0.8, validation=0.3)
    session, seen = started(program), Collector()
    course = run_loop(session, program, Watch(listener=seen, interval=100.0))
    assert course.validation is not None
    for number, event in enumerate(seen.of(progress.Stopped)):
        assert event.epoch - event.best == 5
        curve = course.validation[: event.epoch, number]
        assert np.argmin(curve) + 1 == event.best
        assert course.best[number].keys() == program.network.parameters().keys()
    assert len(seen.of(progress.Stopped)) == 2
    assert course.epoch < 400
    assert np.isnan(course.cost[course.epoch :]).all()


def test_divergence_names_member_epoch_and_cause() -> None:
    program = program_of("kfold:2", learning_rate=1e30, loss="mse", momentum=0.9)
    with pytest.raises(DivergedError, match=r"fold 1: the loss is not a number from epoch \d+"):
        run_loop(started(program), program, Watch())


def test_weights_that_are_no_numbers_after_the_last_step_count_as_divergence() -> None:
    program = program_of(epochs=1, batches=1, learning_rate=1e300)
    with pytest.raises(DivergedError, match="from epoch 1 on"):
        run_loop(started(program), program, Watch())


def test_in_a_sweep_the_others_go_on() -> None:
    program = program_of(sweep={"learning_rate": [0.1, 1e30]}, loss="mse")
    seen = Collector()
    course = run_loop(started(program), program, Watch(listener=seen), spare=True)
    assert course.diverged[0] == NEVER
    assert course.diverged[1] >= 1
    assert seen.of(progress.Diverged)[0].member == "learning_rate 1e+30"
    assert np.isfinite(course.cost[:, 0]).all()


def test_causes_are_told_apart() -> None:
    assert "are not normalised" in likely_cause(program_of(normalise="none"), 0)
    assert "try 0.005, or bound" in likely_cause(program_of(), 0)
    assert "clip_norm" not in likely_cause(program_of(clip_norm=1.0), 0)
    large = Program(
        (p := program_of(loss="mse")).network,
        p.features,
        p.targets * np.float32(1e6),
        p.portions,
        p.members,
        p.loss,
    )
    assert "the target reaches 1e+06" in likely_cause(large, 0)
    huge = Program(p.network, p.features * 1e200, p.targets, p.portions, p.members, p.loss)
    with np.errstate(over="ignore"):
        assert "too large for float32" in likely_cause(huge, 0)


def test_chunks_grow_to_the_interval_and_stop_at_every_date() -> None:
    program = program_of(epochs=1000)
    pace = Pace(program, Watch(listener=lambda event: None, interval=1.0, folder=Path("x")))
    sizes = []
    done = 0
    while done < 1000:
        count = pace.epochs(done)
        pace.learn(count, count / 300.0)
        sizes.append(count)
        done += count
    assert sizes[:3] == [1, 10, 100]
    assert max(sizes) in (299, 300)
    taps = (Tap("l1", print, every=30), Tap("l1", print, every=40))
    pace, done, stops = Pace(program, Watch(taps=taps)), 0, []
    while done < 130:
        done += pace.epochs(done)
        stops.append(done)
    assert stops == [30, 40, 60, 80, 90, 120, 150]


def test_a_long_training_that_nobody_watches_goes_in_chunks() -> None:
    assert Pace(program_of(epochs=1000), Watch()).epochs(0) == 1000
    assert Pace(program_of(epochs=10_000_000), Watch()).epochs(0) == 1


@pytest.mark.parametrize(
    "options",
    [{"every_epochs": 5}, {"resume": True}, {"every_seconds": 1.0}, {"interval": -1.0}],
)
def test_watches_that_cannot_be_kept_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Watch(**options)


def test_checkpoints_by_time_come_at_the_end_at_least(tmp_path: Path) -> None:
    program = program_of()
    seen = Collector()
    watch = Watch(listener=seen, folder=tmp_path, every_seconds=1000.0)
    run_loop(started(program), program, watch, Folder(tmp_path, OWNER))
    assert [e.epoch for e in seen.of(progress.Checkpointed)] == [40]
    watch = Watch(listener=seen, folder=tmp_path, every_seconds=1e-9)
    run_loop(started(program), program, watch, Folder(tmp_path / "often", OWNER))
    assert len(seen.of(progress.Checkpointed)) > 3


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    program = program_of()
    watch = Watch(folder=tmp_path, every_epochs=50)
    run_loop(started(program), program, watch, Folder(tmp_path, OWNER))
    watch = Watch(folder=tmp_path, every_epochs=50, resume=True)
    with pytest.raises(CheckpointError, match="another training"):
        run_loop(started(program), program, watch, Folder(tmp_path, Owner("sha256:you")))


def test_a_course_without_epochs_has_no_loss() -> None:
    course = Course.fresh(program_of())
    assert np.isnan(course.loss())


def test_validation_losses_are_weighted_like_training(tmp_path: Path) -> None:
    from lamina.training.loop import validation_losses

    plain = program_of(patience=3)
    weighted = program_of(patience=3, class_weights=(1.0, 9.0))
    losses: Sequence[float] = [
        float(validation_losses(started(program), program)[0]) for program in (plain, weighted)
    ]
    assert losses[0] != losses[1]
