"""Damaged, forged and foreign artifacts: an ArtifactError or the right value, and never code."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from artifact_values import Record, same
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.signing import key_file
from lamina.data.artifacts.store import Artifacts
from lamina.data.tables import read_table
from lamina.errors import ArtifactError
from lamina.nets.zoo import mlp
from lamina.workflow.types import port_type

VALUES: dict[str, Any] = {
    "json": list(range(1000)),
    "tree": {"t": (1, 2), "many": list(range(500))},
    "npy": np.arange(3000.0).reshape(30, 100),
    "arrow": read_table({"a": [1.0, None], "b": ["x", None], "c": [True, False]}),
    "bytes": b"abc" * 300,
    "list": [np.arange(3), "text", {"k": np.arange(4)}],
    "network": mlp(2, [4], 1),
    "pickle": Record("r", (1, 2)),
}


class Loud:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import os; os.environ['LAMINA_TEST_RAN'] = 'yes'",))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "home"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    return Artifacts(tmp_path_factory.mktemp("store"))


def overwrite(store: Artifacts, ref: Ref, data: bytes) -> None:
    path = Path(store.objects.path(ref.digest))
    path.chmod(0o644)
    path.write_bytes(data)


def test_no_byte_of_a_list_changes_unnoticed(store: Artifacts) -> None:
    ref = store.put(VALUES["list"])
    path = Path(store.objects.path(ref.digest))
    whole = path.read_bytes()
    for at in range(len(whole)):
        overwrite(store, ref, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ArtifactError) as raised:
            store.get(ref)
        assert raised.value.digest == ref.digest
        store.put(VALUES["list"])
    overwrite(store, ref, whole.partition(b"\n")[0])
    assert same(store.get(ref), VALUES["list"]), "lists of earlier versions have no seal"


@settings(max_examples=150, deadline=None)
@given(
    codec=st.sampled_from(sorted(VALUES)),
    kind=st.sampled_from(["flip", "cut", "more", "empty", "swap"]),
    place=st.floats(0, 1, exclude_max=True),
    byte=st.integers(1, 255),
)
def test_a_damaged_artifact_is_reported_or_right(
    store: Artifacts, codec: str, kind: str, place: float, byte: int
) -> None:
    ref = store.put(VALUES[codec])
    assert ref.codec == codec
    whole = Path(store.objects.path(ref.digest)).read_bytes()
    at = int(place * len(whole))
    damaged = {
        "flip": whole[:at] + bytes([whole[at] ^ byte]) + whole[at + 1 :],
        "cut": whole[:at],
        "more": whole + bytes([byte]),
        "empty": b"",
        "swap": whole[at:] + whole[:at],
    }[kind]
    overwrite(store, ref, damaged)
    try:
        value = store.get(ref)
    except ArtifactError as error:
        assert error.digest == ref.digest
        assert store.lacking([ref]) == [ref]
        assert any(ref.digest in path.name for path in (store.folder / "quarantine").iterdir())
        assert store.put(VALUES[codec]).digest == ref.digest or codec == "pickle"
    else:
        assert same(value, VALUES[codec]) or codec == "network"


@settings(max_examples=150, deadline=None)
@given(
    codec=st.sampled_from([*VALUES, "tensor", "bundle", "folder"]),
    data=st.one_of(
        st.binary(max_size=200),
        st.sampled_from(
            [
                pickle.dumps(Loud()),
                b"lamina-pickle/1\n" + b"\0" * 40 + pickle.dumps(Loud()),
                b'{"$":"ref","codec":"pickle","digest":"00","size":1}',
                b'{"$":"numpy","type":"O","hex":"00"}',
                b'{"$":"what"}',
                b"[" * 100_000,
                b'[{"codec":"json","digest":"..","size":0,"inline":"1"}]',
                b'[["../x","' + b"0" * 64 + b'",1,"",false]]',
                b'[["a","",0,"../../x",false]]',
                b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
                + b" " * 60,
            ]
        ),
    ),
)
def test_forged_bytes_under_their_right_digest_give_an_error_or_a_value_and_run_nothing(
    store: Artifacts, codec: str, data: bytes
) -> None:
    digest = store.objects.add(data)
    with suppress(ArtifactError):
        store.get(Ref(codec, digest, len(data)))
    assert "LAMINA_TEST_RAN" not in os.environ


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "a" * 63, "A" * 64, "0" * 63 + "/"])
def test_a_digest_that_is_none_reaches_no_file(store: Artifacts, digest: str) -> None:
    for codec in ("npy", "file", "folder", "list", "json"):
        with pytest.raises(ArtifactError):
            store.get(Ref(codec, digest, 1))


def test_a_missing_artifact_is_named(store: Artifacts) -> None:
    ref = store.put(np.arange(31))
    store.remove([ref.digest])
    with pytest.raises(ArtifactError, match=f"{ref.digest[:12]} is missing"):
        store.get(ref)
    assert store.lacking([ref]) == [ref]


def test_a_damaged_item_makes_its_list_and_its_mapping_lack_something(store: Artifacts) -> None:
    inner = np.arange(99)
    refs = [store.put([inner, 1]), store.put({"deep": [{"x": inner}]})]
    assert not store.lacking(refs)
    store.remove([store.put(inner).digest])
    assert store.lacking(refs) == refs


def test_a_damaged_file_and_folder_are_found(store: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("a" * 70_000)
    for kind, path in (("file", tmp_path / "in/a.txt"), ("folder", tmp_path / "in")):
        ref = store.put(path, port_type(kind))
        inner = store.files.parts(ref)[0] if kind == "folder" else ref
        store.get(ref)
        overwrite(store, inner, b"b" * 70_000)
        with pytest.raises(ArtifactError, match="damaged"):
            store.place(ref, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.parametrize("spoil", [_folder, _pipe, _link])
@pytest.mark.parametrize("codec", ["npy", "json", "list", "file", "folder"])
def test_what_stands_in_the_place_of_an_artifact_is_put_away_and_the_artifact_made_again(
    tmp_path: Path, spoil: Any, codec: str
) -> None:
    store = Artifacts(tmp_path / "store")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("a" * 70_000)
    files = {"file": tmp_path / "in/a", "folder": tmp_path / "in"}
    value = files.get(codec, VALUES.get(codec))
    kind = port_type(codec if codec in files else "any")
    ref = store.put(value, kind)
    store.get(ref)
    spoil(Path(store.objects.path(ref.digest)))
    assert store.lacking([ref]) == [ref]
    with pytest.raises(ArtifactError) as caught:
        store.get(ref)
    assert caught.value.digest == ref.digest
    assert store.put(value, kind) == ref
    assert not store.lacking([ref])
    store.get(ref)
    # And without anybody who read it in between.
    spoil(Path(store.objects.path(ref.digest)))
    assert store.put(value, kind) == ref
    store.get(ref)


def test_an_artifact_that_may_not_be_read_is_put_away_and_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Artifacts(tmp_path)
    ref = store.put(VALUES["npy"])
    path = Path(store.objects.path(ref.digest))
    path.chmod(0)
    assert store.lacking([ref]) == [ref]
    opened = os.open

    def refuse(place: Any, *given: Any, **named: Any) -> int:
        if not Path(place).stat().st_mode & 0o400:  # root may read what others may not
            raise PermissionError(13, "Permission denied")
        return opened(place, *given, **named)

    monkeypatch.setattr(os, "open", lambda place, *given, **named: (
        refuse(place, *given, **named) if Path(place) == path else opened(place, *given, **named)
    ))  # fmt: skip
    with pytest.raises(ArtifactError, match="Permission denied") as caught:
        store.get(ref)
    assert "quarantine" in caught.value.way_out
    assert store.put(VALUES["npy"]) == ref
    assert same(store.get(ref), VALUES["npy"])


def test_pickles_of_another_user_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Artifacts(tmp_path / "store")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "other"))
    ref = store.put(Loud())
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "mine"))
    with pytest.raises(ArtifactError, match="there is no key"):
        store.get(ref)
    store.put(Record("r", ()))
    with pytest.raises(ArtifactError, match="another user"):
        store.get(ref)
    assert "LAMINA_TEST_RAN" not in os.environ


def test_a_pickle_with_a_wrong_signature_is_refused(store: Artifacts) -> None:
    data = store.objects.raw(store.put(Record("r", ())).digest)
    forged = data[:24] + bytes(32) + pickle.dumps(Loud())
    with pytest.raises(ArtifactError, match="signature"):
        store.get(Ref("pickle", store.objects.add(forged), len(forged)))
    assert "LAMINA_TEST_RAN" not in os.environ


def test_a_key_that_others_can_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    store = Artifacts(tmp_path / "store")
    store.put(Record("r", ()))
    assert key_file().stat().st_mode & 0o777 == 0o600
    key_file().chmod(0o644)
    with pytest.raises(ArtifactError, match="others may read"):
        store.put(Record("r", ()))


def test_a_full_disk_is_named_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Artifacts(tmp_path)
    write = os.write

    def full(handle: int, data: Any) -> int:
        if len(data) > 1000:
            raise OSError(28, "No space left on device")
        return write(handle, data)

    monkeypatch.setattr(os, "write", full)
    for value in (np.arange(1000), np.arange(4_000_000), b"x" * 5000, "x" * 5000, "x" * 900_000):
        with pytest.raises(ArtifactError, match="No space left on device"):
            store.put(value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(ArtifactError, match="cannot be written"):
        Artifacts(tmp_path / "store").put(np.arange(3))


def test_what_no_value_needs_is_swept(tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "store")
    kept = store.put([np.arange(5), {"x": np.arange(6)}])
    lost = store.put(np.arange(7))
    part = store.objects.deposit()
    part.write(b"x" * 500_000)
    stale = next((store.folder / "parts").iterdir())
    os.utime(stale, (0, 0))
    assert store.sweep([kept]) == 0
    assert store.sweep([kept], age=-1.0) > 0
    assert not store.lacking([kept])
    assert store.lacking([lost]) == [lost]
    assert not stale.exists()
    part.drop()


def test_lists_follow_their_files_to_another_place(tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "store")
    kind = port_type("list[file]")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("1")
        ref = store.refer([tmp_path / folder / "a.csv"], kind)
        if folder == "two":
            shutil.rmtree(tmp_path / "one")
        assert [path.read_text() for path in store.get(ref)] == ["1"]
    assert hashlib.sha256(b"1").hexdigest() == store.items(ref)[0].digest
