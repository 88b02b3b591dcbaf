"""What a run is asked for, as people say it: cores, memory, devices; all mistakes at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lamina.errors import SettingsError, UsageError
from lamina.workflow.amounts import size

MOST_CPUS = 4096
"""Cores that a run may be told that it has."""

NONE = "none"
"""What somebody says who wants no device."""

_ID = re.compile(r"\d{1,4}|(GPU|MIG)-[0-9A-Za-z/-]+")
_IDS = "2 for two of them, 0,3 for these, none for none, or ids as the driver lists them (GPU-...)"


@dataclass(frozen=True)
class Wish:
    """What a run is asked for.

    Args:
        cpus: cores for tasks at the same time; 0 for all.
        memory: for tasks at the same time: bytes, or a size such as "8 GB"; None for the machine's.
        gpus: how many devices (2, "2"), their ids ("0,3"), "none", or "" for all that there are.
        keep_going: whether what does not depend on a failed task goes on.
        retries: attempts after the first, for reasons that repeating can mend.
        until: tasks after which the run ends; everything when empty.
        force: tasks that run again whatever the cache holds; "*" for all.
        cache: whether earlier results may stand in.
        fresh: whether every task gets a process of its own.
        profile: file with the runtimes that tasks may be placed on; "" for that of the project.

    Raises:
        SettingsError: all that makes no sense, at once.
    """

    cpus: float = 0.0
    memory: int | str | None = None
    gpus: int | str = ""
    keep_going: bool = False
    retries: int = 2
    until: tuple[str, ...] = ()
    force: tuple[str, ...] = ()
    cache: bool = True
    fresh: bool = False
    profile: str = ""

    def __post_init__(self) -> None:
        mistakes = []
        if not _is_number(self.cpus) or not 0 <= self.cpus <= MOST_CPUS:
            mistakes.append(f"cpus is {self.cpus!r}; give a number of cores, at most {MOST_CPUS}")
        if type(self.retries) is not int or self.retries < 0:
            mistakes.append(f"retries is {self.retries!r}; give 0 or more")
        if self.profile:  # a run may go on from another folder
            object.__setattr__(self, "profile", str(Path(self.profile).absolute()))
        try:
            object.__setattr__(self, "memory", None if self.memory is None else size(self.memory))
        except ValueError as error:
            mistakes.append(f"memory is {self.memory!r}; give {error}")
        told = str(self.gpus) if type(self.gpus) is int else self.gpus
        if not isinstance(told, str) or not all(map(_is_device, _parts(told))):
            mistakes.append(f"gpus is {self.gpus!r}; give {_IDS}")
        object.__setattr__(self, "gpus", told)
        if mistakes:
            raise SettingsError("the options of the run", mistakes)

    @property
    def bytes(self) -> int | None:
        """The memory as a number."""
        return self.memory if isinstance(self.memory, int) else None


def devices(told: str) -> tuple[str, ...] | None:
    """Ids of the GPUs that a run may use: from "2", "0,3" or "none"; None to take what there is.

    Raises:
        UsageError: more devices than there are, or others.
    """
    if not told:
        return None
    if told == NONE:
        return ()
    from lamina.execution.workers.devices import gpus

    there = gpus()
    if told.isdecimal():
        if int(told) > len(there):
            raise UsageError(
                f"{told} GPUs were asked for, and this machine has {len(there)}",
                f"ask for at most {len(there)}, or name their ids: --gpus 0,1",
            )
        return there[: int(told)]
    ids = tuple(dict.fromkeys(_parts(told)))
    # A driver that lists none may still have some; ids that it names otherwise are its matter.
    absent = [one for one in ids if one.isdecimal() and there and one not in there]
    if absent and all(one.isdecimal() for one in there):
        raise UsageError(
            f"there is no GPU {', '.join(absent)}; this machine has {', '.join(there)}",
            f"choose from {', '.join(there)}",
        )
    return ids


def _parts(told: str) -> Iterable[str]:
    return [part.strip() for part in told.split(",") if part.strip()] if told != NONE else []


def _is_device(told: str) -> bool:
    return bool(_ID.fullmatch(told))


def _is_number(given: object) -> bool:
    return isinstance(given, (int, float)) and not isinstance(given, bool)
