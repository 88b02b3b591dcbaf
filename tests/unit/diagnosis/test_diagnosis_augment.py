"""Augmentation: what each change does, seeds, names."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from lamina.diagnosis.augment import (
    CHANGES,
    NAMES,
    THE_PAPERS,
    USUAL,
    Augmentation,
    augmentation_of,
)
from lamina.errors import UsageError


def charts(channels: int = 3, rows: int = 6) -> torch.Tensor:
    paper = 1.0 if channels == 3 else 0.0
    made = torch.full((rows, channels, 12, 16), paper)
    made[:, 0, 2:5, 3:9] = 0.4
    made[:, -1, 7:9, 1:4] = 0.7
    return made


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [3, 7])
def test_each_change_is_seeded_keeps_the_shape_and_stays_between_paper_and_ink(
    name: str, channels: int
) -> None:
    change = augmentation_of(name)
    given = charts(channels)
    kept = given.clone()
    found = change(given, 5)
    assert torch.equal(given, kept), "what was given is left alone"
    assert found.shape == given.shape
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-6
    assert torch.equal(found, change(given, 5))
    assert not torch.equal(found, change(given, 6))
    assert not torch.equal(found, given)
    assert not torch.equal(found[0], found[1]) or name == "flips", "each chart has its own"


def test_nothing_is_done_without_an_amount() -> None:
    given = charts()
    assert torch.equal(Augmentation()(given, 1), given)
    assert not Augmentation()
    assert augmentation_of("") == augmentation_of("none") == Augmentation()


def test_flips_mirror_half_of_the_charts_left_to_right() -> None:
    given = charts(rows=400)
    found = Augmentation(flips=0.5)(given, 3)
    mirrored = (found == given.flip(-1)).all(dim=(1, 2, 3))
    same = (found == given).all(dim=(1, 2, 3))
    assert bool((mirrored ^ same).all())
    assert 150 < int(mirrored.sum()) < 250
    assert torch.equal(Augmentation(flips=1.0)(given, 3), given.flip(-1))


@pytest.mark.parametrize(("channels", "paper"), [(3, 1.0), (7, 0.0)])
def test_shifts_move_charts_by_whole_pixels_and_bring_paper_in(channels: int, paper: float) -> None:
    given = charts(channels, rows=20)
    found = Augmentation(shifts=0.25)(given, 9)
    ways = set()
    for before, after in zip(given, found, strict=True):
        fitting = [
            (down, right)
            for down in range(-3, 4)
            for right in range(-4, 5)
            if torch.equal(after, _moved(before, down, right, paper))
        ]
        assert len(fitting) == 1
        ways.add(fitting[0])
    assert len(ways) > 10
    assert torch.equal(Augmentation(shifts=1e-3)(given, 9), given)


def _moved(chart: torch.Tensor, down: int, right: int, paper: float) -> torch.Tensor:
    """Moved on a sheet with a wide margin, of which the middle is left."""
    _, height, width = chart.shape
    wide = torch.nn.functional.pad(chart, (9, 9, 9, 9), value=paper)
    return wide[:, 9 - down : 9 - down + height, 9 - right : 9 - right + width]


def test_a_full_turn_is_none_and_a_half_turn_mirrors_twice() -> None:
    given = charts()
    generator = _Fixed(180.0)
    found = CHANGES["rotation"](given, 180.0, generator)
    torch.testing.assert_close(found, given.flip(-1).flip(-2), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        CHANGES["rotation"](given, 1.0, _Fixed(0.0)), given, atol=1e-4, rtol=0
    )


def test_a_quarter_turn_keeps_its_shape_on_a_chart_that_is_not_square() -> None:
    given = torch.zeros(1, 7, 41, 61)
    given[:, :, 18:23, 20:41] = 1.0
    found = CHANGES["rotation"](given, 90.0, _Fixed(90.0))
    rows, columns = found[0, 0].sum(dim=1), found[0, 0].sum(dim=0)
    assert int((rows > 1).sum()) == 21
    assert int((columns > 1).sum()) == 5


class _Fixed(np.random.Generator):
    """Draws one value whatever is asked for."""

    def __init__(self, value: float) -> None:
        super().__init__(np.random.PCG64(0))
        self._value = value

    def uniform(self, low: object = 0.0, high: object = 1.0, size: object = None) -> object:  # type: ignore[override]
        return np.full(size, self._value)  # type: ignore[call-overload]


def test_jitter_leaves_bars_where_they_are() -> None:
    given = charts()
    found = Augmentation(jitter=0.1)(given, 2)
    assert float((found - given).abs().max()) < 0.35
    flat = found[0, 0, 2:5, 3:9]
    assert float(flat.max() - flat.min()) < 1e-6


def test_switching_one_off_leaves_the_draws_of_the_others_alike() -> None:
    given = charts()
    both = Augmentation(flips=1.0, shifts=0.3)(given, 4)
    assert torch.equal(both, Augmentation(shifts=0.3)(given.flip(-1), 4))


def test_names_carry_amounts() -> None:
    assert augmentation_of(THE_PAPERS) == Augmentation(flips=0.5, jitter=USUAL["jitter"])
    assert augmentation_of("shifts=0.2, noise") == Augmentation(shifts=0.2, noise=USUAL["noise"])
    assert set(USUAL) == set(NAMES)
    assert "shifts=0.2" in repr(augmentation_of("shifts=0.2")), "checkpoints know by it"


def test_mistakes_are_named() -> None:
    with pytest.raises(UsageError, match=r"(?s)no augmentation 'flip'.*flips"):
        augmentation_of("flip")
    with pytest.raises(UsageError, match="cannot be 'much'"):
        augmentation_of("noise=much")
    with pytest.raises(UsageError, match=r"(?s)rotation .* cannot be 200.*0 to 180"):
        Augmentation(rotation=200.0)


def test_what_the_pages_say_of_augmentation_is_understood() -> None:
    pages = Path(__file__).parents[3] / "docs"
    told = [
        name
        for page in pages.rglob("*.md")
        for name in re.findall(r"--set augment=([^\s`]+)", page.read_text(encoding="utf-8"))
    ]
    assert len(told) >= 2
    for name in told:
        augmentation_of(name)
