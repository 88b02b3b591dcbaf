"""The streams of one attempt in a worker: what it reads while it grows, what it writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import UsageError
from lamina.execution.streams.reader import StreamReader, opened
from lamina.execution.streams.writer import StreamWriter, fill, kept
from lamina.workflow.graph import Task
from lamina.workflow.ports import Port
from lamina.workflow.units import stream_of


class Flows:
    """Opens and ends the streams of one attempt.

    Args:
        task: what the attempt does.
        path: port -> where its spool is to lie; see `spool_paths`.
        artifacts: where finished streams go.
    """

    def __init__(self, task: Task, path: Callable[[str], Path], artifacts: Artifacts) -> None:
        self._ports = {port.name: port for port in task.outputs if port.type.streams}
        self._path = path
        self._artifacts = artifacts
        self._writers: dict[str, StreamWriter] = {}
        self._fed: set[str] = set()
        self._readers: list[StreamReader] = []

    def begin(self) -> None:
        """Makes the spools, so that those who read find them. Raises ArtifactError."""
        for name in self._ports:
            # A worker may be told twice to do one attempt, after its engine was killed.
            with suppress(FileNotFoundError):
                self._path(name).unlink()
            self._writers[name] = StreamWriter(self._path(name))

    def inlet(self, ref: Ref) -> Iterator[Any]:
        """What a stream port gets. Raises ArtifactError."""
        found = opened(ref, self._artifacts)
        if isinstance(found, StreamReader):
            self._readers.append(found)
        return found

    def outlet(self, port: str) -> Callable[[Any], None] | None:
        """Takes items of a stream output while the task runs; see `Attempt.outlet`."""
        if port not in self._writers:
            return None
        self._fed.add(port)
        writer, declared = self._writers[port], self._ports[port]

        def put(item: Any) -> None:
            _check(item, writer.count, declared)
            writer.put(item)

        return put

    def keep(self, port: Port, value: Any) -> Ref:
        """Runs what a task returned for a stream output to its end; the stream as an artifact.

        Raises:
            UsageError: an item is of another type than the port says.
            ArtifactError: an item cannot be kept.
        """
        writer = self._writers[port.name]
        items = () if port.name in self._fed else value
        if items is None:
            raise UsageError(
                f"its output {port.name!r} needs {port.type}; it gets None",
                "yield the items, or return an iterator over them",
            )
        return kept(fill(writer, checked(items, port)), self._artifacts)

    def close(self) -> None:
        """Lets go of everything: writers that were not ended leave a stream without an end."""
        for writer in self._writers.values():
            writer.close()
        for reader in self._readers:
            reader.close()


def spool_paths(run: Path, unit: str, attempt: int) -> Callable[[str], Path]:
    """Where the spools of an attempt lie, by port."""
    return lambda port: run / stream_of(unit, attempt, port)


def growing(path: Path) -> Ref:
    """What stands for a stream that is still written, for a runtime's workers."""
    return Ref("stream", "", 0, origin=str(path))


def whole(value: Any, port: Port) -> Any:
    """What a task returned for a stream output, run to its end in this process: a list.

    Raises:
        UsageError: it is nothing to iterate over, or an item is of another type.
    """
    problem = port.type.problem(value)
    if problem:
        raise UsageError(
            f"its output {port.name!r} needs {port.type}; it {problem}",
            "yield the items, or return an iterator over them",
        )
    items = checked(value, port)
    if not isinstance(items, AsyncIterator):
        return list(items)
    import asyncio  # a twentieth of a second, which few runs need

    return asyncio.run(_listed(items))


async def _listed(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


def checked(
    items: Iterable[Any] | AsyncIterator[Any], port: Port
) -> Iterator[Any] | AsyncIterator[Any]:
    """The items, each held to the port's type."""
    return _checked_later(items, port) if isinstance(items, AsyncIterator) else _now(items, port)


def _now(items: Iterable[Any], port: Port) -> Iterator[Any]:
    for number, item in enumerate(items):
        _check(item, number, port)
        yield item


async def _checked_later(items: AsyncIterator[Any], port: Port) -> AsyncIterator[Any]:
    number = 0
    async for item in items:
        _check(item, number, port)
        yield item
        number += 1


def _check(item: Any, number: int, port: Port) -> None:
    problem = port.type.of.problem(item) if port.type.of else ""
    if problem:
        raise UsageError(
            f"its output {port.name!r} needs {port.type}; item {number} {problem}",
            "yield such items, or change the annotation",
        )
