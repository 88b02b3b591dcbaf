"""Files and folders in the store: as they are, under their own names, linked where that is safe."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lamina.data.artifacts import trees
from lamina.data.artifacts.copies import copy_file
from lamina.data.artifacts.known import Known
from lamina.data.artifacts.objects import Objects
from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.remote import Remote, Told
from lamina.data.staging.address import address, is_local, is_remote, local_path, unlike
from lamina.errors import ArtifactError, ChecksumError

FILES = ("file", "folder")
"""Codecs whose values are paths."""

_SMALL = 1 << 16


class Files:
    """The part of the store that knows files.

    Args:
        objects: where their bytes go.
        told: is told what happens to files of other places.
    """

    def __init__(self, objects: Objects, told: Told) -> None:
        self._objects = objects
        self.remote = Remote(objects, told)
        self._known = Known(objects.folder / "known.jsonl")

    def put(self, path: str | Path, folder: bool) -> Ref:
        """Copies a file, or a folder, into the store."""
        ref = self._kept(_absolute(path), folder, self._copied)
        _check_promise(path, ref)
        return ref

    def adopt(self, path: Path, codec: str) -> Ref:
        """Takes a file or folder over; it stays where it is as a second name of the same bytes."""
        given = _absolute(path)
        ref = self._kept(given, given.is_dir(), self._taken)
        return ref if codec == "file" else Ref(codec, ref.digest, ref.size, name=ref.name)

    def refer(self, path: str | Path, folder: bool) -> Ref:
        """A file or folder that stays where it is."""
        given = _absolute(path)
        ref = self._kept(given, folder, self._known.digest)
        _check_promise(path, ref)
        return Ref(ref.codec, ref.digest, ref.size, name=ref.name, origin=str(given))

    def path(self, ref: Ref) -> Path:
        """A verified file or folder under its own name, to be read only. Raises ArtifactError."""
        source = self._source(ref)
        if ref.codec == "folder" or (ref.origin and not _elsewhere(ref)):
            return source
        return self._named(ref.name, source)

    def _source(self, ref: Ref) -> Path:
        """A verified file or folder, under any name."""
        if ref.origin and not _elsewhere(ref):
            return self._unchanged(ref)
        if ref.codec == "folder":
            return self._tree(ref)
        digest = self.remote.bring(ref) if _elsewhere(ref) else ref.digest
        self._objects.verify(digest)
        return Path(self._objects.path(digest))

    def place(self, ref: Ref, target: Path) -> Path:
        """Puts a file or folder at a path, where nothing may be; its folder is made.

        What stays elsewhere becomes a symbolic link. What the store holds is copied while it is
        small; a larger file becomes a second name of the same read-only file, unless this process
        is root's, whom read-only does not stop. Raises ArtifactError.
        """
        source = self._source(ref)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if ref.origin and not _elsewhere(ref):
                target.symlink_to(source)
            elif ref.codec == "folder":
                shutil.copytree(source, target, symlinks=True, copy_function=_linked)
                _open_folders(target)
            else:
                _linked(str(source), str(target))
                self._objects.renew(source.parent.name + source.name)
        except OSError as error:
            raise ArtifactError(
                f"{ref.name or ref.digest[:12]!r} cannot be put at {str(target)!r}: "
                f"{error.strerror or error}",
                "see that the folder can be written",
            ) from error
        return target

    def whole(self, ref: Ref) -> bool:
        """Whether its bytes seem to be there."""
        if _elsewhere(ref):
            return True
        if ref.origin:
            with suppress(OSError):
                found = Path(ref.origin).stat()
                return stat.S_ISDIR(found.st_mode) or found.st_size == ref.size
            return False
        if ref.codec != "folder":
            return self._objects.has(ref.digest, ref.size)
        try:
            return all(self._objects.has(part.digest, part.size) for part in self.parts(ref))
        except ArtifactError:
            return False

    def parts(self, ref: Ref) -> list[Ref]:
        """The files of a folder that the store holds."""
        if ref.codec != "folder" or ref.origin:
            return []
        entries = trees.entries(self._objects, ref.digest)
        return [Ref("file", entry.digest, entry.size) for entry in entries if entry.digest]

    def forget(self, digest: str) -> None:
        """Deletes the second names of a file, and the built form of a folder."""
        folder = self._place_of(digest)
        if folder.is_dir():
            _open_folders(folder)
            shutil.rmtree(folder, ignore_errors=True)

    def _kept(self, path: Path, folder: bool, keep: Callable[[Path], tuple[str, int]]) -> Ref:
        try:
            if folder:
                digest, size = trees.pack(self._objects, path, keep)
                return Ref("folder", digest, size, name=path.name)
            if not path.is_file():
                what = "is no file" if path.exists() else "does not exist"
                raise ArtifactError(f"{str(path)!r} {what}", "give the path of a file")
            digest, size = keep(path)
        except OSError as error:
            raise ArtifactError(
                f"{str(path)!r} cannot be read: {error.strerror or error}", "check the path"
            ) from error
        return Ref("file", digest, size, name=path.name)

    def _copied(self, path: Path) -> tuple[str, int]:
        """Hashes a file, and copies it unless its bytes are kept already."""
        before = path.stat()
        digest, size = self._known.digest(path)
        after = path.stat() if self._objects.copy(path, digest, size) else before
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            self._objects.verify(digest)
            raise ArtifactError(
                f"file {str(path)!r} changes while it is read", "wait until it is whole, run again"
            )
        return digest, size

    def _taken(self, path: Path) -> tuple[str, int]:
        """Hashes a file and makes it the store's; copies it where it cannot be linked."""
        if path.is_symlink() or path.stat().st_size <= _SMALL:
            return self._copied(path)
        digest, size = self._known.digest(path)
        try:
            self._objects.take(path, digest, size)
        except OSError:  # another file system, or one without links
            return self._copied(path)
        return digest, size

    def _unchanged(self, ref: Ref) -> Path:
        path = Path(ref.origin)
        try:
            if ref.codec == "folder":
                digest, _ = trees.pack(self._objects, path, self._known.digest)
            else:
                digest, _ = self._known.digest(path)
        except OSError as error:
            raise ArtifactError(
                f"input {ref.origin!r} cannot be read any more: {error.strerror or error}",
                "put it back as it was, or start a new run",
            ) from error
        if digest != ref.digest:
            raise ArtifactError(
                f"input {ref.origin!r} has changed since the run began",
                "put it back as it was, or start a new run",
            )
        return path

    def _place_of(self, digest: str) -> Path:
        self._objects.path(digest)
        return self._objects.folder / "named" / digest[:2] / digest[2:]

    def _named(self, name: str, plain: Path) -> Path:
        """A file of the store under its own name, for readers that look at endings."""
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            return plain
        path = self._place_of(plain.parent.name + plain.name) / name
        try:
            if path.exists() and path.samefile(plain):
                return path
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{os.getpid()}.part")
            part.unlink(missing_ok=True)
            part.hardlink_to(plain)
            part.replace(path)
            part.unlink(missing_ok=True)
        except OSError:
            return plain
        return path

    def _tree(self, ref: Ref) -> Path:
        name = ref.name if Path(ref.name).name == ref.name and ref.name else "folder"
        return trees.unpack(self._objects, ref.digest, self._place_of(ref.digest) / name)


def _absolute(path: str | Path) -> Path:
    text = str(path)
    return local_path(text) if is_local(text) else Path(path).absolute()


def _check_promise(path: str | Path, ref: Ref) -> None:
    """Raises ChecksumError for file://...#sha256=... that has another content."""
    if not is_local(path):
        return
    file = address(str(path))
    if file.sha256 and ref.codec == "folder":
        raise ChecksumError(
            f"{file} is a folder, and a SHA-256 was promised", "promise that of a single file"
        )
    if file.sha256 and file.sha256 != ref.digest:
        raise unlike(file, str(file), ref.digest)


def _elsewhere(ref: Ref) -> bool:
    return is_remote(ref.origin)


def _linked(source: str, target: str) -> str:
    """A file at another path: a copy of its own, or a link that nobody can write through."""
    found = Path(source).stat()
    if found.st_size > _SMALL and os.geteuid() != 0:
        try:
            os.link(source, target)
        except OSError:  # another file system, or one without links
            pass
        else:
            return target
    copy_file(source, target, 0o755 if found.st_mode & stat.S_IXUSR else 0o644)
    return target


def _open_folders(folder: Path) -> None:
    """Lets folders be written: the store's own built ones are not."""
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(0o755)
