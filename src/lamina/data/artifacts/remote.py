"""Files of other places as values: known by what their place says, brought once when needed."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lamina.data.artifacts.objects import Objects
from lamina.data.artifacts.reference import Ref
from lamina.errors import ArtifactError, StagingError

if TYPE_CHECKING:
    from lamina.data.staging.places import Stat
    from lamina.data.staging.policy import Policy

Told = Callable[[str, str], None]


class Remote:
    """Brings files by address into the store, each once for all processes.

    The digest of such a value is that of its content where the address promises it, else one of
    its address, size and version: so a run knows that an input has changed and reads nothing.

    Args:
        objects: where the content goes.
        told: is told what happens: ("staging retried", why), ("staged in", what and how fast).
    """

    def __init__(self, objects: Objects, told: Told) -> None:
        self._objects = objects
        self._folder = objects.folder / "remote"
        self._told = told

    def refer(self, urls: Sequence[str]) -> list[Ref]:
        """References to files, asked after all at once. Raises StagingError: one is not there."""
        from lamina.data.staging.address import address
        from lamina.data.staging.transfer import at_once, identity, stat_many

        policy = self._policy()
        found: dict[str, Stat] = {}
        for url, told in stat_many(urls, policy).items():
            if isinstance(told, StagingError):
                raise told
            found[url] = told
        digests = {url: (identity(address(url), told), told.size) for url, told in found.items()}
        # Of the others nothing but the content tells what they are.
        unknown = [url for url, (digest, _) in digests.items() if not digest]
        read = at_once(lambda url: self._fetched(url, "", found[url]), unknown, policy.files)
        digests.update(zip(unknown, read, strict=True))
        refs = []
        for url in urls:
            file, (digest, size) = address(url), digests[url]
            promise = f"#sha256={digest}" if file.sha256 or url in unknown else ""
            refs.append(Ref("file", digest, size or 0, name=file.name, origin=file.url + promise))
        return refs

    def here(self, ref: Ref) -> str:
        """The digest of the content, where it is in the store already; else nothing."""
        _, _, promised = ref.origin.partition("#sha256=")
        content = promised
        if not promised:
            with suppress(OSError):
                content = self._note(ref.digest).read_text()
        with suppress(ArtifactError):
            return content if content and self._objects.has(content) else ""
        return ""

    def bring_all(self, refs: Sequence[Ref]) -> None:
        """Brings many files, several at once.

        Raises:
            ArtifactError, StagingError, ChecksumError: as `bring`, for the first that fails.
        """
        waiting = list({ref.digest: ref for ref in refs if not self.here(ref)}.values())
        if len(waiting) < 2:  # the one is brought when it is read
            return
        from lamina.data.staging.transfer import at_once, stat_many

        policy = self._policy()
        found = stat_many([ref.origin for ref in waiting], policy)
        at_once(lambda ref: self.bring(ref, found[ref.origin]), waiting, policy.files)

    def bring(self, ref: Ref, told: Stat | StagingError | None = None) -> str:
        """The digest of the content, which is in the store then.

        Args:
            told: what its place has just said of it; it is asked when None.

        Raises:
            ArtifactError: it is another file than when the run began.
            StagingError, ChecksumError: it does not come, or is not the promised one.
        """
        if content := self.here(ref):
            return content
        with self._alone(ref.digest):
            if content := self.here(ref):
                return content
            promised = "#sha256=" in ref.origin
            content, _ = self._fetched(ref.origin, "" if promised else ref.digest, told)
            if not promised:
                note = self._note(ref.digest)
                part = note.with_name(f".{note.name}.{os.getpid()}")
                part.write_text(content)
                part.replace(note)
        return content

    def tidy(self, limit: float) -> int:
        """Deletes what is of no use any more: half files that nobody goes on with, notes.

        Args:
            limit: time of the last change, in seconds since 1970, before which it counts as left.

        Returns:
            Bytes that became free.
        """
        freed = 0
        with suppress(FileNotFoundError):
            for entry in os.scandir(self._folder):
                with suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    if found.st_mtime < limit and not self._useful(Path(entry.path)):
                        Path(entry.path).unlink()
                        freed += found.st_size
        return freed

    def _useful(self, path: Path) -> bool:
        """Whether it is the note of a file that the store has."""
        with suppress(ArtifactError, OSError, UnicodeDecodeError):
            self._objects.path(path.name)
            return self._objects.has(path.read_text())
        return False

    def _fetched(
        self, url: str, expected: str, told: Stat | StagingError | None
    ) -> tuple[str, int]:
        from lamina.data.staging.address import address, shown
        from lamina.data.staging.transfer import fetch, identity, stat

        file, policy = address(url), self._policy()
        if told is None:
            told = stat(file, policy)
        if isinstance(told, StagingError):
            raise told
        if expected and identity(file, told) != expected:
            raise ArtifactError(
                f"input {shown(url)} has changed since the run began", "start a new run"
            )
        target = self._folder / f"{expected or _plain_name(file.url)}.file"
        moved = fetch(url, target, policy, told)
        self._told("staged in", f"{moved.url}: {moved.size} bytes in {moved.seconds:.3f} s")
        try:
            self._objects.move(target, moved.sha256, moved.size)
        except OSError as error:
            raise self._objects.refusal(error) from error
        return moved.sha256, moved.size

    def _policy(self) -> Policy:
        from lamina.data.staging.policy import Policy

        return Policy(told=lambda line: self._told("staging retried", line))

    def _note(self, digest: str) -> Path:
        self._objects.path(digest)
        return self._folder / digest

    @contextmanager
    def _alone(self, digest: str) -> Iterator[None]:
        """While one process brings a file, the others wait for it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._folder / f"{digest}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise self._objects.refusal(error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _plain_name(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
