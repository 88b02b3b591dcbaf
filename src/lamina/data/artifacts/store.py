"""The store of artifacts: a folder of values and files, each named by its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.data.artifacts import lists
from lamina.data.artifacts.canonical import (
    SHORT,
    is_plain_class,
    json_text,
    plain_value,
    tree_text,
    tree_value,
)
from lamina.data.artifacts.codecs import CODECS, codec_of
from lamina.data.artifacts.deposit import Buffer
from lamina.data.artifacts.files import FILES, Files
from lamina.data.artifacts.frames import JSON, kept_in
from lamina.data.artifacts.objects import Objects, Stored
from lamina.data.artifacts.reference import INLINE, Ref
from lamina.data.artifacts.remote import Told
from lamina.data.staging.address import is_remote
from lamina.errors import ArtifactError, LaminaError
from lamina.workflow.types import ANY, PortType


class Artifacts:
    """Values and files by digest, below a folder; safe for many processes at once.

    Args:
        folder: made when something comes in.
        told: is told what happens to files of other places, as (what, text): "staging retried",
            "staged in".
    """

    def __init__(self, folder: Path, told: Told = lambda what, text: None) -> None:
        self.folder = folder
        self.objects = Objects(folder)
        self.files = Files(self.objects, told)

    def put(self, value: Any, kind: PortType = ANY) -> Ref:
        """Keeps a value, atomically; of files and folders the content.

        Args:
            kind: type of the port that it is of: says whether a text is the path of a file.

        Raises:
            ArtifactError: it cannot be written, or is of a class that cannot be kept.
        """
        if value is not None and (_of_files(kind) or _is_file(value)):
            return self._put_paths(value, kind, self.files.put)
        if type(value) is _Kept:
            return value.ref
        try:
            text = json_text(value)
            ref = None if text is None else self._put_text("json", text)
            return ref if ref is not None else self._put_other(value)
        except RecursionError as error:
            raise ArtifactError(
                f"a {type(value).__name__} is too deep, or holds itself", "return flatter values"
            ) from error

    def refer(self, value: Any, kind: PortType = ANY) -> Ref:
        """A value that a run is given: as `put`, but files and folders stay where they are.

        Their digest is remembered with their size and times, so that a large file is read once.
        A file may be an address (s3://..., https://..., sftp://...): it is brought when needed.

        Raises:
            StagingError: a file of another place is not there, or its address holds a secret.
        """
        if value is not None and (_of_files(kind) or _is_file(value)):
            return self._put_paths(value, kind, self.files.refer)
        return self.put(value, kind)

    def adopt(self, path: Path, codec: str = "file") -> Ref:
        """Takes over a file or folder that a task has written; it stays readable where it is.

        Args:
            codec: "file", or another one whose bytes are just this file.

        Raises:
            ArtifactError: it is neither file nor folder, changes meanwhile, or cannot be kept.
        """
        return self.files.adopt(path, codec)

    def get(self, ref: Ref, trusted: bool = True) -> Any:
        """The value, verified; large arrays are mapped, not read. Files are read-only paths.

        Args:
            trusted: whether this process may run the user's code; without it a pickle is refused.

        Raises:
            ArtifactError: missing, damaged, changed since the run began, or refused.
        """
        if ref.codec == "json":
            return self._json(ref)
        if ref.codec == "tree":
            return self._read(
                ref, lambda: tree_value(self._text(ref), lambda e: self.get(_leaf(e), trusted))
            )
        if ref.codec == "list":
            items = self.items(ref)
            self.bring(items)
            return [self.get(item, trusted) for item in items]
        if ref.codec in FILES:
            return self.files.path(ref)
        codec = CODECS.get(ref.codec)
        if not (trusted or codec.safe or self._is_safe_stream(ref)):
            raise ArtifactError(
                f"artifact {ref.digest[:12]} is a {ref.codec}: reading it could run code",
                "load it in a program of your own, with the artifact store's `get`",
            )
        data = self.objects.read(ref.digest)
        return self._read(ref, lambda: codec.read(data))

    def plain(self, ref: Ref) -> Any:
        """A JSON value; never anything that could run code. Raises ArtifactError for others."""
        if ref.codec == "json":
            return self._json(ref)
        if ref.codec == "tree":
            return self._read(
                ref, lambda: plain_value(self._text(ref), lambda e: self.plain(_leaf(e)))
            )
        if ref.codec == "list":
            return [self.plain(item) for item in self.items(ref)]
        raise ArtifactError(f"artifact {ref.digest[:12]} is a {ref.codec}, not a plain value")

    def bring(self, refs: Iterable[Ref]) -> None:
        """Brings those that are files of other places, several at once.

        Raises:
            ArtifactError, StagingError, ChecksumError: one does not come as it was.
        """
        self.files.remote.bring_all([ref for ref in refs if is_remote(ref.origin)])

    def place(self, ref: Ref, target: Path) -> Path:
        """Puts a verified file or folder at a path: as a link where that is safe, else a copy."""
        return self.files.place(ref, target)

    def lacking(self, refs: Iterable[Ref]) -> list[Ref]:
        """Those whose bytes are not there (a cheap look; only lists and folders are opened)."""
        return [ref for ref in refs if not self._whole(ref)]

    def items(self, ref: Ref) -> list[Ref]:
        """The items of a list or stream, as references; nothing that could run code is opened.

        Raises:
            ArtifactError: missing or damaged, or no list.
        """
        if ref.codec == "list":
            return lists.unpack(self.objects, ref)
        if ref.codec == "stream":
            file = self.objects.whole(ref.digest)
            found: list[Ref] = self._read(
                ref, lambda: [self._item(*kept) for kept in kept_in(file)]
            )
            return found
        if ref.codec == "json":
            value = self._json(ref)
        elif ref.codec == "tree":
            value = self._read(ref, lambda: tree_value(self._text(ref), lambda e: _Kept(_leaf(e))))
        else:
            value = None
        if not isinstance(value, list | tuple):
            raise ArtifactError(
                f"artifact {ref.digest[:12]} is a {ref.codec}, not a list",
                "return a plain list, or yield the items",
            )
        return [self.put(item) for item in value]

    def gather(self, refs: Sequence[Ref]) -> Ref:
        """One reference for a list of values; a JSON list where all items are short JSON."""
        if all(ref.codec == "json" and ref.inline is not None for ref in refs):
            ref = self._put_text("json", f"[{','.join(str(ref.inline) for ref in refs)}]")
            if ref is not None:
                return ref
        return lists.pack(self.objects, refs)

    def digests(self, refs: Iterable[Ref]) -> set[str]:
        """Digests of all files of the store that these values are made of.

        What a list holds that is lost itself is not known any more.
        """
        found: set[str] = set()
        for ref in self.within(refs):
            if is_remote(ref.origin):
                found.add(self.files.remote.here(ref) or ref.digest)
            elif ref.inline is None and not ref.origin:
                found.add(ref.digest)
        return found

    def within(self, refs: Iterable[Ref]) -> set[Ref]:
        """These references and all that their values are made of, as far as that is known."""
        seen: set[Ref] = set()
        waiting = list(refs)
        while waiting:
            ref = waiting.pop()
            if ref in seen:
                continue
            seen.add(ref)
            with suppress(ArtifactError):
                waiting += self._parts(ref)
        return seen

    def stored(self) -> Iterator[Stored]:
        """Digest, size in bytes and time of last use of every file of the store."""
        return self.objects.stored()

    def remove(self, digests: Iterable[str]) -> int:
        """Deletes these; gives the bytes that became free."""
        freed = 0
        for digest in digests:
            self.files.forget(digest)
            freed += self.objects.remove(digest)
        return freed

    def sweep(self, keep: Iterable[Ref], age: float = 3600.0) -> int:
        """Deletes what no given value needs, and what dead processes left half written.

        Args:
            keep: values that stay, with everything they are made of.
            age: seconds that a file must have lain unused: a run may be about to record it.

        Returns:
            Bytes that became free.
        """
        import time

        needed = self.digests(keep)
        limit = time.time() - age
        old = [entry for entry in self.stored() if entry.time < limit]
        self.objects.tidy()
        freed = self.remove(entry.digest for entry in old if entry.digest not in needed)
        return freed + self.files.remote.tidy(limit)

    def _is_safe_stream(self, ref: Ref) -> bool:
        """Whether a value is a stream of which no item could run code when it is read."""
        if ref.codec != "stream":
            return False
        file = self.objects.whole(ref.digest)
        words: set[bytes] = self._read(ref, lambda: {word for word, _ in kept_in(file)})
        return all(CODECS.get(word.decode()).safe for word in words - {JSON})

    def _item(self, word: bytes, data: Buffer) -> Ref:
        """An item of a stream as an artifact of its own."""
        if word == JSON:
            return self.put(json.loads(bytes(data)))
        return Ref(word.decode(), self.objects.add(data), memoryview(data).nbytes)

    def _put_paths(self, value: Any, kind: PortType, keep: Any) -> Ref:
        if kind.of is not None and kind.of.of is None and all(map(is_remote, value)):
            return self.gather(self.files.remote.refer(value))
        if kind.of is not None:
            return self.gather([self._put_paths(item, kind.of, keep) for item in value])
        if is_remote(value):
            return self.files.remote.refer([value])[0]
        ref: Ref = keep(value, kind.name == "folder")
        return ref

    def _put_text(self, codec: str, text: str) -> Ref | None:
        """A reference to a text; None where UTF-8 cannot hold it."""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            return None
        if len(data) <= INLINE:
            return Ref(codec, hashlib.sha256(data).hexdigest(), len(data), text)
        return Ref(codec, self.objects.add(data), len(data))

    def _put_other(self, value: Any) -> Ref:
        if type(value) is list:
            return self.gather([self.put(item) for item in value])
        if is_plain_class(value) and not (type(value) is bytes and len(value) > SHORT):
            ref = self._put_text("tree", tree_text(value, lambda item: self._leaf_of(item)))
            if ref is not None:
                return ref
        return self._encoded(value)

    def _encoded(self, value: Any) -> Ref:
        """Keeps a value by the codec of its class."""
        name = codec_of(value)
        deposit = self.objects.deposit()
        try:
            CODECS.get(name).write(value, deposit)
            size = deposit.size
            return Ref(name, self.objects.keep(deposit), size)
        except OSError as error:
            raise self.objects.refusal(error) from error
        finally:
            deposit.drop()

    def _leaf_of(self, value: Any) -> dict[str, Any]:
        ref = self._encoded(value) if is_plain_class(value) else self.put(value)
        return ref.to_json()

    def _json(self, ref: Ref) -> Any:
        try:
            return json.loads(self._text(ref))
        except (ValueError, RecursionError) as error:
            raise ArtifactError(
                f"artifact {ref.digest[:12]} cannot be read as json: {error}",
                "run again: its producer makes it anew",
                ref.digest,
            ) from error

    def _text(self, ref: Ref) -> str:
        if ref.inline is not None:
            return ref.inline
        return str(self.objects.read(ref.digest)[:], "utf-8")

    def _read(self, ref: Ref, read: Any) -> Any:
        """What `read` gives; what it raises is told as an error of this artifact."""
        try:
            return read()
        except ArtifactError as error:
            if error.digest:
                raise
            raise ArtifactError(
                f"artifact {ref.digest[:12]} is refused: {error.message}",
                error.way_out,
                ref.digest,
            ) from error
        except Exception as error:  # what readers raise on foreign bytes cannot be listed
            why = error.message if isinstance(error, LaminaError) else str(error)
            raise ArtifactError(
                f"artifact {ref.digest[:12]} cannot be read as {ref.codec}: "
                f"{type(error).__name__}: {why:.200}",
                "run again: its producer makes it anew",
                ref.digest,
            ) from error

    def _parts(self, ref: Ref) -> list[Ref]:
        """What a value consists of, one level down."""
        if ref.codec == "list":
            return lists.unpack(self.objects, ref)
        if ref.codec == "tree":
            found: list[Ref] = []
            self._read(ref, lambda: tree_value(self._text(ref), lambda e: found.append(_leaf(e))))
            return found
        return self.files.parts(ref)

    def _whole(self, ref: Ref) -> bool:
        if ref.codec in FILES:
            return self.files.whole(ref)
        if ref.inline is None and not self.objects.has(
            ref.digest, None if ref.codec == "list" else ref.size
        ):
            return False
        try:
            return ref.codec not in ("list", "tree") or all(map(self._whole, self._parts(ref)))
        except ArtifactError:
            return False


@dataclass(frozen=True)
class _Kept:
    """What a part of a tree is, in the place of the part itself."""

    ref: Ref


def _leaf(entry: dict[str, Any]) -> Ref:
    return Ref.from_json(entry)


def _of_files(kind: PortType) -> bool:
    while kind.of is not None:
        kind = kind.of
    return kind.name in ("file", "folder")


def _is_file(value: Any) -> bool:
    return isinstance(value, Path) and value.is_file()
