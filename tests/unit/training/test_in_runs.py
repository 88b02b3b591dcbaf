"""Training as a task of a run: epochs are told, attempts go on, streams hold each item once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.data.sources import load
from lamina.nets.bundle import Bundle
from lamina.nets.zoo import ZOO
from lamina.training import in_runs, tasks
from lamina.training.checkpoint import Folder
from lamina.training.tapped import train_tapped
from lamina.workflow.telling import Attempt, entered, left

SETTINGS = {"epochs": 60, "seed": 3, "patience": 50}
TAPS = [{"layer": "r1", "every": 7, "limit": 5}, {"layer": "r1", "every": 20, "part": "train"}]


class Killed(BaseException):
    """The end of a worker."""


class Recorder(Attempt):
    """An attempt that keeps what it is told, and dies when it is to."""

    def __init__(self, folder: Path, number: int = 1, checkpoints: int = 10**6) -> None:
        super().__init__("run", "train", number, 1)
        self.folder = folder
        self.told: list[Mapping[str, Any]] = []
        self.streams: dict[str, list[Any]] = {}
        self._left = checkpoints

    def tell(self, values: Mapping[str, Any]) -> None:
        self.told.append(values)
        if "checkpoint" in values:
            self._left -= 1
            if self._left <= 0:
                raise Killed

    def scratch(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    def outlet(self, port: str) -> Callable[[Any], None]:
        return self.streams.setdefault(port, []).append

    def all(self, name: str, group: int = 0) -> list[Any]:
        found = []
        for told in self.told:
            values = told.get(name, [])
            groups = told.get("group", [0] * len(told.get("epoch", [])))
            found += [v for v, own in zip(values, groups, strict=False) if own == group]
        return found

    def words(self, name: str) -> list[Any]:
        return [told[name] for told in self.told if name in told]


@contextmanager
def within(attempt: Attempt) -> Iterator[None]:
    token = entered(attempt)
    try:
        yield
    finally:
        left(token)


def train(attempt: Attempt | None = None, **options: Any) -> Bundle:
    network, table = ZOO.get("papers-1")(), load("breast-cancer")
    if attempt is None:
        return tasks.train(network, table, "label", "kfold:2", SETTINGS, options)
    with within(attempt):
        return tasks.train(network, table, "label", "kfold:2", SETTINGS, options)


def same(one: Bundle, other: Bundle) -> bool:
    return all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint whenever the loop looks up."""
    monkeypatch.setattr(in_runs, "EVERY", 1e-9)
    monkeypatch.setattr("lamina.training.watch._SHARE", 0)


def test_the_cost_of_every_epoch_is_told_once_and_in_order(tmp_path: Path) -> None:
    attempt = Recorder(tmp_path)
    train(attempt)
    for group in (0, 1):
        assert attempt.all("epoch", group) == list(range(1, 61))
        assert len(attempt.all("loss", group)) == len(attempt.all("seconds", group)) == 60
        assert all(np.isfinite(attempt.all("loss", group)))
    assert attempt.words("epochs") == [60, 60]


def test_the_seed_is_told_also_where_nobody_named_it(tmp_path: Path) -> None:
    attempt = Recorder(tmp_path)
    with within(attempt):
        tasks.train(ZOO.get("papers-1")(), load("breast-cancer"), "label", "all", {"epochs": 2})
    assert attempt.words("seed") == [0]
    train(attempt)
    assert attempt.words("seed") == [0, SETTINGS["seed"]]


def test_being_in_a_run_changes_no_bit_of_the_model(tmp_path: Path) -> None:
    assert same(train(Recorder(tmp_path)), train(threads=1))


def test_a_short_training_leaves_no_checkpoint(tmp_path: Path) -> None:
    attempt = Recorder(tmp_path)
    train(attempt)
    assert not attempt.words("checkpoint") and not list(tmp_path.rglob("*.safetensors"))


