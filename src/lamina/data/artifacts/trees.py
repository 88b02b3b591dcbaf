"""Folders in the store: a list of their files' paths and digests, and the folder built of them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lamina.data.artifacts.objects import Objects
from lamina.errors import ArtifactError


class Entry(NamedTuple):
    """What stands in a folder: a file (digest, size), a link (target), or an empty folder."""

    path: str
    digest: str
    size: int
    target: str
    runs: bool


def pack(
    objects: Objects, folder: Path, keep: Callable[[Path], tuple[str, int]]
) -> tuple[str, int]:
    """Keeps a folder; gives the digest of its list and the bytes of its files.

    Links that stay inside are kept as links; of a link to a file outside, the file is kept.

    Args:
        keep: takes a file in; gives digest and size.

    Raises:
        ArtifactError: no folder; a pipe, socket or device in it; a link to a folder outside.
        OSError: it cannot be read.
    """
    if not folder.is_dir():
        raise ArtifactError(f"{str(folder)!r} is no folder", "give the path of a folder")
    found = sorted(_walk(folder, folder, keep))
    text = json.dumps([list(entry) for entry in found], ensure_ascii=True)
    return objects.add(text.encode()), sum(entry.size for entry in found)


def entries(objects: Objects, digest: str) -> list[Entry]:
    """What stands in a kept folder. Raises ArtifactError: missing, damaged, or not such a list."""
    try:
        listed = json.loads(bytes(objects.read(digest)))
        found = [Entry(*entry) for entry in listed]
        sound = all(_sound(entry) for entry in found)
    except (ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise ArtifactError(
            f"artifact {digest[:12]} is no list of a folder's files", "run again", digest
        )
    return found


def unpack(objects: Objects, digest: str, target: Path) -> Path:
    """The folder, built of verified files unless it stands there as it should; not to be changed.

    Raises:
        ArtifactError: a file is missing or damaged, or the store cannot be written.
    """
    found = entries(objects, digest)
    for entry in found:
        if entry.digest:
            objects.verify(entry.digest)
    if _stands(objects, found, target):
        return target
    part = target.with_name(f".{secrets.token_hex(6)}.part")
    try:
        part.mkdir(parents=True)
        for entry in found:
            _build(objects, entry, part)
        if any(entry.target and not _stays(part / entry.path, part) for entry in found):
            raise ArtifactError(f"folder {digest[:12]} holds a link that leads out", "", digest)
        _swap(part, target)
    except OSError as error:  # another process may have built it meanwhile
        if not _stands(objects, found, target):
            raise objects.refusal(error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _swap(part: Path, target: Path) -> None:
    """Puts a built folder in the place of what stands there."""
    if target.exists():
        aside = target.with_name(f".{secrets.token_hex(6)}.part")
        target.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    part.rename(target)


def _stays(link: Path, root: Path) -> bool:
    """Whether a link leads to something in the folder, whatever links are on the way."""
    return Path(os.path.realpath(link)).is_relative_to(os.path.realpath(root))


def _walk(folder: Path, root: Path, keep: Callable[[Path], tuple[str, int]]) -> Iterator[Entry]:
    listed = list(os.scandir(folder))
    if not listed and folder != root:
        yield Entry(folder.relative_to(root).as_posix(), "", 0, "", False)
    for item in listed:
        path = Path(item.path)
        name = path.relative_to(root).as_posix()
        if item.is_symlink() and _inside(path, root):
            yield Entry(name, "", 0, str(path.readlink()), False)
        elif item.is_file():
            digest, size = keep(path)
            yield Entry(name, digest, size, "", bool(item.stat().st_mode & stat.S_IXUSR))
        elif item.is_dir(follow_symlinks=False):
            yield from _walk(path, root, keep)
        else:
            raise ArtifactError(
                f"{str(path)!r} cannot be kept: it is a link to nothing or to a folder outside, "
                "a pipe, a socket or a device",
                "leave it out of the folder",
            )


def _inside(link: Path, root: Path) -> bool:
    """Whether a link is relative and leads to something in the folder."""
    return not link.readlink().is_absolute() and link.exists() and _stays(link, root)


def _sound(entry: Entry) -> bool:
    """Whether an entry stays inside its folder, whoever wrote it."""
    path = PurePosixPath(entry.path)
    texts = (entry.path, entry.digest, entry.target)
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        return False
    if not path.parts or path.is_absolute() or ".." in path.parts:
        return False
    if not entry.target:
        return isinstance(entry.size, int)
    depth = len(path.parts) - 1
    for part in PurePosixPath(entry.target).parts:
        depth += {"..": -1, ".": 0}.get(part, 1)
        if depth < 0 or part == "/":
            return False
    return True


def _build(objects: Objects, entry: Entry, folder: Path) -> None:
    path = folder / entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.target:
        path.symlink_to(entry.target)
    elif not entry.digest:
        path.mkdir(exist_ok=True)
    else:
        if entry.runs:
            Path(objects.path(entry.digest)).chmod(0o555)
        path.hardlink_to(objects.path(entry.digest))


def _stands(objects: Objects, found: list[Entry], target: Path) -> bool:
    """Whether a folder holds just these entries, as names of the store's files."""
    if not target.is_dir():
        return False
    seen = {
        (Path(inner) / name).relative_to(target).as_posix()
        for inner, folders, files in os.walk(target)
        for name in [*files, *(f for f in folders if (Path(inner) / f).is_symlink())]
    }
    if seen != {entry.path for entry in found if entry.digest or entry.target}:
        return False
    with suppress(OSError):
        return all(_same(objects, entry, target / entry.path) for entry in found)
    return False


def _same(objects: Objects, entry: Entry, path: Path) -> bool:
    if entry.target:
        return path.is_symlink() and str(path.readlink()) == entry.target
    return path.samefile(objects.path(entry.digest)) if entry.digest else path.is_dir()
