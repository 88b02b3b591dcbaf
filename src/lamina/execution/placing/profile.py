"""The profile of runtimes: a file in which they stand as data, YAML, JSON or TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from lamina.errors import DocumentError, LaminaError, UnknownNameError
from lamina.execution.placing.pods import Limits
from lamina.execution.placing.settings import (
    Kind,
    Secret,
    flag,
    listed,
    number,
    read,
    storage,
    text,
    whole,
)  # fmt: skip
from lamina.execution.placing.sites import SITES
from lamina.planning.placement.health import Rules
from lamina.planning.placement.words import Runtime
from lamina.workflow.machine import cores

VERSION = "placing/1"
_RUNTIME: Mapping[str, Kind] = {
    "kind": text, "standby": flag, "capacity": whole(), "devices": whole(0), "price": number(),
    "power": number(), "labels": listed, "storage": storage,
}  # fmt: skip
_LIMITS: Mapping[str, Kind] = {one.name: number(0.05) for one in fields(Limits)}
_RULES: Mapping[str, Kind] = {
    one.name: whole() if one.type == "int" else number() for one in fields(Rules)
}


@dataclass(frozen=True)
class Entry:
    """A runtime of a profile.

    Args:
        runtime: what placing knows of it.
        kind: one of `SITES`.
        settings: of its kind.
        storage: where its data is kept; empty where it reads files as they are.
    """

    runtime: Runtime
    kind: str
    settings: Mapping[str, Any]
    storage: str = ""


@dataclass(frozen=True)
class Profile:
    """Runtimes and how they are met.

    Args:
        file: that it was read from.
        runtimes: name -> entry, in the order of the file.
        scale: seconds of a run's clock in a second of this machine.
        limits: of waiting.
        rules: how failures are met.
    """

    file: Path
    runtimes: Mapping[str, Entry]
    scale: float = 1.0
    limits: Limits = field(default_factory=Limits)
    rules: Rules = field(default_factory=Rules)


def read_profile(path: Path) -> Profile:
    """The profile in a file.

    Raises:
        DocumentError: it cannot be read; all its mistakes, each with its key and value.
    """
    document = read_mapping(path, "profile")
    mistakes: list[str] = []
    told = read(
        "profile", document,
        {
            "lamina": _version, "scale": number(1e-6), "storage": storage, "limits": _as_it_is,
            "rules": _as_it_is, "runtimes": _as_it_is,
        },
        mistakes,
    )  # fmt: skip
    limits = read("limits", told.get("limits", {}), _LIMITS, mistakes)
    rules = read("rules", told.get("rules", {}), _RULES, mistakes)
    given = told.get("runtimes")
    if not isinstance(given, dict) or not given:
        mistakes.append("runtimes: there is none; name some, each with a kind")
        given = {}
    found = {}
    for name, entry in given.items():
        found[str(name)] = _entry(str(name), entry, told.get("storage", ""), path.parent, mistakes)
    if mistakes:
        raise DocumentError(f"profile {path}", mistakes, "see `lamina place run --help`")
    entries = {name: entry for name, entry in found.items() if entry is not None}
    return Profile(path, entries, told.get("scale", 1.0), Limits(**limits), Rules(**rules))


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """The mapping that a YAML, JSON or TOML file holds.

    Raises:
        DocumentError: it cannot be read, or is none.
    """
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            found: Any = tomllib.loads(content)
        elif path.suffix == ".json":
            found = json.loads(content)
        else:
            found = yaml.safe_load(content)
    except (OSError, UnicodeDecodeError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise DocumentError(f"{what} {path}", [f"it cannot be read: {told}"]) from error
    except (yaml.YAMLError, ValueError) as error:
        told = " ".join(str(error).split())
        raise DocumentError(f"{what} {path}", [f"it cannot be understood: {told}"]) from error
    if not isinstance(found, dict):
        raise DocumentError(f"{what} {path}", ["it is no mapping of names to values"])
    return found


def _entry(
    name: str, given: Any, usual: str, folder: Path, mistakes: list[str]
) -> Entry | None:  # fmt: skip
    where = f"runtimes.{name}"
    if not isinstance(given, dict):
        mistakes.append(f"{where}: {given!r} is no mapping; give at least a kind")
        return None
    kind = given.get("kind", "local")
    try:
        site = SITES.get(str(kind))
    except (UnknownNameError, LaminaError) as error:
        mistakes.append(f"{where}.kind: {error.message}; {error.way_out}")
        return None
    kinds = {**_RUNTIME, **site.settings}
    count = len(mistakes)
    told = read(where, _with_paths(given, folder), kinds, mistakes)
    for needed in site.required:
        if needed not in given:
            mistakes.append(f"{where}: {needed} is missing; a runtime of kind {kind} needs it")
    if len(mistakes) > count:
        return None
    near = bool(told.get("standby", False))
    runtime = Runtime(
        name, near, told.get("capacity", _capacity(str(kind), near)), told.get("devices", 0),
        told.get("price", 0.0), told.get("power", 0.0), frozenset(told.get("labels", ())),
    )  # fmt: skip
    own = {key: told[key] for key in site.settings if key in told}
    return Entry(runtime, str(kind), own, told.get("storage", "" if near else usual))


def _capacity(kind: str, near: bool) -> int:
    """Tasks at once, where nobody says: what stands ready and a service have one pod, this machine
    has its cores, and what is emulated has no bound."""
    if near or kind == "http":
        return 1
    return max(int(cores()), 1) if kind == "local" else Runtime("").capacity


def _with_paths(given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Files in it are relative to the profile's folder."""
    found = dict(given)
    if isinstance(found.get("deployment"), str):
        found["deployment"] = str(folder / found["deployment"])
    token = found.get("token")
    if isinstance(token, dict) and isinstance(token.get("file"), str):
        found["token"] = {"file": str(folder / Path(token["file"]).expanduser())}
    return found


def _version(value: Any) -> str:
    if value != VERSION:
        raise ValueError(f"{VERSION!r}")
    return VERSION


def _as_it_is(value: Any) -> Any:
    return value


__all__ = ["Entry", "Profile", "Secret", "read_mapping", "read_profile"]
