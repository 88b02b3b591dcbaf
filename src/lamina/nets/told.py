"""Networks and models by what a person writes: a name, sizes, a file, a document in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.errors import BundleError
from lamina.nets.bundle import Bundle
from lamina.nets.convert.dataview import read_model
from lamina.nets.document import network_from_document, read_network
from lamina.nets.network import Network


def told_network(told: str | Mapping[str, Any], folder: Path) -> Network:
    """The network that a workflow tells of.

    Args:
        told: what `read_network` takes, or a network document as a mapping.
        folder: what a relative path begins in.

    Raises:
        DocumentError, NetworkError, BundleError: as `read_network`.
    """
    if isinstance(told, Mapping):
        return network_from_document(dict(told))
    beside = folder / told
    return read_network(beside if beside.is_file() else told)


def told_model(told: str | Mapping[str, Any], folder: Path) -> Bundle:
    """The model in a file: a bundle, or one of the papers' model@ files.

    Raises:
        BundleError, DocumentError: the file cannot be read as either.
    """
    if isinstance(told, Mapping):
        raise BundleError("a model is told by the path of its file, not by a mapping")
    path = folder / told
    return read_model(path) if is_dataview_model(path) else Bundle.load(path)


def is_dataview_model(path: str | Path) -> bool:
    """Whether a file is one of the papers' model@ files: JSON with the entry SavedModel."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(16).lstrip(b"\xef\xbb\xbf \r\n\t")
            return head[:1] == b"{" and b'"SavedModel"' in head + file.read()
    except (OSError, ValueError):
        return False
