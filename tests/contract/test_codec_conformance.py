"""Every codec of ours keeps what the artifact store expects; a forgetful one is found out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from lamina.data.artifacts.codecs import CLASSES, CODECS, Codec, Sink, codec_of
from lamina.data.artifacts.deposit import Buffer
from lamina.data.artifacts.store import Artifacts
from lamina.data.tables import read_table
from lamina.nets.bundle import Bundle
from lamina.nets.initial import initial_weights
from lamina.nets.zoo import mlp
from lamina.testing.codecs import check_codec

NETWORK = mlp(2, [4], 1)


def equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(np.all(one == other))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("npy", np.arange(24.0).reshape(2, 3, 4).T),
        ("bytes", b"abc"),
        ("pickle", range(3)),
        ("network", NETWORK),
    ],
)
def test_every_codec_of_ours_conforms(name: str, value: Any) -> None:
    check_codec(CODECS.get(name), value, equal)


def test_the_codec_of_tables_conforms() -> None:
    table = read_table({"a": [1.0, None], "b": ["x", None]})
    check_codec(CODECS.get("arrow"), table, lambda one, other: one.equals(other))


FRAMES = st.builds(
    lambda rows, index: pandas.DataFrame(rows, index=index[: len(rows["n"])]),
    st.integers(0, 6).flatmap(
        lambda size: st.fixed_dictionaries(
            {
                "n": st.lists(st.integers(-9, 9), min_size=size, max_size=size),
                "x": st.lists(st.floats(), min_size=size, max_size=size),
                "t": st.lists(st.text() | st.none(), min_size=size, max_size=size),
                "o": st.lists(
                    st.text(max_size=2) | st.just(float("nan")) | st.integers(0, 1),
                    min_size=size,
                    max_size=size,
                ),
            }
        )
    ),
    st.permutations(range(6)),
)


# The first frame loads pandas.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(FRAMES)
def test_a_frame_of_pandas_comes_back_as_it_was_whatever_is_in_it(frame: Any) -> None:
    made = CODECS.get(codec_of(frame))
    sink = io.BytesIO()
    made.write(frame, sink)
    assert_frame_equal(made.read(sink.getvalue()), frame, check_column_type=True, check_exact=True)


def test_codecs_of_data_frames_conform() -> None:
    days = ["2026-01-01", "2026-01-03", "2026-01-04"]
    times = pandas.DatetimeIndex(days, tz="Europe/Berlin", name="when")
    frame = pandas.DataFrame(
        {"n": [1, 2, 3], "kind": pandas.Categorical(["a", "b", "a"]), "t": ["x", None, "z"]}, times
    )
    check_codec(CODECS.get("dataframe"), frame, lambda one, other: one.equals(other))
    table = pyarrow.table({"n": [1, None, 3], "l": [[1], [], None]})
    check_codec(CODECS.get("arrow-table"), table, lambda one, other: one.equals(other))


@pytest.mark.parametrize(
    "frame",
    [
        pandas.DataFrame({"o": ["a", 1]}),
        pandas.DataFrame({"o": [[1], [2]]}),
        pandas.DataFrame([[1, 2]], columns=["same", "same"]),
        pandas.DataFrame([[1, 2]], columns=[0, "b"]),
        pandas.DataFrame({"n": [1, 2]}, pandas.date_range("2026-01-01", periods=2)),
    ],
    ids=["numbers among texts", "lists", "one name twice", "a number as a name", "a frequency"],
)
def test_frames_that_arrow_would_change_are_pickled(frame: Any, tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "store")
    ref = store.put(frame)
    assert ref.codec == "pickle"
    assert_frame_equal(store.get(ref), frame)


def test_frames_need_no_trust(tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "store")
    for value in (pandas.DataFrame({"n": [1]}), pyarrow.table({"n": [1]})):
        assert store.get(store.put(value), trusted=False).equals(value)


def test_the_codec_of_models_conforms() -> None:
    bundle = Bundle(NETWORK, initial_weights(NETWORK, "xavier", 1))
    check_codec(CODECS.get("bundle"), bundle, lambda one, other: one.digest == other.digest)


def test_the_codec_of_tensors_conforms() -> None:
    torch = pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
    check_codec(CODECS.get("tensor"), torch.arange(6.0).reshape(2, 3), torch.equal)


class Celsius:
    """A class of somebody else."""

    def __init__(self, degrees: int) -> None:
        self.degrees = degrees


class Degrees(Codec):
    """Its codec."""

    def write(self, value: Any, sink: Sink) -> None:
        sink.write(value.degrees.to_bytes(4, "big"))

    def read(self, data: Buffer) -> Any:
        if len(data) != 4:
            raise ValueError("four bytes are needed")
        return Celsius(int.from_bytes(bytes(data), "big"))


class Forgetful(Degrees):
    """One that forgets."""

    def read(self, data: Buffer) -> Any:
        return Celsius(0)


def test_a_codec_of_somebody_else_conforms_and_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same(one: Any, other: Any) -> bool:
        return bool(one.degrees == other.degrees)

    check_codec(Degrees(), Celsius(20), same)
    with pytest.raises(AssertionError, match="changed on its way"):
        check_codec(Forgetful(), Celsius(20), same)
    monkeypatch.setitem(CODECS._targets, "celsius", Degrees())
    monkeypatch.setitem(CLASSES, f"{Celsius.__module__}.Celsius", "celsius")
    store = Artifacts(tmp_path / "store")
    ref = store.put(Celsius(30))
    assert ref.codec == "celsius"
    assert store.get(ref, trusted=False).degrees == 30
