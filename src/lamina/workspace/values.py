"""Values by name: a data set, a table file, a network, a model, from what a person types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.data.staging.address import is_local, is_remote
from lamina.errors import NetworkError, UnknownNameError, UsageError

if TYPE_CHECKING:  # each reader loads what it reads with: most runs are told numbers and texts
    from lamina.data.tables import Table
    from lamina.nets.bundle import Bundle
    from lamina.nets.network import Network


def table(data: str | Path) -> Table:
    """The table of a named set, or of a file.

    Raises:
        UnknownNameError: neither a named set nor a file; lists the named sets.
    """
    from lamina.data.sources import told_table

    return told_table(str(data), Path())


def model(path: str | Path) -> Bundle:
    """A model: a bundle, or one of the papers' model@ files.

    Raises:
        BundleError, DocumentError: the file cannot be read as either.
    """
    from lamina.nets.told import told_model

    return told_model(str(path), Path())


def network(name: str | Path) -> Network:
    """A network: a name of the zoo, sizes such as 5-3-1, or a file.

    Raises:
        UnknownNameError, DocumentError: no such network or file, or not one that can be read.
        NetworkError: layers that do not fit; names the file.
    """
    from lamina.nets.document import read_network

    try:
        return read_network(name)
    except NetworkError as error:
        raise NetworkError(
            str(name), error.mistakes, error.way_out or "correct these layers in the document"
        ) from error


def target_of(data: str | Path, target: str | None) -> str:
    """The target column: as given, or the catalogue's for a named set.

    Raises:
        UsageError: not given, and the data is no named set.
    """
    if target:
        return target
    from lamina.data.sources import catalogue

    sets = catalogue()
    if str(data) in sets:
        return sets[str(data)].target
    if not Path(data).suffix and not Path(data).exists():
        raise UnknownNameError("data set or file", str(data), sets)
    raise UsageError(
        f"the target column of {str(data)!r} is not known", "name it with --target COLUMN"
    )


def value(text: str, port_type: str) -> Any:
    """A value for a workflow input of a type, from text on the command line.

    Numbers, booleans, lists and mappings are read as JSON; tables and models from files.
    """
    if port_type in ("str", "any"):
        return text
    if port_type in ("file", "folder"):
        return text if is_remote(text) or is_local(text) else Path(text)
    readers = {"table": table, "model": model, "network": network}
    if port_type in readers:
        return readers[port_type](text)
    if port_type.startswith("list[") and not text.lstrip().startswith("["):
        inner = port_type.removeprefix("list[").removesuffix("]")
        return [value(part.strip(), inner) for part in text.split(",") if part.strip()]
    return _plain(text, port_type)


def _plain(text: str, port_type: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{text!r} cannot be read as {port_type}", "write it as JSON, say 3, 0.5, true, [1, 2]"
        ) from error
