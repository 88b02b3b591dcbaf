"""Files and folders as artifacts: as they are, under their names, the user's own left in place."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.data.artifacts.objects import digest_of_file
from lamina.data.artifacts.store import Artifacts
from lamina.errors import ArtifactError
from lamina.workflow.types import port_type

FILE, FOLDER = port_type("file"), port_type("folder")
LARGE = b"0123456789" * 10_000


@pytest.fixture
def store(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all that may stand in one."""
    made = tmp_path / "given"
    (made / "deep/deeper").mkdir(parents=True)
    (made / "empty").mkdir()
    (made / "a.txt").write_text("a")
    (made / "deep/big.bin").write_bytes(LARGE)
    (made / "deep/deeper/run.sh").write_text("#!/bin/sh\necho hi\n")
    (made / "deep/deeper/run.sh").chmod(0o755)
    (made / "deep/link").symlink_to("../a.txt")
    return made


def listing(folder: Path) -> dict[str, object]:
    """What stands in a folder: contents, links, rights to run."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = path.readlink()
        elif path.is_file():
            found[name] = (path.read_bytes(), os.access(path, os.X_OK) and path.suffix == ".sh")
        else:
            found[name] = None
    return found


def test_a_file_keeps_its_content_and_its_name(store: Artifacts, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    ref = store.put(path)
    path.unlink()
    assert (ref.codec, ref.name, ref.origin) == ("file", "table.csv", "")
    assert store.get(ref).name == "table.csv"
    assert store.get(ref).read_text() == "a,b\n1,2\n"
    assert store.put(str(store.get(ref)), FILE).digest == ref.digest


def test_one_content_may_have_many_names(store: Artifacts, tmp_path: Path) -> None:
    for name in ("one.csv", "two.txt"):
        (tmp_path / name).write_text("same")
    one, two = (store.put(tmp_path / name) for name in ("one.csv", "two.txt"))
    assert one.digest == two.digest
    assert [store.get(ref).name for ref in (one, two)] == ["one.csv", "two.txt"]


@pytest.mark.parametrize("name", ["../../out.txt", "/etc/x", "..", "", "a/b"])
def test_a_forged_name_leads_nowhere(store: Artifacts, tmp_path: Path, name: str) -> None:
    from dataclasses import replace

    (tmp_path / "x.txt").write_text("x")
    ref = replace(store.put(tmp_path / "x.txt"), name=name)
    assert store.get(ref).resolve().is_relative_to(store.folder.resolve())


@pytest.mark.parametrize("size", [10, 200_000, 10_000_000])
def test_files_of_all_sizes_are_copied_whole(store: Artifacts, tmp_path: Path, size: int) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(os.urandom(size))
    ref = store.put(path)
    assert ref.size == size
    assert store.get(ref).read_bytes() == path.read_bytes()
    placed = store.place(ref, tmp_path / "work/in.bin")
    assert placed.read_bytes() == path.read_bytes()


def test_a_program_can_still_be_run(store: Artifacts, tmp_path: Path) -> None:
    path = tmp_path / "run.sh"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    ref = store.put(path)
    assert os.access(store.get(ref), os.X_OK)
    assert os.access(store.place(ref, tmp_path / "work/run.sh"), os.X_OK)


def test_writing_to_a_placed_file_changes_nothing_that_is_kept(
    store: Artifacts, tmp_path: Path
) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(LARGE)
    ref = store.put(path)
    placed = store.place(ref, tmp_path / "work/big.bin")
    try:
        with placed.open("r+b") as file:
            file.write(b"changed")
    except PermissionError:
        assert os.geteuid() != 0
    assert store.get(ref).read_bytes() == LARGE


def test_a_folder_comes_back_as_it_was(store: Artifacts, folder: Path, tmp_path: Path) -> None:
    ref = store.put(folder, FOLDER)
    assert (ref.codec, ref.name) == ("folder", "given")
    assert listing(store.get(ref)) == listing(folder)
    placed = store.place(ref, tmp_path / "work/there")
    assert listing(placed) == listing(folder)
    (placed / "deep/new.txt").write_text("a placed folder is one's own")
    assert listing(store.get(ref)) == listing(folder)


def test_equal_folders_have_equal_digests(store: Artifacts, folder: Path) -> None:
    first = store.put(folder, FOLDER)
    assert store.put(folder, FOLDER) == first
    (folder / "a.txt").write_text("b")
    assert store.put(folder, FOLDER).digest != first.digest


def test_what_is_added_to_a_built_folder_does_not_stay(store: Artifacts, folder: Path) -> None:
    ref = store.put(folder, FOLDER)
    (store.get(ref) / "strange.txt").write_text("x")
    assert listing(store.get(ref)) == listing(folder)


def test_links_out_of_a_folder_are_followed_to_files_and_refused_to_folders(
    store: Artifacts, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "out").symlink_to(tmp_path / "outside.txt")
    kept = store.get(store.put(folder, FOLDER))
    assert (kept / "out").read_text() == "outside"
    assert not (kept / "out").is_symlink()
    (folder / "all").symlink_to(tmp_path)
    with pytest.raises(ArtifactError, match="a link to nothing or to a folder outside"):
        store.put(folder, FOLDER)


def test_pipes_and_sockets_are_refused(store: Artifacts, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(ArtifactError, match="a pipe, a socket or a device"):
        store.put(folder, FOLDER)
    (folder / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as door:
        here = Path.cwd()
        os.chdir(folder)
        try:
            door.bind("s")
        finally:
            os.chdir(here)
        with pytest.raises(ArtifactError, match="cannot be kept"):
            store.put(folder, FOLDER)


@pytest.mark.parametrize(("kind", "given"), [(FILE, "nothing"), (FILE, "."), (FOLDER, "nothing")])
def test_a_path_to_nothing_is_named(
    store: Artifacts, tmp_path: Path, kind: object, given: str
) -> None:
    with pytest.raises(ArtifactError, match=str(tmp_path)):
        store.put(tmp_path / given, kind)  # type: ignore[arg-type]


def test_inputs_stay_where_they_are(store: Artifacts, folder: Path, tmp_path: Path) -> None:
    ref = store.refer(str(folder / "deep/big.bin"), FILE)
    tree = store.refer(folder, FOLDER)
    assert store.get(ref) == folder / "deep/big.bin"
    assert store.get(tree) == folder
    assert store.place(ref, tmp_path / "work/x.bin").resolve() == folder / "deep/big.bin"
    assert store.place(tree, tmp_path / "work/tree").resolve() == folder
    assert ref.digest == store.put(folder / "deep/big.bin").digest
    assert tree.digest == store.put(folder, FOLDER).digest
    assert not store.lacking([ref, tree])


def test_an_input_that_changes_during_the_run_is_told(store: Artifacts, folder: Path) -> None:
    refs = [store.refer(folder / "a.txt", FILE), store.refer(folder, FOLDER)]
    (folder / "a.txt").write_text("b")
    for ref in refs:
        with pytest.raises(ArtifactError, match="has changed since the run began"):
            store.get(ref)
    (folder / "a.txt").unlink()
    with pytest.raises(ArtifactError, match="cannot be read any more"):
        store.get(refs[0])
    assert store.lacking(refs) == refs[:1]


def test_the_digest_of_an_input_is_remembered_until_it_changes(
    store: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "big.bin"
    path.write_bytes(LARGE)
    read = []

    def counting(path: Path) -> tuple[str, int]:
        read.append(path)
        return digest_of_file(path)

    monkeypatch.setattr("lamina.data.artifacts.known.digest_of_file", counting)
    clock = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: clock() + 10**10)
    first = store.refer(path, FILE)
    assert [store.refer(path, FILE), Artifacts(store.folder).refer(path, FILE)] == [first] * 2
    assert len(read) == 1
    path.write_bytes(LARGE[::-1])
    assert store.refer(path, FILE).digest != first.digest
    (store.folder / "known.jsonl").write_bytes(b'["half a line\n[1,2,3]\n{}\n\xff\n')
    assert Artifacts(store.folder).refer(path, FILE).size == len(LARGE)


def test_lists_of_files_are_lists_of_references(store: Artifacts, folder: Path) -> None:
    kind = port_type("list[file]")
    for keep in (store.put, store.refer):
        ref = keep([str(folder / "a.txt"), str(folder / "deep/big.bin")], kind)
        assert (ref.codec, ref.count) == ("list", 2)
        assert [path.name for path in store.get(ref)] == ["a.txt", "big.bin"]


def test_adopted_outputs_are_the_stores_and_stay_in_sight(
    store: Artifacts, folder: Path, tmp_path: Path
) -> None:
    before = listing(folder)
    ref = store.adopt(folder / "deep/big.bin")
    tree = store.adopt(folder)
    assert listing(folder) == before
    assert (folder / "deep/big.bin").samefile(store.objects.path(ref.digest))
    assert listing(store.get(tree)) == before
    assert store.adopt(folder / "deep/big.bin", "stream").codec == "stream"


def test_swept_folders_leave_nothing(store: Artifacts, folder: Path) -> None:
    ref = store.put(folder, FOLDER)
    store.get(ref)
    assert store.sweep([], age=-1.0) > len(LARGE)
    assert not [path for path in store.folder.rglob("*") if path.is_file()]
    assert store.lacking([ref]) == [ref]


NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1)


@settings(max_examples=25, deadline=None)
@given(
    files=st.dictionaries(
        NAMES.filter(lambda name: name not in (".", "..") and len(name.encode()) < 100),
        st.binary(max_size=100),
        max_size=5,
    )
)
def test_folders_of_any_names_come_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    base = tmp_path_factory.mktemp("names")
    (base / "in").mkdir()
    for name, content in files.items():
        (base / "in" / name).write_bytes(content)
    store = Artifacts(base / "store")
    assert listing(store.get(store.put(base / "in", FOLDER))) == listing(base / "in")


def test_a_file_that_is_left_out_is_none(store: Artifacts) -> None:
    for kept in (store.refer(None, FOLDER), store.put(None, FILE)):
        assert store.get(kept) is None
