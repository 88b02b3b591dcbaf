"""What a task needs and how it is treated, as people write it: checked, and back to plain data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, TypedDict

from lamina.errors import UsageError
from lamina.workflow.amounts import size, size_text, span, span_text
from lamina.workflow.needs import PLAIN, REASONS, Care, Needs, Placement

NEEDS = ("cpus", "memory", "gpus", "time")
"""Keys of `needs` in a document; keywords of their own in Python."""

KEYS = (
    "needs", "retries", "retry", "cache", "fresh", "before", "after", "secrets", "variables",
    "placement",
)  # fmt: skip
"""Keys of a task in a document that say how it is treated."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_PORT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_KEYS = frozenset((*KEYS, "timeout"))


class Treatment(TypedDict, total=False):
    """What `task`, `command` and `Step.needing` take by name; see `Needs` and `Care`.

    memory is "4 GB" or bytes, time "10 min" or seconds, variables the environment variables that
    the result depends on, placement "auto" or {"items": PORT, "labels": [NAME, ...]}.
    """

    cpus: float
    memory: int | str | None
    gpus: float
    time: float | str | None
    retries: int | None
    retry: Sequence[str]
    cache: bool
    fresh: bool
    before: Sequence[str]
    after: Sequence[str]
    secrets: Sequence[str]
    variables: Sequence[str]
    placement: str | Mapping[str, Any] | None


def treated(care: Care, given: Mapping[str, Any]) -> Care:
    """The care with some of it said anew, by the keywords of `Treatment`.

    Raises:
        UsageError: all mistakes at once, each with a way out.
    """
    needs = {name: given[name] for name in NEEDS if name in given}
    rest = {name: value for name, value in given.items() if name not in NEEDS}
    entry = {**rest, "needs": needs} if needs else rest
    made, mistakes = care_of(entry, care)
    unknown = [name for name in rest if name not in KEYS or name == "needs"]
    known = (*NEEDS, *KEYS[1:])
    mistakes = [*(_unknown(name, known) for name in unknown), *mistakes]
    if mistakes:
        raise UsageError(
            "the task cannot be treated so: " + "; ".join(mistakes),
            f"known: {', '.join(known)}",
        )
    return made


def care_of(entry: Mapping[str, Any], base: Care = PLAIN) -> tuple[Care, list[str]]:
    """The care that a task's entry in a document asks for, and what is wrong with it.

    What is wrong is left as it was in `base`. A command's `timeout` is its time.
    """
    if not _KEYS & entry.keys():  # as of nearly all tasks of a large document
        return base, []
    mistakes: list[str] = []
    needs = _needs(entry, base.needs, mistakes)
    fields: dict[str, Any] = {}
    for key, (name, read) in _READERS.items():
        if key in entry:
            try:
                fields[name] = read(entry[key])
            except ValueError as error:
                mistakes.append(f"{key}: {_shown(entry[key])} is not {error}")
    return replace(base, needs=needs, **fields), mistakes


def care_to_document(care: Care) -> dict[str, Any]:
    """The keys of a task that say it; only what differs from a task that says nothing."""
    entry: dict[str, Any] = {}
    needs = {
        name: _WRITERS.get(name, _number)(getattr(care.needs, name))
        for name in NEEDS
        if getattr(care.needs, name) != getattr(PLAIN.needs, name)
    }
    if needs:
        entry["needs"] = needs
    for key, (name, _) in _READERS.items():
        value = getattr(care, name)
        if value != getattr(PLAIN, name):
            entry[key] = list(value) if isinstance(value, tuple) else value
    if care.placement is not None:
        entry["placement"] = _placement_document(care.placement)
    return entry


def care_mistakes(care: Care, ports: Sequence[str]) -> Iterator[str]:
    """What is wrong with a care however it was made; `ports` are those of its task."""
    if care is PLAIN or care == PLAIN:  # as nearly all are
        return
    yield from care_of(
        {
            "needs": {name: getattr(care.needs, name) for name in NEEDS},
            **{key: getattr(care, name) for key, (name, _) in _READERS.items()},
        }
    )[1]
    for name in care.secrets:
        if isinstance(name, str) and name not in ports and not _VARIABLE.fullmatch(name):
            yield (
                f"secrets: {name!r} is neither a port nor the name of an environment variable; "
                f"ports: {', '.join(ports) or 'none'}"
            )


def needs_told(needs: Needs) -> str:
    """What differs from one core and nothing else: "2 cpus, 4 GB, 1 gpu, 10 min"."""
    parts = []
    if needs.cpus != 1:
        parts.append(f"{needs.cpus:g} cpu{'' if needs.cpus == 1 else 's'}")
    if needs.memory is not None:
        parts.append(str(size_text(needs.memory)))
    if needs.gpus:
        parts.append(f"{needs.gpus:g} gpu{'' if needs.gpus <= 1 else 's'}")
    if needs.time is not None:
        parts.append(span_text(needs.time))
    return ", ".join(parts)


