"""A .keras file, opened with care: members, sizes and links checked, nothing in it executed."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.errors import ConversionError, MissingExtraError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

_LARGEST_CONFIG = 64 * 2**20
_LARGEST_RATIO = 20
_WAY_OUT = "save the model again with Keras 3: model.save('model.keras')"


class KerasFile:
    """Configuration and weights of one .keras file (Keras 3); a context manager.

    Raises:
        ConversionError: not such a file: no zip archive, missing or odd members, far larger
            unpacked than packed, configuration that is not JSON, weights that are not HDF5.
        MissingExtraError: h5py is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        members = self._members(Path(path))
        self.config = self._json(members[CONFIG], CONFIG)
        self.metadata = self._json(members[METADATA], METADATA)
        self._file = self._hdf5(members[WEIGHTS])

    def __enter__(self) -> KerasFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def array(self, place: str) -> NDArray[np.float32] | str:
        """The array at a place in the HDF5 file, or why it cannot be read.

        Links to other files, virtual and compressed data are not followed: Keras writes none.
        """
        import h5py

        at: Any = self._file
        for part in place.split("/"):
            link = at.get(part, getlink=True) if isinstance(at, h5py.Group) else None
            if not isinstance(link, h5py.HardLink):
                return "is missing"
            at = at[part]
        if not isinstance(at, h5py.Dataset) or at.dtype.kind not in "fiu":
            return "holds no numbers"
        outside = at.is_virtual or at.external or at.id.get_storage_size() != at.nbytes
        if outside and at.size:
            return "does not lie in the file as plain numbers"
        return np.asarray(at[()], dtype=np.float32)

    def names(self, place: str) -> dict[str, str]:
        """Groups below a place, by the name of the layer that Keras noted in them."""
        import h5py

        group = self._file.get(place)
        found = {}
        for key in group if isinstance(group, h5py.Group) else ():
            variables = self._file.get(f"{place}/{key}/vars")
            name = variables.attrs.get("name") if isinstance(variables, h5py.Group) else None
            if isinstance(name, str):
                found[name] = f"{place}/{key}"
        return found

    def _members(self, path: Path) -> dict[str, bytes]:
        try:
            data = path.read_bytes()
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                problems = _archive_problems(archive.infolist(), len(data))
                if problems:
                    raise self._refusal(problems)
                return {name: archive.read(name) for name in (CONFIG, METADATA, WEIGHTS)}
        except OSError as error:
            raise self._refusal([f"it cannot be read: {error.strerror or error}"]) from None
        except (
            zipfile.BadZipFile,
            RuntimeError,
            NotImplementedError,
            EOFError,
            ValueError,
        ) as error:
            kinds = {b"\x89HDF": "it is an HDF5 file of an older Keras", b"\x80": "it is a pickle"}
            known = [what for magic, what in kinds.items() if data.startswith(magic)]
            raise self._refusal(known or [f"it is no sound zip archive: {error}"]) from None

    def _json(self, data: bytes, member: str) -> dict[str, Any]:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._refusal([f"{member} is not a JSON object"])
        return found

    def _hdf5(self, data: bytes) -> Any:
        try:
            import h5py
        except ModuleNotFoundError as error:
            raise MissingExtraError("h5py", "keras", "reading a .keras file") from error
        try:
            return h5py.File(io.BytesIO(data), "r")
        except OSError:
            raise self._refusal([f"{WEIGHTS} is not a sound HDF5 file"]) from None

    def _refusal(self, problems: list[str]) -> ConversionError:
        return ConversionError(f"{self.path} is not a .keras file", problems, _WAY_OUT)


def _archive_problems(members: list[zipfile.ZipInfo], packed: int) -> list[str]:
    names = [member.filename for member in members]
    problems = [f"{name} is missing" for name in (CONFIG, METADATA, WEIGHTS) if name not in names]
    problems += [f"{name} stands twice" for name in sorted(set(names)) if names.count(name) > 1]
    problems += [
        f"member {name!r} has a path that leads out of the file"
        for name in names
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name
    ]
    unpacked = sum(member.file_size for member in members)
    if unpacked > _LARGEST_RATIO * packed + 2**20:
        problems.append(f"it unpacks from {packed} to {unpacked} bytes: no model does")
    problems += [
        f"{member.filename} has {member.file_size} bytes: no configuration does"
        for member in members
        if member.filename in (CONFIG, METADATA) and member.file_size > _LARGEST_CONFIG
    ]
    return problems
