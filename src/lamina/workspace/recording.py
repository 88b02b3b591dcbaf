"""What a session tells the records besides its events: its surroundings, and what to hide."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.errors import UsageError
from lamina.records.store import RunRecord, Store
from lamina.workflow.actions.composite import Composite
from lamina.workflow.graph import Workflow
from lamina.workflow.masking import look_alikes, looks_secret, secret_values, told_secrets
from lamina.workflow.sent import is_whole


def surroundings(store: Store) -> str:
    """Keeps what this process runs on, once, and gives its digest for `RunStarted.about`."""
    from lamina.records.environment import digest_of, environment

    found = environment()
    digest = digest_of(found)
    if digest not in store.recipes([digest]):
        store.keep({digest: found})
    return digest


def user() -> str:
    """Who runs this process: a name, or a number where the system knows no name."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def protect(store: Store, workflow: Workflow, inputs: Mapping[str, Ref]) -> None:
    """Lets the store hide the values that tasks declare secret, and inputs that look it by their
    names or themselves.

    Values that tasks hand on to ports declared secret are known to the worker only, which masks
    its logs.

    Args:
        store: that the run is written to.
        workflow: its tasks say which variables and ports are secret.
        inputs: workflow input -> reference.
    """
    given = {name: _plain(ref) for name, ref in inputs.items()}
    told = secret_values((), {}, {name: v for name, v in given.items() if looks_secret(name)})
    alike = [text for value in given.values() for text in look_alikes(value)]
    declared = [value for found in _declared(workflow, given) for value in found]
    store.protect([*told, *alike, *declared])


def resumable(record: RunRecord) -> bool:
    """Whether another process could go on with a run: its record names all functions and values."""
    document = record.document
    return bool(document) and not document.get("hidden") and is_whole(document)


def recorded(entries: Mapping[str, Any], run: str) -> dict[str, Ref]:
    """References of a record, port by port.

    Args:
        entries: port -> reference (`Ref.to_json`).
        run: name of the run, for the message.

    Raises:
        UsageError: a secret is among them; records do not hold its value.
    """
    hidden = [name for name, entry in entries.items() if entry.get("hidden")]
    if hidden:
        raise UsageError(
            f"the run {run} was given a secret as {' and '.join(map(repr, hidden))}, and no record "
            "of it is kept",
            "run the workflow again with it: what is finished is reused",
        )
    return {name: Ref.from_json(entry) for name, entry in entries.items()}


def wrote(store: Store, run: str, written: Mapping[str, str]) -> None:
    """Keeps the digests of files that outputs were written to, so that they can be traced back.

    Args:
        run: its id.
        written: workflow output -> file, or folder of files.
    """
    files = {}
    for name, path in written.items():
        place = Path(path)
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.is_file():
                files[file_digest(file)] = name
    store.wrote(run, files)


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _declared(workflow: Workflow, given: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for task in workflow.tasks:
        arguments = dict(task.parameters)
        for edge in workflow.incoming.get(task.name, ()):
            if not edge.source_task and edge.source_port in given:
                arguments[edge.target_port] = given[edge.source_port]
        names = task.care.secrets
        variables = getattr(task.action, "environment", {})
        if variables:
            yield told_secrets(variables)
        if names:
            own = {name: value for name, value in arguments.items() if name in names}
            yield secret_values(names, {**os.environ, **variables}, own)
        if isinstance(task.action, Composite):
            for part in task.action.parts():
                yield from _declared(part.workflow, arguments)


def _plain(ref: Ref) -> Any:
    return None if ref.inline is None else json.loads(ref.inline)
