"""The file of a job: a function, its items, and how they are to be placed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from lamina.errors import DocumentError, UsageError
from lamina.execution.placing.items import Item
from lamina.execution.placing.profile import read_mapping
from lamina.execution.placing.settings import flag, listed, number, read, text, whole
from lamina.planning.placement.words import Job

FETCH = 200.0
"""Bytes of an item's result, unless the job says otherwise."""


@dataclass(frozen=True)
class Order:
    """What is to be placed.

    Args:
        file: that it was read from.
        function: "module:name" or "file.py:name"; a file is relative to the job's.
        items: what there is to do; empty where batches come later.
        arguments: of the function.
        policy: as `policies.made` takes it; empty for the default.
        batch: items of a job; 0 for all in one.
        period: seconds between two jobs.
        divisible: whether items can be done apart.
        deadline: seconds from coming to results.
        needs: labels that a runtime must have.
        fetch: bytes of an item's result.
        price, energy: seconds that a unit of money and a joule are worth.
        seed: of what a policy leaves to chance.
    """

    file: Path
    function: str
    items: tuple[Item, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    policy: str = ""
    batch: int = 0
    period: float = 0.0
    divisible: bool = True
    deadline: float = inf
    needs: frozenset[str] = frozenset()
    fetch: float = FETCH
    price: float = 0.0
    energy: float = 0.0
    seed: int = 0

    def batches(self) -> Iterator[tuple[Item, ...]]:
        """The items, job by job."""
        size = self.batch or max(len(self.items), 1)
        for start in range(0, len(self.items), size):
            yield self.items[start : start + size]

    def job(self, name: str, items: Sequence[Item]) -> Job:
        """The job of a batch."""
        sent = float(sum(item.size for item in items))
        return Job(
            name, len(items), 0.0, sent, self.fetch * len(items), self.divisible, self.deadline,
            self.needs,
        )  # fmt: skip


def read_order(path: Path, items: bool = True) -> Order:
    """The job in a file.

    Args:
        path: YAML, JSON or TOML.
        items: whether it has to have some.

    Raises:
        DocumentError: it cannot be read; all its mistakes, each with its key and value.
    """
    document = read_mapping(path, "job")
    mistakes: list[str] = []
    told = read(
        "job", document,
        {
            "lamina": text, "function": text, "items": _as_it_is, "arguments": _named,
            "policy": text, "batch": whole(), "period": number(), "divisible": flag,
            "deadline": number(1e-9), "needs": listed, "labels": listed, "fetch": number(),
            "price": number(), "energy": number(), "seed": whole(0),
        },
        mistakes,
    )  # fmt: skip
    if "function" not in document:
        mistakes.append("job: function is missing; name one as module:name or file.py:name")
    elif ":" not in str(told.get("function", ":")):
        mistakes.append(
            f"job.function: {told['function']!r} names no function; write module:name or "
            "file.py:name"
        )
    found: tuple[Item, ...] = ()
    if "items" in told:
        try:
            found = items_of(told["items"], path.parent)
        except UsageError as error:
            mistakes.append(f"job.items: {error.message}; {error.way_out}")
    elif items:
        mistakes.append("job: items are missing; name a folder, a pattern, or a list")
    if mistakes:
        raise DocumentError(f"job {path}", mistakes)
    told.pop("items", None)
    told.pop("lamina", None)
    needs = frozenset((*told.pop("needs", ()), *told.pop("labels", ())))
    return Order(path, items=found, needs=needs, **told)


def items_of(given: Any, folder: Path) -> tuple[Item, ...]:
    """Items from a folder, a pattern, or a list of files and plain values.

    Raises:
        UsageError: there are none, two have one name, or the file is not there.
    """
    if isinstance(given, list):
        found = [_listed(one, folder) for one in given]
    elif isinstance(given, str):
        found = [Item(name, path) for name, path in _files(given, folder)]
    else:
        raise UsageError(f"{given!r} are no items", "name a folder, a pattern, or a list")
    if not found:
        raise UsageError(f"{given!r} holds no item", "put files there, or name others")
    names = [one.id for one in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"the item {twice!r} is there twice", "name each item once")
    return tuple(found)


def _files(given: str, folder: Path) -> Iterator[tuple[str, Path]]:
    place = folder / Path(given).expanduser()
    paths: Iterable[Path]
    if place.is_dir():
        base, paths = place, place.rglob("*")
    elif place.is_file():
        base, paths = place.parent, iter([place])
    elif any(sign in given for sign in "*?["):
        pattern = Path(given).expanduser()
        start = Path(pattern.anchor) if pattern.is_absolute() else folder
        base, paths = folder, start.glob(str(pattern.relative_to(pattern.anchor)))
    else:
        raise UsageError(f"{given!r} is not there", "name a folder, a file or a pattern")
    for path in sorted(paths):
        name = path.relative_to(base) if path.is_relative_to(base) else path
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            yield name.as_posix(), path


def _listed(one: Any, folder: Path) -> Item:
    if isinstance(one, str):
        path = folder / Path(one).expanduser()
        if path.is_file():
            return Item(one, path)
        raise UsageError(f"the file {one!r} is not there", f"it is looked for in {folder}")
    if isinstance(one, dict) and set(one) == {"value"}:
        return Item(str(one["value"]), value=one["value"])
    if one is None or isinstance(one, (bool, int, float)):
        return Item(str(one), value=one)
    raise UsageError(f"{one!r} is no item", "give files, numbers, or {value: ...}")


def _named(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise ValueError("arguments by their names")
    return value


def _as_it_is(value: Any) -> Any:
    return value
