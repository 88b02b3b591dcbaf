"""Checkpoints: what is written is read, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import CheckpointError
from lamina.training.checkpoint import Arrays, Checkpoint, Folder, Owner, pack, read, recorded

OWNER = Owner("sha256:me", "fused", "cpu", 2)


def checkpoint(epoch: int = 10, group: int = 0, owner: Owner = OWNER) -> Checkpoint:
    arrays: Arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3) + epoch,
        "scalar": np.array(7, dtype=np.int64),
        "mask": np.array([True, False]),
        "none": np.empty((0, 4)),
    }
    return Checkpoint(owner, group, epoch, arrays, 1.5)


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))


def test_a_checkpoint_comes_back_bit_for_bit(tmp_path: Path) -> None:
    wanted = checkpoint()
    found = read(Folder(tmp_path / "new" / "folder", OWNER).write(wanted))
    assert (found.owner, found.group, found.epoch, found.seconds) == (OWNER, 0, 10, 1.5)
    assert sorted(found.arrays) == sorted(wanted.arrays)
    for name, array in wanted.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].shape == array.shape
        assert np.array_equal(found.arrays[name], array)


def test_the_last_two_of_each_group_are_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path, OWNER)
    for epoch in (5, 10, 100, 20):
        folder.write(checkpoint(epoch))
    folder.write(checkpoint(1, group=1))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name[11:24] for name in names] == ["g0-e00000020.", "g0-e00000100.", "g1-e00000001."]


def test_the_newest_one_is_taken(tmp_path: Path) -> None:
    folder = Folder(tmp_path, OWNER)
    folder.write(checkpoint(9))
    folder.write(checkpoint(10))
    found, refused = folder.newest(0)
    assert found is not None
    assert (found.epoch, refused) == (10, ())
    assert folder.newest(1) == (None, ())
    assert recorded(tmp_path) == OWNER


def test_a_damaged_one_is_named_and_the_one_before_is_taken(tmp_path: Path) -> None:
    folder = Folder(tmp_path, OWNER)
    folder.write(checkpoint(9))
    newest = folder.write(checkpoint(10))
    damage(newest)
    found, refused = folder.newest(0)
    assert found is not None
    assert found.epoch == 9
    assert newest.name in refused[0]
    assert "damaged" in refused[0]
    assert recorded(tmp_path) == OWNER


def test_only_damaged_ones_are_an_error_that_names_them_all(tmp_path: Path) -> None:
    folder = Folder(tmp_path, OWNER)
    for epoch in (1, 2):
        damage(folder.write(checkpoint(epoch)))
    with pytest.raises(CheckpointError, match=r"(?s)is whole.*e00000002.*e00000001"):
        folder.newest(0)
    assert recorded(tmp_path) is None


def test_one_of_another_training_is_refused(tmp_path: Path) -> None:
    path = Folder(tmp_path, Owner("sha256:other")).write(checkpoint(owner=Owner("sha256:other")))
    with pytest.raises(CheckpointError, match="belongs to another training") as caught:
        Folder(tmp_path, OWNER).newest(0)
    assert path.name in str(caught.value)


def test_a_used_folder_is_refused_for_a_new_training(tmp_path: Path) -> None:
    folder = Folder(tmp_path, OWNER)
    folder.refuse_used()
    folder.write(checkpoint())
    with pytest.raises(CheckpointError, match="resume it"):
        folder.refuse_used()


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "checkpoint-g0-e00000099.safetensors.part").write_bytes(b"half")
    folder = Folder(tmp_path, OWNER)
    for epoch in (1, 2, 3):
        folder.write(checkpoint(epoch))
    assert (tmp_path / "notes.txt").read_text() == "mine"
    found, _ = folder.newest(0)
    assert found is not None
    assert found.epoch == 3


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(CheckpointError, match="cannot be written"):
        Folder(tmp_path / "file", OWNER).write(checkpoint())


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_no_flipped_or_missing_byte_goes_unnoticed(data: st.DataObject) -> None:
    import tempfile

    whole = pack(checkpoint())
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        broken = whole[:place]
    else:
        flipped = whole[place] ^ (1 << data.draw(st.integers(0, 7)))
        broken = whole[:place] + bytes([flipped]) + whole[place + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint-g0-e00000010.safetensors"
        path.write_bytes(broken)
        with pytest.raises(CheckpointError, match="checkpoint-g0"):
            read(path)


@pytest.mark.parametrize("content", [b"", b"x", b"{}", b"\x80\x04pickle", b"\xff" * 64])
def test_something_else_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint-g0-e00000001.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read(tmp_path / "checkpoint")
