"""The values of a run in a crate: files beside it, short values inside it, digests of the rest."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lamina.records.exports.base import Artifacts, masked, quoted, shown_value
from lamina.records.exports.crate_plan import Entity, ref
from lamina.workflow.masking import looks_secret, mask

LARGEST = 200_000_000
"""Bytes up to which a value is copied into a crate; larger ones are told by their digest."""

_FORMATS = {
    ".json": "application/json",
    ".arrow": "application/vnd.apache.arrow.file",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".npy": "application/octet-stream",
}


class Values:
    """Entities of values, one per content; the first place that a value has names its file."""

    def __init__(self, folder: Path, artifacts: Artifacts) -> None:
        self._folder = folder
        self._artifacts = artifacts
        self._known: dict[str, Entity] = {}
        self.files: list[str] = []
        """Ids of what lies in the crate, in order."""

    def refer(self, refs: Mapping[str, Any], parameter: Any, place: str = "") -> list[Entity]:
        """References to the values of some ports.

        Args:
            refs: port -> reference.
            parameter: gives the id of the port's parameter.
            place: folder of the crate to copy values into; empty to tell their digests only.
        """
        found = []
        for port, value in masked(refs).items():
            entity = self._entity(port, value, place)
            parameters = entity.setdefault("exampleOfWork", [])
            if ref(parameter(port)) not in parameters:
                parameters.append(ref(parameter(port)))
            found.append(ref(entity["@id"]))
        return list({one["@id"]: one for one in found}.values())

    def entities(self) -> Iterator[Entity]:
        """All of them, and what lies in folders."""
        yield from self._known.values()

    def _entity(self, port: str, value: Mapping[str, Any], place: str) -> Entity:
        digest = str(value.get("digest") or "")
        key = digest or f"{port}{value.get('origin', '')}"
        if key not in self._known:
            self._known[key] = self._made(port, value, place)
        return self._known[key]

    def _made(self, port: str, value: Mapping[str, Any], place: str) -> Entity:
        digest, size = str(value.get("digest") or ""), int(value.get("size") or 0)
        told: Entity = {"name": str(value.get("name") or port), "sha256": digest}
        shown = shown_value(port, value)
        if shown:
            return {
                "@id": f"#value/{quoted(digest or port)}", "@type": "PropertyValue",
                "name": port, "value": shown, "sha256": digest,
            }  # fmt: skip
        told |= {"contentSize": str(size), "encodingFormat": str(value.get("codec", ""))}
        if place and size <= LARGEST and not looks_secret(port):
            copied = self._copied(port, value, place)
            if copied is not None:
                return told | copied
        origin = mask(str(value.get("origin") or ""))
        if re.match(r"^[a-z][a-z0-9+.-]*://", origin):
            return {"@id": quote(origin, safe=":/?&=%~._-@+,"), "@type": "File", **told}
        if origin:
            return {"@id": Path(origin).absolute().as_uri(), "@type": "File", **told}
        return {"@id": f"#sha256-{quoted(digest or port)}", "@type": "CreativeWork", **told}

    def _copied(self, port: str, value: Mapping[str, Any], place: str) -> Entity | None:
        name = re.sub(r"[^\w.-]+", "_", str(value.get("name") or port)).strip(".") or "value"
        folder = self._folder / place
        folder.mkdir(parents=True, exist_ok=True)
        target, number = folder / name, 2
        while any(folder.glob(f"{target.name}*")):
            target, number = folder / f"{number}-{name}", number + 1
        path = self._artifacts.place(value, target)
        if path is None:
            shutil.rmtree(target, ignore_errors=True)  # a list of which an item is not kept
            with suppress(OSError):
                folder.rmdir()
            return None
        identity = quote(path.relative_to(self._folder).as_posix())
        if path.is_dir():
            self.files.append(f"{identity}/")
            return {"@id": f"{identity}/", "@type": "Dataset"}
        self.files.append(identity)
        return {
            "@id": identity,
            "@type": "File",
            "sha256": _digest(path),
            "contentSize": str(path.stat().st_size),
            "encodingFormat": _FORMATS.get(path.suffix, "application/octet-stream"),
        }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
