"""References: what stands for a value in messages and records, small whatever the value's size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INLINE = 512
"""Bytes up to which a JSON value travels inside its reference."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A value by its content.

    Args:
        codec: how its bytes are read: "json", "tree" (other plain values of Python: tuples, sets,
            NumPy's numbers, mappings of arrays), "arrow", "npy", "file", "folder", "list",
            "stream", "bundle", "pickle", ...; see `lamina.data.artifacts.codecs`.
        digest: SHA-256 of its bytes in hexadecimal digits; of a list, of its items' digests.
        size: bytes.
        inline: the value's own text, where it is short and the codec is "json" or "tree";
            nothing is on the disk then.
        count: items of a list.
        name: a file's own name, for programs that look at endings.
        origin: absolute path or URL of an input that stays where it is; empty for what the
            store holds.
    """

    codec: str
    digest: str
    size: int
    inline: str | None = None
    count: int | None = None
    name: str = ""
    origin: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values; what is empty is left out."""
        found: dict[str, Any] = {"codec": self.codec, "digest": self.digest, "size": self.size}
        if self.inline is not None:
            found["inline"] = self.inline
        if self.count is not None:
            found["count"] = self.count
        if self.name:
            found["name"] = self.name
        if self.origin:
            found["origin"] = self.origin
        return found

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Ref:
        """The reference of `to_json`; keys of later versions are passed over."""
        return cls(
            entry["codec"],
            entry["digest"],
            entry["size"],
            entry.get("inline"),
            entry.get("count"),
            entry.get("name", ""),
            entry.get("origin", ""),
        )
