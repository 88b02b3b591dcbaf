"""Artifacts: every value comes back as it was, under a digest that its content decides."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from artifact_values import ARRAYS, PLAIN, PYTHON, Pair, Record, same, same_bytes, tables
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.artifacts.frames import STREAMS
from lamina.data.artifacts.reference import INLINE, Ref
from lamina.data.artifacts.store import Artifacts
from lamina.data.tables import Table
from lamina.errors import ArtifactError
from lamina.nets.bundle import Bundle
from lamina.nets.initial import initial_weights
from lamina.nets.network import Network


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    return Artifacts(tmp_path_factory.mktemp("project") / "artifacts")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "home"))


def there_and_back(store: Artifacts, value: Any) -> Ref:
    """Keeps a value, reads it through a reference that went through JSON, compares."""
    ref = store.put(value)
    read = Ref.from_json(json.loads(json.dumps(ref.to_json())))
    assert read == ref
    assert not store.lacking([ref])
    assert same(store.get(read), value)
    return ref


@settings(deadline=None)
@given(value=PLAIN)
def test_plain_values_come_back_with_their_types_and_order(store: Artifacts, value: Any) -> None:
    there_and_back(store, value)


@settings(max_examples=60, deadline=None)
@given(value=PYTHON)
def test_other_python_values_come_back_without_pickles(store: Artifacts, value: Any) -> None:
    ref = there_and_back(store, value)
    assert ref.codec in ("json", "tree", "bytes", "list")
    assert store.put(value).digest == ref.digest


@settings(max_examples=60, deadline=None)
@given(array=ARRAYS, transposed=st.booleans(), step=st.sampled_from([1, 2, -1]))
def test_arrays_come_back_whatever_their_type_and_layout(
    store: Artifacts, array: Any, transposed: bool, step: int
) -> None:
    view = array.T if transposed else array
    view = view[::step] if view.ndim else view
    ref = store.put(view)
    back = store.get(ref)
    assert type(back) is np.ndarray
    assert (back.dtype, back.shape) == (view.dtype, view.shape)
    assert same_bytes(back, view)


@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_tables_come_back_with_types_empty_cells_and_origin(store: Artifacts, table: Table) -> None:
    assert there_and_back(store, table).codec == "arrow"


@settings(max_examples=30, deadline=None)
@given(values=st.lists(PLAIN | ARRAYS.filter(lambda a: a.dtype.kind != "O"), max_size=6))
def test_gathering_then_taking_apart_gives_the_same_references(
    store: Artifacts, values: list[Any]
) -> None:
    refs = [store.put(value) for value in values]
    gathered = store.gather(refs)
    assert [ref.digest for ref in store.items(gathered)] == [ref.digest for ref in refs]
    assert same(store.get(gathered), values)


@pytest.mark.parametrize(
    "value",
    [Pair(1, "a"), Record("r", (1, 2)), [Record("r", ()), 1], {"k": Pair(1, 2)}, {1, Pair(1, 2)}],
)
def test_records_of_ones_own_classes_come_back(store: Artifacts, value: Any) -> None:
    there_and_back(store, value)


def test_functions_without_a_name_come_back(store: Artifacts) -> None:
    assert store.get(store.put(lambda x: x + 1))(2) == 3


def test_networks_and_models_are_documents_and_bundles(store: Artifacts, network: Network) -> None:
    bundle = Bundle(network, initial_weights(network, "xavier", 1), name="kept")
    ref = store.put({"network": network, "model": bundle})
    back = store.get(ref, trusted=False)
    assert back["network"] == network
    assert back["model"].digest == bundle.digest
    assert store.put(bundle).codec == "bundle"
    assert store.put(network).codec == "network"


def test_tensors_come_back_with_their_kind(store: Artifacts) -> None:
    torch = pytest.importorskip("torch", reason="no torch: pip install 'lamina[torch]'")
    for tensor in (
        torch.arange(6.0).reshape(2, 3).T,
        torch.ones(3, dtype=torch.bfloat16),
        torch.zeros((0, 2), dtype=torch.int8),
        torch.ones(2, requires_grad=True),
        torch.tensor(1 + 2j),
    ):
        ref = store.put(tensor)
        back = store.get(ref)
        assert ref.codec == "tensor"
        assert back.dtype == tensor.dtype
        assert back.requires_grad == tensor.requires_grad
        assert torch.equal(back, tensor)


def test_a_short_value_travels_in_its_reference_and_touches_no_disk(tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "new")
    ref = store.put({"loss": 0.5, "steps": [1, 2]})
    assert ref.inline == '{"loss":0.5,"steps":[1,2]}'
    assert store.get(ref) == {"loss": 0.5, "steps": [1, 2]}
    assert not store.folder.exists()


def test_a_long_list_is_small_as_a_reference(store: Artifacts) -> None:
    refs = [store.put(np.arange(number)) for number in range(50)] * 40
    for values in (list(range(10_000)), refs):
        gathered = store.gather(values) if values is refs else store.put(values)  # type: ignore[arg-type]
        assert len(json.dumps(gathered.to_json())) < 2 * INLINE
        assert len(store.items(gathered)) == len(values)
    assert gathered.count == 2000


def test_equal_values_are_kept_once(tmp_path: Path) -> None:
    store = Artifacts(tmp_path)
    first = store.put(np.arange(100_000))
    second = store.put(np.arange(100_000))
    assert first == second
    assert [entry.digest for entry in store.stored()] == [first.digest]


def test_files_of_the_store_are_read_only(store: Artifacts) -> None:
    ref = store.put(np.arange(77))
    assert Path(store.objects.path(ref.digest)).stat().st_mode & 0o777 == 0o444


def test_writing_to_an_array_changes_nothing_that_is_kept(store: Artifacts) -> None:
    array = np.zeros(100_000)
    ref = store.put(array)
    store.get(ref)[:] = 1
    assert not store.get(ref).any()


def test_plain_gives_json_and_refuses_all_else(store: Artifacts) -> None:
    assert store.plain(store.put({"a": (1, np.float32(0.5)), 2: {"x"}})) == {
        "a": [1, 0.5],
        "2": ["x"],
    }
    assert store.plain(store.put([np.bool_(True), "x" * 1000])) == [True, "x" * 1000]
    for value in (np.arange(3), {"inner": np.arange(3)}, Record("r", ()), [lambda: 1]):
        with pytest.raises(ArtifactError, match="not a plain value"):
            store.plain(store.put(value))


class Loud:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import os; os.environ['LAMINA_TEST_RAN'] = 'yes'",))


def test_a_reading_process_never_opens_a_pickle(store: Artifacts) -> None:
    for value in (Loud(), [Loud()], {"deep": (Loud(),)}):
        with pytest.raises(ArtifactError, match="could run code"):
            store.get(store.put(value), trusted=False)
    assert "LAMINA_TEST_RAN" not in os.environ


def test_a_stream_is_read_by_anybody_unless_an_item_could_run_code(store: Artifacts) -> None:
    def streamed(items: list[Any]) -> Ref:
        deposit = store.objects.deposit()
        STREAMS.write(items, deposit)
        return Ref("stream", store.objects.keep(deposit), deposit.size, count=len(items))

    row, array = store.get(streamed([{"i": 1}, np.arange(3)]), trusted=False)
    assert (row, array.tolist()) == ({"i": 1}, [0, 1, 2])
    assert store.get(streamed([]), trusted=False) == []
    with pytest.raises(ArtifactError, match="could run code"):
        store.get(streamed([1, Loud()]), trusted=False)
    assert "LAMINA_TEST_RAN" not in os.environ


def test_taking_a_list_apart_opens_no_pickle(store: Artifacts) -> None:
    loud = store.put(Loud())
    with pytest.raises(ArtifactError, match="is a pickle, not a list"):
        store.items(loud)
    deposit = store.objects.deposit()
    STREAMS.write([Loud(), 1], deposit)
    (first, second) = store.items(Ref("stream", store.objects.keep(deposit), deposit.size))
    assert (first.codec, first.size) == ("pickle", loud.size) and store.plain(second) == 1
    (pair, single) = store.items(store.put(((1, Loud()), Loud())))
    assert (pair.codec, single.codec) == ("tree", "pickle")
    with pytest.raises(ArtifactError, match="could run code"):
        store.get(pair, trusted=False)
    assert "LAMINA_TEST_RAN" not in os.environ


def test_what_cannot_be_kept_is_said_with_its_class(store: Artifacts) -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value, named in ((threading.Lock(), "lock"), (loop, "list")):
        with pytest.raises(ArtifactError, match=named):
            store.put(value)


def test_a_value_that_is_no_list_has_no_items(store: Artifacts) -> None:
    with pytest.raises(ArtifactError, match="not a list"):
        store.items(store.put(5))
    assert [store.get(ref) for ref in store.items(store.put((1, "a")))] == [1, "a"]
