"""Normalisation: fitted on the rows given, constant columns become 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from lamina.data.normalise import fit_columns, fit_normalisation, restore
from lamina.errors import DataError

FEATURES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    elements=st.floats(-1e6, 1e6, width=32),
)


@settings(deadline=None, max_examples=60)
@given(FEATURES)
def test_min_max_puts_the_training_rows_between_0_and_1(features: NDArray[np.float64]) -> None:
    shift, scale = fit_normalisation("min-max", features)
    moved = (features - shift) * scale
    assert moved.min() >= 0.0
    assert moved.max() <= 1.0 + 1e-12
    for column in np.flatnonzero(scale):
        assert moved[:, column].max() == pytest.approx(1.0)


@settings(deadline=None, max_examples=60)
@given(FEATURES)
def test_standard_gives_mean_0_and_deviation_1(features: NDArray[np.float64]) -> None:
    shift, scale = fit_normalisation("standard", features)
    moved = (features - shift) * scale
    wide = np.ptp(features, axis=0) > 1e-3
    assert np.allclose(moved.mean(axis=0)[wide], 0.0, atol=1e-6)
    assert np.allclose(moved.std(axis=0)[wide], 1.0, atol=1e-6)


@pytest.mark.parametrize("kind", ["min-max", "standard"])
def test_a_constant_column_becomes_0_and_is_told(kind: str) -> None:
    features = np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0]])
    shift, scale = fit_normalisation(kind, features)
    assert np.flatnonzero(scale == 0.0).tolist() == [0]
    assert ((features - shift) * scale)[:, 0].tolist() == [0.0, 0.0, 0.0]


def test_none_leaves_features_as_they_are() -> None:
    shift, scale = fit_normalisation("none", [[3.0, 4.0]])
    assert (shift.tolist(), scale.tolist()) == ([0.0, 0.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("kind", "features", "said"),
    [
        ("minmax", [[1.0]], "normalise = 'minmax'"),
        ("min-max", np.empty((0, 3)), "rows"),
        ("min-max", [1.0, 2.0], "shape"),
        ("min-max", [[np.nan], [1.0]], "number 0"),
        ("standard", [[0.0, np.inf], [0.0, 1.0]], "number 1"),
        ("min-max", [[-1.7e308], [1.7e308]], "too far apart"),
    ],
)
def test_what_cannot_be_normalised_is_refused(kind: str, features: object, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        fit_normalisation(kind, features)  # type: ignore[arg-type]
    assert caught.value.way_out


def test_channels_share_a_scale_and_columns_have_their_own() -> None:
    values = np.random.default_rng(0).normal(size=(5, 2, 3, 4))
    shift, scale = fit_columns("min-max", values)
    assert shift.shape == scale.shape == (2, 3, 4)
    assert set(shift[1].ravel()) == {values[:, 1].min()}
    assert fit_columns("standard", values[:, 0, 0])[0].shape == (4,)
    assert fit_columns("standard", values[:, 0, 0, 0])[0].shape == ()


def test_a_target_that_cannot_be_scaled_is_called_a_target() -> None:
    with pytest.raises(DataError, match="targets number 1"):
        fit_columns("standard", [[1.0, -1.7e308], [2.0, 1.7e308]], "target")


@settings(deadline=None, max_examples=60)
@given(FEATURES, st.sampled_from(["min-max", "standard"]))
def test_restoring_undoes_normalisation(features: NDArray[np.float64], kind: str) -> None:
    shift, scale = fit_normalisation(kind, features)
    moved = restore((features - shift) * scale, shift, scale)
    np.testing.assert_allclose(moved, features, rtol=1e-9, atol=1e-9)
    for column in np.flatnonzero(scale == 0.0):
        assert np.array_equal(moved[:, column], features[:, column])


def test_a_deviation_whose_square_underflows_is_found() -> None:
    plain = np.array([[1.0], [3.0], [9.0]])
    _, wide = fit_normalisation("standard", plain)
    _, narrow = fit_normalisation("standard", plain * 1e-200)
    np.testing.assert_allclose(narrow, wide * 1e200, rtol=1e-12)
