"""`lineage`: where a file, a digest or a task's result comes from, and where it went."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.errors import UnknownNameError, UsageError
from lamina.records.attempts import belongs
from lamina.records.lineage import Lineage, Node
from lamina.workspace.logs import parted
from lamina.workspace.project import Project, project
from lamina.workspace.recording import file_digest
from lamina.workspace.timelines import document_reader

_DIGEST = re.compile(r"[0-9a-fA-F]{8,64}")


@dataclass(frozen=True)
class Found:
    """A lineage.

    Args:
        of: what was asked for.
        digest: of its bytes; empty for tasks.
        made, used: trees of what made it, and of what used it.
    """

    of: str
    digest: str
    made: Sequence[Node]
    used: Sequence[Node]

    def to_json(self) -> dict[str, Any]:
        """of, digest, made, used."""
        return {
            "of": self.of,
            "digest": self.digest,
            "made": [node.to_json() for node in self.made],
            "used": [node.to_json() for node in self.used],
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        lines = [f"{self.of}  sha256 {self.digest}" if self.digest else self.of]
        for head, nodes in (("made by", self.made), ("used by", self.used)):
            if nodes:
                lines += [head, *(line for node in nodes for line in node.lines(1))]
        return lines


def lineage(target: str, here: Project | None = None) -> Found:
    """What made something, and what was made from it.

    Args:
        target: a file, a digest or its beginning, RUN, or RUN/TASK.
        here: the project; that of the current folder when None.

    Raises:
        LaminaError: nothing of that name, or bytes that no run made or read.
    """
    place = here or project()
    follow = Lineage(place.store, document_reader)
    path = Path(target)
    if path.is_file():
        return _of_digest(follow, target, file_digest(path))
    if path.is_dir() and path.name != target.partition("/")[0]:
        return _of_digest(follow, target, _folder_digest(place, path))
    if not target or (path.suffix and "/" not in target and not _is_run(follow, target)):
        raise UsageError(
            f"there is no file {target!r}",
            "give a file that is there, the beginning of a digest, RUN or RUN/TASK",
        )
    if "/" not in target and _DIGEST.fullmatch(target) and not _is_run(follow, target):
        return _of_digest(follow, target, _whole(follow, target.lower()))
    return _of_tasks(follow, target)


def _is_run(follow: Lineage, text: str) -> bool:
    try:
        follow.store.find(text)
    except (UnknownNameError, UsageError):
        return False
    return True


def _whole(follow: Lineage, beginning: str) -> str:
    known = follow.store.digests(beginning)
    if len(known) > 1:
        raise UsageError(
            f"{beginning!r} is the beginning of {len(known)} digests: "
            + ", ".join(digest[:16] for digest in known[:5]),
            "give more of it",
        )
    return known[0] if known else beginning


def _folder_digest(place: Project, path: Path) -> str:
    from lamina.workflow.types import port_type

    return place.artifacts.refer(path.absolute(), port_type("folder")).digest


def _of_digest(follow: Lineage, target: str, digest: str) -> Found:
    made, used = follow.makers(digest), follow.users(digest)
    if not made and not used:
        raise UsageError(
            f"no run here made or read the bytes of {target} (sha256 {digest[:16]})",
            "give RUN/TASK; short values and tables are kept in forms of their own",
        )
    return Found(target, digest, made, used)


def _of_tasks(follow: Lineage, target: str) -> Found:
    run, task = parted(target)
    record = follow.store.find(run)
    known = follow.units(record.id)
    # What nothing reads is what the run was for.
    units = [unit for unit in known if belongs(unit, task)] if task else follow.ends(record.id)
    if not units:
        raise UnknownNameError(f"task of run {record.name}", task, known[:30])
    made = follow.back(record.id, units)
    used = follow.forward(record.id, units) if task else []
    # The units themselves stand above.
    steps = [step for node in used for step in node.steps if not step.again]
    return Found(f"{record.name}{f'/{task}' if task else ''}", "", made, steps)
