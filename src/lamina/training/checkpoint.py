"""Checkpoints: a training's whole state as one checked file, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import CheckpointError

VERSION = "checkpoint/1"

Arrays = dict[str, NDArray[Any]]
_NAME = re.compile(r"checkpoint-g(?P<group>\d+)-e(?P<epoch>\d+)\.safetensors$")


@dataclass(frozen=True)
class Owner:
    """The training that a checkpoint belongs to, and what trained it.

    Args:
        identity: digest of all that decides the weights.
        engine, device, threads: where it ran; the same bits need the same ones.
    """

    identity: str
    engine: str = ""
    device: str = ""
    threads: int = 0


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of one group of trainings at the end of an epoch.

    Args:
        owner: the training that it belongs to.
        group: number of the group in its plan.
        epoch: epochs done.
        arrays: everything that is needed to go on.
        seconds: of training so far.
    """

    owner: Owner
    group: int
    epoch: int
    arrays: Arrays
    seconds: float = 0.0


class Folder:
    """The checkpoints of one training, in a folder of their own; the last `keep` of a group stay.

    Args:
        path: the folder; made when the first checkpoint is written.
        owner: the training; checkpoints of another one are refused.
        keep: checkpoints kept per group.
    """

    def __init__(self, path: str | Path, owner: Owner, keep: int = 2) -> None:
        self.path = Path(path)
        self.owner = owner
        self.keep = keep

    def write(self, checkpoint: Checkpoint) -> Path:
        """Writes a checkpoint atomically and drops the oldest of its group.

        Raises:
            CheckpointError: the folder cannot be written.
        """
        target = self.path / f"checkpoint-g{checkpoint.group}-e{checkpoint.epoch:08d}.safetensors"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            _write(target, pack(checkpoint))
            for _, old in _listed(self.path, checkpoint.group)[self.keep :]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"checkpoint {target} cannot be written: {error.strerror}",
                "name another folder, or make room on the disk",
            ) from error
        return target

    def newest(self, group: int) -> tuple[Checkpoint | None, tuple[str, ...]]:
        """The newest whole checkpoint of a group, and the damaged ones that were passed over.

        Raises:
            CheckpointError: a checkpoint belongs to another training, or none is whole.
        """
        refused: list[str] = []
        for _, path in _listed(self.path, group):
            try:
                checkpoint = read(path)
            except CheckpointError as error:
                refused.append(str(error))
                continue
            if checkpoint.owner.identity != self.owner.identity:
                raise CheckpointError(
                    f"checkpoint {path} belongs to another training",
                    "resume with the same network, data, settings, plan, engine and device; "
                    "or name another folder",
                )
            return checkpoint, tuple(refused)
        if refused:
            raise CheckpointError(
                f"no checkpoint in {self.path} is whole:\n" + "\n".join(refused),
                "start again without resuming",
            )
        return None, ()

    def refuse_used(self) -> None:
        """Raises CheckpointError when checkpoints lie in the folder already."""
        held = sorted(p.name for p in self.path.iterdir()) if self.path.is_dir() else []
        if any(_NAME.match(name) for name in held):
            raise CheckpointError(
                f"folder {self.path} holds checkpoints of a training",
                "resume it, delete the folder, or name another one",
            )


def recorded(path: Path) -> Owner | None:
    """The owner of the newest whole checkpoint in a folder, or None."""
    for _, found in _listed(path, 0):
        try:
            return read(found).owner
        except CheckpointError:
            continue
    return None


def pack(checkpoint: Checkpoint) -> bytes:
    """The bytes of a checkpoint: safetensors, and a sha256 over names, types, shapes, values."""
    from safetensors.numpy import save

    # np.array keeps arrays without axes, which ascontiguousarray would give one.
    arrays = {name: np.array(a, order="C") for name, a in sorted(checkpoint.arrays.items())}
    owner = checkpoint.owner
    said = {
        "lamina": VERSION,
        "identity": owner.identity,
        "engine": owner.engine,
        "device": owner.device,
        "threads": str(owner.threads),
        "group": str(checkpoint.group),
        "epoch": str(checkpoint.epoch),
        "seconds": repr(checkpoint.seconds),
    }
    data: bytes = save(arrays, metadata={**said, "sha256": _digest(said, arrays)})
    return data


def read(path: Path) -> Checkpoint:
    """Reads a checkpoint and checks it.

    Raises:
        CheckpointError: a file that is missing, damaged, or of another version; names the file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        said = dict(json.loads(data[8 : 8 + length])["__metadata__"])
        stated = said.pop("sha256")
        arrays: Arrays = load(data)
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error.strerror}") from error
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"checkpoint {path} is damaged: it is not a whole safetensors file", "delete it"
        ) from error
    if said.get("lamina") != VERSION:
        raise CheckpointError(
            f"checkpoint {path} has version {said.get('lamina')!r}; this Lamina reads {VERSION!r}",
            "start again without resuming",
        )
    if stated != _digest(said, arrays):
        raise CheckpointError(
            f"checkpoint {path} is damaged: its content does not have the sha256 it states",
            "delete it",
        )
    owner = Owner(said["identity"], said["engine"], said["device"], int(said["threads"]))
    return Checkpoint(owner, int(said["group"]), int(said["epoch"]), arrays, float(said["seconds"]))


def _listed(folder: Path, group: int) -> list[tuple[int, Path]]:
    """Epoch and path of a group's checkpoints, newest first."""
    if not folder.is_dir():
        return []
    named = [(path, _NAME.match(path.name)) for path in folder.iterdir()]
    own = [(int(m["epoch"]), path) for path, m in named if m and int(m["group"]) == group]
    return sorted(own, reverse=True)


def _digest(said: Mapping[str, str], arrays: Arrays) -> str:
    digest = hashlib.sha256(json.dumps(dict(said), sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _write(target: Path, data: bytes) -> None:
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(target)
    # The rename itself has to survive a power cut: the folder is synced too.
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
