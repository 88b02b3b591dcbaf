"""Events as the rows of a batch: masked, with the results and products that they bring."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lamina.records.live import Live
from lamina.records.rows import RunRecord
from lamina.workflow.log import (
    AttemptEnded,
    AttemptStarted,
    Event,
    RunFinished,
    RunStarted,
    body_of,
    word_of,
)
from lamina.workflow.masking import HIDDEN, holds_secret, mask, mask_document, mask_plain

Line = tuple[float, str, str, int, str]
"""time, word, task, attempt, body as JSON."""

LIVE_SECONDS = 0.2
"""Where a run is, is kept this often at most; who reads it folds the events since then."""

_FREE = {
    "run-started": ("about",),
    "attempt-started": ("reason",),
    "attempt-placed": ("reason",),
    "attempt-progressed": ("values",),
    "attempt-ended": ("error",),
    "task-reused": ("reason",),
    "task-skipped": ("reason",),
    "noticed": ("text",),
}
"""Fields that people read and no engine computes with; patterns are masked in them. References
are masked only where a declared secret stands in them: a look-alike must not change a result."""

_EXACT = frozenset({"digest", "key", "recipe", "codec", "size", "count", "status", "phases"})
_REFERENCES = frozenset({"inputs", "outputs"})


@dataclass
class Book:
    """What the writer of a run remembers between batches.

    Args:
        run: the run's number in the store.
        next: number of its next event.
        live: where the run is.
        written: when that was kept, on the clock of `batch_of`.
        keys: unit -> (attempt, key, recipe) of attempts that have not ended.
    """

    run: int
    next: int
    live: Live
    keys: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    written: float = 0.0


@dataclass(frozen=True)
class Batch:
    """Rows by table, as parameters of the statements; `run` holds what changes in the run's own.

    Args:
        number: of the run.
    """

    number: int
    events: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    products: list[dict[str, Any]] = field(default_factory=list)
    lives: list[dict[str, Any]] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Table -> rows to add, where there are any."""
        names = ("events", "results", "products", "lives")
        return {name: rows for name in names if (rows := getattr(self, name))}


def lines_of(events: Sequence[Event], secrets: Sequence[str] = ()) -> list[Line]:
    """Events as they are kept, without their numbers."""
    return [_line(event, secrets) for event in events]


def batch_of(book: Book, events: Sequence[Event], lines: Sequence[Line], now: float) -> Batch:
    """The rows of a batch; moves the book on.

    Args:
        now: seconds on any clock that does not go back.
    """
    batch = Batch(book.run)
    for event, (time, word, task, attempt, body) in zip(events, lines, strict=True):
        row = {"run": book.run, "number": book.next, "time": time, "word": word}
        batch.events.append({**row, "task": task, "attempt": attempt, "body_json": body})
        _follow(book, event, body, batch)
        book.live.apply(event)
        book.next += 1
    if batch.run or now - book.written >= LIVE_SECONDS:
        book.written = now
        state = to_json(book.live.to_json())
        batch.lives.append({"run": book.run, "number": book.next - 1, "live_json": state})
    return batch


def run_of(run: RunRecord, secrets: Sequence[str]) -> RunRecord:
    """A run as it is kept."""
    options = mask_plain(run.options, secrets)
    document = mask_document(run.document, secrets)
    made = concealed({"inputs": run.inputs, "folder": run.folder}, secrets) if secrets else {}
    return replace(run, **made, document=document, options=options)


def to_json(value: Any) -> str:
    """Compact JSON; what JSON has no word for becomes a number where it can, else text."""
    return _ENCODER.encode(value)


def _plain(value: Any) -> Any:
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "size", 1) == 1 else str(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_plain)


def _line(event: Event, secrets: Sequence[str]) -> Line:
    word, body = word_of(event), body_of(event)
    task, attempt = body.pop("task", ""), body.pop("attempt", 0)
    for name in _FREE.get(word, ()):
        if name in body:
            body[name] = mask_plain(body[name], secrets)
    text = to_json(body)
    if secrets and holds_secret(text, secrets):
        text = to_json(concealed(body, secrets))
    return event.time, word, task, attempt, text


def concealed(body: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    """A body without declared secrets; references that held one lose their value."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in _REFERENCES and isinstance(value, Mapping):
            found[name] = {port: _reference(ref, secrets) for port, ref in value.items()}
        elif name in _EXACT:
            found[name] = value
        elif isinstance(value, Mapping):
            found[mask(name, secrets)] = concealed(value, secrets)
        else:
            found[mask(name, secrets)] = _scalar(value, secrets)
    return found


def _reference(ref: Any, secrets: Sequence[str]) -> Any:
    if not isinstance(ref, Mapping):
        return _scalar(ref, secrets)
    kept = dict(ref)
    value = kept.pop("inline", None)
    found = concealed(kept, secrets)
    if value is None:
        return found
    # The value as it is, or none: one with a hole in it would be taken for the value.
    return found | ({"hidden": True} if holds_secret(str(value), secrets) else {"inline": value})


def _scalar(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return HIDDEN if holds_secret(str(value), secrets) else value
    if isinstance(value, list | tuple):
        return [
            concealed(entry, secrets) if isinstance(entry, Mapping) else _scalar(entry, secrets)
            for entry in value
        ]
    return mask_plain(value, secrets)


def _follow(book: Book, event: Event, body: str, batch: Batch) -> None:
    match event:
        case AttemptStarted():
            if event.key:
                book.keys[event.task] = (event.attempt, event.key, event.recipe)
        case AttemptEnded():
            known = _late(event) or book.keys.pop(event.task, None)
            if event.status != "succeeded":
                return
            # A reference whose value is hidden cannot stand in for the task later.
            if known and known[0] == event.attempt and '"hidden":true' not in body:
                at = {"run": book.run, "number": book.next}
                own = {"key": known[1], "recipe": known[2], "outputs_json": "", "task": ""}
                batch.results.append({**at, **own})
            batch.products.extend(products_of(book.run, book.next, event.outputs))
        case RunStarted():
            about = event.about
            batch.run.update(status="running", ended=None, sessions=event.session)
            batch.run.update(host=str(about.get("host", "")), pid=int(about.get("pid", 0)))
        case RunFinished():
            batch.run.update(status=event.status, ended=event.time)
        case _:
            pass


def _late(event: AttemptEnded) -> tuple[int, str, str] | None:
    """Attempt, key and recipe that could not be told when it began."""
    return (event.attempt, event.key, event.recipe) if event.key else None


def products_of(run: int, number: int, outputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each output that is an artifact of its own; short values are nothing to look for.

    Args:
        run, number: of the event that the outputs belong to.
        outputs: port -> reference.
    """
    for port, ref in outputs.items():
        if isinstance(ref, Mapping) and ref.get("inline") is None and ref.get("digest"):
            yield {"digest": ref["digest"], "run": run, "number": number, "port": port}
