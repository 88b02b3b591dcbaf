"""Archives: good ones come out whole, bad ones leave nothing and reach nothing."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.artifacts.archives import Limits, unpack
from lamina.errors import ArtifactError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is packed."""
    made = tmp_path / "given"
    (made / "deep/empty").mkdir(parents=True)
    (made / "a.txt").write_text("a" * 1000)
    (made / "deep/run.sh").write_text("#!/bin/sh\n")
    (made / "deep/run.sh").chmod(0o755)
    (made / "deep/link").symlink_to("../a.txt")
    return made


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def tape(path: Path, *entries: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as file:
        for info in entries:
            file.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def zipped(path: Path, name: str, content: bytes = b"x", mode: int = 0o100644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(info, content)
    return path


@pytest.mark.parametrize("form", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_what_was_packed_comes_out(folder: Path, tmp_path: Path, form: str) -> None:
    archive = tmp_path / f"x.{form}"
    if form == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted(folder.rglob("*")):
                if not path.is_symlink():
                    file.write(path, path.relative_to(folder))
            info = zipfile.ZipInfo("deep/link")
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, "../a.txt")
    else:
        with tarfile.open(archive, f"w:{form.partition('.')[2]}") as packed:  # type: ignore[call-overload]
            packed.add(folder, ".")
    out = unpack(archive, tmp_path / "out")
    assert (out / "a.txt").read_text() == "a" * 1000
    assert os.access(out / "deep/run.sh", os.X_OK)
    assert (out / "deep/empty").is_dir()
    assert (out / "deep/link").read_text() == "a" * 1000
    assert (out / "deep/link").is_symlink()


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


BAD: dict[str, Callable[[Path], Path]] = {
    "absolute": lambda path: tape(path, entry("/tmp/lamina-evil", size=1)),
    "above": lambda path: tape(path, entry("a/../../evil", size=1)),
    "absolute link": lambda path: tape(path, entry("l", tarfile.SYMTYPE, "/etc/passwd")),
    "link above": lambda path: tape(path, entry("d/l", tarfile.SYMTYPE, "../../evil")),
    "link by links": lambda path: tape(
        path,
        entry("p/q/deep", tarfile.SYMTYPE, "../.."),
        entry("out", tarfile.SYMTYPE, "p/q/deep/../evil"),
    ),
    "hard link above": lambda path: tape(path, entry("h", tarfile.LNKTYPE, "../evil")),
    "hard link to nothing": lambda path: tape(path, entry("h", tarfile.LNKTYPE, "nothing")),
    "pipe": lambda path: tape(path, entry("p", tarfile.FIFOTYPE)),
    "device": lambda path: tape(path, entry("d", tarfile.CHRTYPE)),
    "file and folder": lambda path: tape(path, entry("a", size=1), entry("a/b", size=1)),
    "zip above": lambda path: zipped(path, "../evil"),
    "zip absolute": lambda path: zipped(path, "/tmp/lamina-evil"),
    "zip link above": lambda path: zipped(path, "l", b"../evil", stat.S_IFLNK | 0o777),
    "zip device": lambda path: zipped(path, "d", b"", stat.S_IFCHR | 0o644),
    "zip bomb": lambda path: zipped(path, "big", bytes(40_000_000)),
    "nothing": lambda path: path,
    "text": lambda path: written(path, "hello"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "evil").write_text("untouched")
    with pytest.raises(ArtifactError, match="given"):
        unpack(BAD[name](tmp_path / "in/given.bin"), tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"in", "evil"}
    assert (tmp_path / "evil").read_text() == "untouched"
    assert not Path("/tmp/lamina-evil").exists()


def test_a_link_is_never_written_through(tmp_path: Path) -> None:
    archive = tape(tmp_path / "x.tar", entry("l", tarfile.SYMTYPE, "sub"), entry("l/file", size=3))
    with pytest.raises(ArtifactError):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_than_the_limits_is_refused(tmp_path: Path) -> None:
    many = tape(tmp_path / "many.tar", *(entry(str(number)) for number in range(20)))
    with pytest.raises(ArtifactError, match="more than 10 members"):
        unpack(many, tmp_path / "out", Limits(members=10))
    with pytest.raises(ArtifactError, match="more than 100 bytes"):
        unpack(tape(tmp_path / "b.tar", entry("b", size=200)), tmp_path / "out", Limits(size=100))


def test_a_folder_that_holds_something_is_not_written_over(tmp_path: Path) -> None:
    archive = tape(tmp_path / "x.tar", entry("a", size=1))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    with pytest.raises(ArtifactError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/mine").read_text() == "mine"


def whole(form: str) -> bytes:
    buffer = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a/b.txt", "b" * 500)
            file.writestr("c.txt", "c" * 500)
    else:
        with tarfile.open(fileobj=buffer, mode=f"w:{form}") as packed:  # type: ignore[call-overload]
            packed.addfile(entry("a/b.txt", size=500), io.BytesIO(b"b" * 500))
    return buffer.getvalue()


WHOLE = {form: whole(form) for form in ("zip", "", "gz", "xz", "bz2")}


@settings(max_examples=120, deadline=None)
@given(
    form=st.sampled_from(sorted(WHOLE)),
    place=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
    cut=st.booleans(),
)
def test_a_damaged_archive_is_told_or_comes_out(
    tmp_path_factory: pytest.TempPathFactory, form: str, place: float, byte: int, cut: bool
) -> None:
    base = tmp_path_factory.mktemp("archive")
    data = WHOLE[form]
    at = int(place * len(data))
    (base / "x").write_bytes(data[:at] if cut else data[:at] + bytes([byte]) + data[at + 1 :])
    try:
        unpack(base / "x", base / "deep/out")
    except ArtifactError:
        assert not list((base / "deep").glob("*"))
    assert {path.name for path in base.iterdir()} <= {"x", "deep"}
