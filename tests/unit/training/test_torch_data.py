"""Rows on the device: batches of members, filled up and weighted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.testing.engines import Case, dense_program
from lamina.training.engines import torch_data
from lamina.training.engines.torch_data import Cuts, Feed, Pool, in_channels
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings

CPU = torch.device("cpu")


def program_of(rows: list[int], batching: Settings) -> Program:
    base = dense_program(Case(), rows=max(rows) + 2)
    empty = np.arange(0)
    portions = tuple(Portion(np.arange(count), empty, empty) for count in rows)
    members = tuple(Member("", number, batching, number) for number in range(len(rows)))
    return Program(base.network, base.features, base.targets, portions, members, "bce")


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    batches=st.one_of(st.none(), st.integers(1, 9)),
    size=st.integers(1, 12),
)
def test_every_member_sees_each_of_its_rows_once_in_order(
    rows: list[int], batches: int | None, size: int
) -> None:
    batching = Settings(batches=batches) if batches else Settings(batch_size=size)
    program = program_of(rows, batching)
    cuts = Cuts.of(program, program.members)
    for number, count in enumerate(rows):
        assert cuts.slots[number][cuts.real[number]].tolist() == list(range(count))
        bounds = batching.bounds(count)
        for batch, size_of_it in enumerate(np.diff(bounds)):
            span = slice(cuts.starts[batch], cuts.starts[batch + 1])
            assert cuts.real[number, span].sum() == size_of_it
            assert cuts.live[batch, number]


@settings(deadline=None, max_examples=20)
@given(rows=st.lists(st.integers(1, 40), min_size=1, max_size=4), weighted=st.booleans())
def test_weights_of_a_batch_sum_to_one_and_shares_of_an_epoch_too(
    rows: list[int], weighted: bool
) -> None:
    program = program_of(rows, Settings(batches=4))
    if weighted:
        some = np.linspace(0.5, 2.0, len(program.features)).astype(np.float32)
        folds = tuple(replace(portion, row_weights=some) for portion in program.portions)
        program = replace(program, portions=folds)
    feed = Feed(Pool(program, CPU), program.members, "members", 1.0)
    for number, (start, end) in enumerate(feed.spans):
        sums = feed.weights[:, start:end].sum(dim=1).numpy()
        np.testing.assert_allclose(sums, feed.cuts.live[number], rtol=1e-5)
    np.testing.assert_allclose(feed.shares.sum(dim=1).numpy(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("layout", ["members", "channels"])
@pytest.mark.parametrize("shuffle", ["once", "epoch"])
@pytest.mark.parametrize("resident", [True, False])
def test_batches_hold_the_rows_of_each_member(
    layout: str, shuffle: str, resident: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_data, "RESIDENT_BYTES", 1 << 30 if resident else 0)
    program = dense_program(Case("mse", normalise=True, changes=(("shuffle", shuffle),)))
    feed = Feed(Pool(program, CPU), program.members, layout, 1.0)
    feed.begin_epoch(3)
    for number, member in enumerate(program.members):
        portion = program.portions[member.portion]
        order = program.epoch_order(member, 3)
        order = np.arange(len(portion.train)) if order is None else order
        bounds = member.settings.bounds(len(order))
        for batch in range(feed.batches):
            x, y = feed.batch(batch)
            if layout == "channels":
                x = x.view(x.shape[0], 2, 5).transpose(0, 1)
            rows = order[bounds[batch] : bounds[batch + 1]]
            expected = program.prepared(portion, "train")[rows]
            np.testing.assert_array_equal(x[number, : len(rows)].numpy(), expected)
            wanted = program.wanted(portion, "train")[rows]
            np.testing.assert_array_equal(y[number, : len(rows)].numpy(), wanted)


def test_large_data_without_normalisation_is_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    program = dense_program(Case("mse", folds=3))
    assert len(Pool(program, CPU).x) > len(program.features)
    monkeypatch.setattr(torch_data, "SHARED_BYTES", 0)
    shared = Pool(program, CPU)
    assert len(shared.x) == len(program.features)
    feed = Feed(shared, program.members[:1], "rows", 1.0)
    x, _ = feed.batch(0)
    train = program.portions[0].train
    expected = program.prepared(program.portions[0], "train")[: len(x)]
    assert len(train) == int(feed.cuts.rows[0])
    np.testing.assert_array_equal(x.numpy(), expected)


def test_channels_of_members_stand_side_by_side() -> None:
    x = torch.arange(2 * 3 * 4 * 5 * 5).view(2, 3, 4, 5, 5)
    folded = in_channels(x)
    assert folded.shape == (3, 8, 5, 5)
    assert torch.equal(folded[:, 4:], x[1])