def test_many_epochs_are_told_in_pieces_that_nothing_is_left_out_of(tmp_path: Path) -> None:
    attempt = Recorder(tmp_path)
    network, table = ZOO.get("papers-1")(), load("breast-cancer")
    with within(attempt):
        tasks.train(network, table, "label", "all", {"epochs": 3000, "seed": 1}, {})
    assert attempt.all("epoch") == list(range(1, 3001))
    assert max(len(told["epoch"]) for told in attempt.told if "epoch" in told) <= 500


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("checkpoints", [1, 3, 6])
def test_a_killed_attempt_is_taken_up_again_with_the_same_bits(
    tmp_path: Path, checkpoints: int
) -> None:
    with pytest.raises(Killed):
        train(Recorder(tmp_path, 1, checkpoints))
    again = Recorder(tmp_path, 2)
    model = train(again)
    assert again.words("resumed")[0] > 0
    assert again.all("epoch") == list(range(1, 61))  # those of before the kill included
    assert same(model, train(threads=1))


@pytest.mark.usefixtures("often")
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_taken(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(Recorder(tmp_path, 1, 4))
    newest = max((tmp_path / "checkpoints").glob("checkpoint-g0-*"))
    whole = newest.read_bytes()
    newest.write_bytes(whole[: len(whole) // 2])
    again = Recorder(tmp_path, 2)
    model = train(again)
    assert newest.name in again.words("warning")[0]
    assert 0 < again.words("resumed")[0] < int(newest.stem.rpartition("-e")[2])
    assert same(model, train(threads=1))


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("foreign", [False, True])
def test_without_a_checkpoint_of_use_the_training_starts_again(
    tmp_path: Path, foreign: bool
) -> None:
    if foreign:
        foreign_checkpoint(tmp_path / "checkpoints")
    else:
        with pytest.raises(Killed):
            train(Recorder(tmp_path, 1, 3))
        for path in (tmp_path / "checkpoints").glob("*"):
            path.write_bytes(b"nothing")
    again = Recorder(tmp_path, 2)
    model = train(again)
    assert again.words("warning")[0].endswith("the training starts again")
    assert not again.words("resumed")
    assert same(model, train(threads=1))


def foreign_checkpoint(folder: Path) -> None:
    """One that belongs to a training with other settings."""
    from lamina.training.checkpoint import Checkpoint, Owner

    owner = Owner("another", "fused", "cpu", 1)
    Folder(folder, owner).write(Checkpoint(owner, 0, 5, {"a": np.ones(2)}))


def test_options_of_the_user_count_more_than_those_of_the_run(tmp_path: Path) -> None:
    attempt = Recorder(tmp_path / "scratch")
    train(attempt, checkpoint=str(tmp_path / "own"), every_epochs=20)
    assert attempt.words("checkpoint")
    assert not (tmp_path / "scratch" / "checkpoints").exists()
    assert list((tmp_path / "own").glob("*.safetensors"))


def tapped(attempt: Attempt) -> Any:
    network, table = ZOO.get("papers-1")(), load("breast-cancer")
    with within(attempt):
        return train_tapped(network, table, "label", TAPS, SETTINGS, {"plan": "kfold:2"})


def looks(attempt: Recorder) -> list[tuple[Any, ...]]:
    return [
        (look.layer, look.epoch, look.member, look.rows.tolist(), look.values.tobytes())
        for look in attempt.streams["tapped"]
    ]


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("kills", [(2,), (5, 2), (9,)])
def test_streams_of_an_attempt_that_goes_on_are_those_of_one_that_was_never_killed(
    tmp_path: Path, kills: tuple[int, ...]
) -> None:
    whole = Recorder(tmp_path / "whole")
    found = tapped(whole)
    assert found.tapped == found.metrics == []
    for number, checkpoints in enumerate(kills, 1):
        with pytest.raises(Killed):
            tapped(Recorder(tmp_path / "parts", number, checkpoints))
    last = Recorder(tmp_path / "parts", len(kills) + 1)
    model = tapped(last).model
    assert last.words("resumed")
    assert looks(last) == looks(whole)
    assert last.streams["metrics"] == whole.streams["metrics"]
    assert same(model, found.model)


def test_outside_of_a_run_streams_are_lists() -> None:
    network, table = ZOO.get("papers-1")(), load("breast-cancer")
    found = train_tapped(network, table, "label", TAPS[:1], {"epochs": 10, "seed": 1})
    assert [look.epoch for look in found.tapped] == [7, 10]
    assert [told["epoch"] for told in found.metrics if not told["group"]] == list(range(1, 11))
