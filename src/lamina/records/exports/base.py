"""What an exporter is: it writes the history of a run in the words of another system."""

from __future__ import annotations

import json
import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import quote

from lamina.errors import UsageError
from lamina.records.history import History
from lamina.workflow.masking import HIDDEN, looks_secret, mask_plain


class Artifacts(ABC):
    """Where an exporter gets the values themselves from, as files."""

    @abstractmethod
    def place(self, ref: Mapping[str, Any], target: Path) -> Path | None:
        """Puts a value's bytes at a path; gives the path, with an ending that fits.

        None where the value is not kept any more, or is of a form that others cannot read
        safely.
        """


class Exporter(ABC):
    """Writes runs in one format. What it writes is made of the records alone, and holds no
    secrets: texts are masked once more, values under secret names are hidden."""

    title: ClassVar[str]
    """The format, for people."""
    suffix: ClassVar[str] = ".json"

    @abstractmethod
    def export(self, history: History, target: Path, artifacts: Artifacts) -> None:
        """Writes the run; the file is whole or not there.

        Raises:
            UsageError: the target cannot be written, or the run has nothing of what the format
                needs.
        """


def write_json(document: Any, target: Path) -> None:
    """Writes a document, whole or not at all. Texts that are no Unicode are escaped.

    Raises:
        UsageError: the file cannot be written.
    """
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    write_bytes(text.encode("utf-8", "backslashreplace") + b"\n", target)


def write_lines(document: Mapping[str, Any], target: Path) -> None:
    """The same with each entry of a list of objects in one line, for documents with very many:
    indented all through they are twice as large, and take ten times as long.

    Raises:
        UsageError: the file cannot be written.
    """
    write_bytes(lined(document).encode("utf-8", "backslashreplace") + b"\n", target)


def lined(value: Any, margin: str = "") -> str:
    """JSON with a line for each key of an object, and for each object of a list of such."""
    inner = margin + " "
    if isinstance(value, Mapping) and value:
        rows = [f"{inner}{_compact(str(key))}: {lined(one, inner)}" for key, one in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{margin}}}"
    if isinstance(value, list) and value and isinstance(value[0], dict) and value[0]:
        # A quote that is followed by a key and a colon begins that key: no text holds such a row.
        first = f"{_compact(str(next(iter(value[0]))))}:"
        rows_of = _compact(value)[1:-1].replace(f"}},{{{first}", f"}},\n{inner}{{{first}")
        return f"[\n{inner}{rows_of}\n{margin}]"
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def write_bytes(data: bytes, target: Path) -> None:
    """Writes a file, whole or not at all. Raises UsageError."""
    with whole(target) as file:
        file.write(data)


@contextmanager
def whole(target: Path) -> Iterator[IO[bytes]]:
    """A file to write into, which is in its place once all went well. Raises UsageError."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            Path(name).chmod(0o644)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{str(target)!r} cannot be written: {error.strerror}", "name another file"
        ) from error


def iso(time: float, timespec: str = "microseconds") -> str:
    """Seconds since 1970 as "2026-01-02T03:04:05.678000+00:00"."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec=timespec)


def quoted(text: str) -> str:
    """A name as a part of an address: "count[3]" becomes "count%5B3%5D"."""
    return quote(text.encode("utf-8", "surrogatepass"), safe="/~._-")


def shown_value(name: str, ref: Mapping[str, Any]) -> str:
    """The value of a short reference as JSON text, masked; empty where it is kept elsewhere."""
    inline = ref.get("inline")
    if inline is None:
        return ""
    if looks_secret(name):
        return HIDDEN
    try:
        return json.dumps(mask_plain(json.loads(inline)), ensure_ascii=False)
    except ValueError:
        return HIDDEN


def masked(refs: Mapping[str, Any]) -> dict[str, Any]:
    """References with their texts masked."""
    found: dict[str, Any] = mask_plain(refs)
    return found


class Identifiers:
    """Short ids of letters, digits and . _ - for names of any kind; no two names share one."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._taken: set[str] = set()

    def __getitem__(self, name: str) -> str:
        found = self._ids.get(name)
        if found is None:
            plain = re.sub(r"[^0-9A-Za-z._-]+", "_", name).strip("_") or "unit"
            found, number = plain, 2
            while found in self._taken:
                found, number = f"{plain}-{number}", number + 1
            self._ids[name] = found
            self._taken.add(found)
        return found


def named_units(history: History) -> list[str]:
    """Names of all units: those that the run met, or else the tasks of its document."""
    met = dict.fromkeys(one.task for one in history.attempts)
    return list(met or dict.fromkeys(map(str, history.record.document.get("tasks") or {})))


def edges(history: History, units: Iterable[str]) -> dict[str, list[str]]:
    """Unit -> the units that it reads, of those given."""
    known = set(units)
    return {
        unit: [parent for parent in history.parents.get(unit) or () if parent in known]
        for unit in known
    }
