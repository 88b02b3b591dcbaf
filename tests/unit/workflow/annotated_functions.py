"""Functions with every kind of annotation, for the two readers of signatures."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Optional, TypedDict

import numpy as np
from numpy.typing import NDArray

from lamina.data.tables import Table
from lamina.nets.bundle import Bundle
from lamina.nets.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path as AnyPath


class Pair(NamedTuple):
    left: int
    right: list[str]


@dataclass(frozen=True)
class Split:
    train: Table
    test: Table | None


class Scores(TypedDict):
    accuracy: float
    f1: float


class Plain:
    pass


def numbers(a: int, b: float, c: bool, d: str = "x") -> float:
    return a + b


def files(path: Path, folder: Annotated[Path, "folder"], text: Annotated[str, "file"]) -> Path:
    return path


def arrays(a: np.ndarray[Any, Any], b: NDArray[np.float32]) -> NDArray[np.float64]:
    return a


def rooms(table: Table, model: Bundle, network: Network) -> Table:
    return table


def lists(a: list[int], b: Sequence[float], c: tuple[int, ...], d: list[Table]) -> list[list[int]]:
    return []


def bare(a, b=3, *, c=None):  # type: ignore[no-untyped-def]
    return a


def maybe(
    a: int | None,
    b: Optional[str] = None,  # noqa: UP045
    c: int | float = 1,
    d: int | str = 2,
) -> int | None:
    return a


def data(a: dict[str, Any], b: Mapping[str, int], c: Any, d: Plain, e: Literal["x", "y"]) -> None:
    return None


def pair(a: typing.List[int]) -> Pair:  # noqa: UP006
    return Pair(1, [])


def split(a: "Table") -> Split:  # noqa: UP037
    return Split(a, None)


def scores(k: int = -1, names: tuple[str, ...] = ("a",), options: dict[str, int] = {}) -> Scores:  # noqa: B006
    return {"accuracy": 1.0, "f1": 1.0}


class Holder:
    @staticmethod
    def inside(x: int) -> str:
        return str(x)


def unseen(rows: Iterator[int], k: float, path: AnyPath | None = None) -> Iterator[float]:
    yield from rows


def yields(n: int):  # type: ignore[no-untyped-def]
    def inner() -> int:
        return n

    for _ in range(n):
        yield inner()


def returns(n: int):  # type: ignore[no-untyped-def]
    def inner():  # type: ignore[no-untyped-def]
        yield n

    return list(inner())  # type: ignore[no-untyped-call]


async def later(n: int) -> AsyncIterator[str]:
    yield str(n)


async def once(n: int) -> str:
    return str(n)