def _needs(entry: Mapping[str, Any], base: Needs, mistakes: list[str]) -> Needs:
    given = entry.get("needs", {})
    if not isinstance(given, Mapping):
        mistakes.append(f"needs: {_shown(given)} is not a mapping of {', '.join(NEEDS)}")
        return base
    found: dict[str, Any] = {}
    for name, read in _AMOUNTS.items():
        if name in given:
            try:
                found[name] = read(given[name])
            except ValueError as error:
                mistakes.append(f"needs: {name}: {_shown(given[name])} is not {error}")
    if "timeout" in entry:
        if "time" in given:
            mistakes.append("timeout and needs: time say the same thing; keep needs: time")
        found.setdefault("time", float(entry["timeout"]))
    return replace(base, **found)


def _cpus(given: object) -> float:
    number = _finite(given)
    if number is None or number < 0:
        raise ValueError("a number of cores, 0 or more")
    return number


def _gpus(given: object) -> float:
    number = _finite(given)
    if number is None or number < 0 or (number > 1 and number != int(number)):
        raise ValueError("a number of devices: whole, or a share below 1")
    return number


def _finite(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return None
    number = float(given)
    return number if number - number == 0 and number < 1e9 else None


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _retries(given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= 1000:
        raise ValueError("a number of further attempts, from 0 to 1000")
    return given


def _reasons(given: object) -> tuple[str, ...]:
    reasons = _texts(given, f"a list of reasons: {', '.join(REASONS)}")
    for reason in reasons:
        if reason not in REASONS:
            raise ValueError(f"a list of reasons; unknown {reason!r}: choose from {_listed()}")
    return tuple(dict.fromkeys(reasons))


def _listed() -> str:
    return ", ".join(REASONS)


def _yes_or_no(given: object) -> bool:
    if not isinstance(given, bool):
        raise ValueError("true or false")
    return given


def _script(given: object) -> tuple[str, ...]:
    argv = _texts(given, "a list of a program and its arguments, as text")
    if argv and not argv[0]:
        raise ValueError("a list that begins with a program")
    return argv


def _names(given: object) -> tuple[str, ...]:
    names = _texts(given, "a list of names")
    if any(not (_VARIABLE.fullmatch(name) or _PORT.fullmatch(name)) for name in names):
        raise ValueError("a list of names: letters, digits and '_'")
    return tuple(dict.fromkeys(names))


def _variables(given: object) -> tuple[str, ...]:
    names = _texts(given, "a list of names of environment variables")
    if not all(map(_VARIABLE.fullmatch, names)):
        raise ValueError("a list of names of environment variables: letters, digits and '_'")
    return tuple(dict.fromkeys(names))


def _placement(given: object) -> Placement | None:
    if given is None or isinstance(given, Placement):
        return given
    if given == "auto":
        return Placement()
    if not isinstance(given, Mapping) or not given.keys() <= {"items", "labels"}:
        raise ValueError("auto, or a mapping with items (an input port) and labels")
    items = given.get("items", "")
    if not isinstance(items, str):
        raise ValueError("a mapping whose items name an input port")
    return Placement(items, _names(given.get("labels", ())))


def _placement_document(placement: Placement) -> str | dict[str, Any]:
    entry: dict[str, Any] = {"items": placement.items} if placement.items else {}
    if placement.labels:
        entry["labels"] = list(placement.labels)
    return entry or "auto"


def _texts(given: object, what: str) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)) or not all(isinstance(one, str) for one in given):
        raise ValueError(what)
    return tuple(given)


def _unknown(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(str(name), known, n=1)
    return f"unknown {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _shown(value: object) -> str:
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 60 else text[:57] + "..."


_AMOUNTS: dict[str, Callable[[Any], Any]] = {
    "cpus": _cpus,
    "memory": lambda given: None if given is None else size(given),
    "gpus": _gpus,
    "time": lambda given: None if given is None else span(given),
}
_WRITERS: dict[str, Callable[[Any], Any]] = {"memory": size_text, "time": span_text}
_READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "retries": ("retries", _retries),
    "retry": ("retry", _reasons),
    "cache": ("cache", _yes_or_no),
    "fresh": ("fresh", _yes_or_no),
    "before": ("before", _script),
    "after": ("after", _script),
    "secrets": ("secrets", _names),
    "variables": ("environment", _variables),
    "placement": ("placement", _placement),
}
"""Key in a document -> field of `Care`, and what reads it."""
