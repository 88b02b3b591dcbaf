"""JSON of others: read without trust, with the line of what is wrong."""

from __future__ import annotations

import json
import re
from datetime import datetime
from math import isfinite
from typing import Any

from lamina.traces.readers.base import Source

_MOST = 1e300
_DEEPEST = "it is nested too deeply"


def json_of(source: Source) -> Any:
    """The file as JSON. Raises TraceError with the line."""
    try:
        return json.loads(source.text())
    except json.JSONDecodeError as error:
        raise source.broken(f"it is no JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise source.broken(_DEEPEST) from error
    except ValueError as error:  # an integer of thousands of digits
        raise source.broken(f"it is no JSON that can be read: {str(error)[:80]}") from error


class Document:
    """A JSON file whose parts are asked for by name; what is missing is said with its line.

    Args:
        source: the file.
        listed: name under which a list stands, where the file may be that list alone.
    """

    def __init__(self, source: Source, listed: str = "") -> None:
        self.source = source
        found = json_of(source)
        if listed and isinstance(found, list):
            found = {listed: found}
        self.root = self.mapping(found, "the document")

    def mapping(self, value: Any, what: str, near: str = "") -> dict[str, Any]:
        """The value, which is an object."""
        if not isinstance(value, dict):
            raise self.wrong(f"{what} is {_shown(value)}, not an object", near)
        return value

    def rows(self, value: Any, what: str, near: str = "") -> list[dict[str, Any]]:
        """The value, which is a list of objects; None is an empty one."""
        found = self.listed(value, what, near)
        return [self.mapping(one, f"an entry of {what}", near) for one in found]

    def listed(self, value: Any, what: str, near: str = "") -> list[Any]:
        """The value, which is a list; None is an empty one."""
        if value is not None and not isinstance(value, list):
            raise self.wrong(f"{what} is {_shown(value)}, not a list", near)
        return value or []

    def text(self, row: dict[str, Any], key: str, near: str = "") -> str:
        """A text in an object, empty where there is none."""
        value = row.get(key)
        if value is None:
            return ""
        if type(value) is str:
            return value
        if not isinstance(value, str | int):
            raise self.wrong(f"{key} is {_shown(value)}, not a text", near)
        return str(value)

    def number(
        self, row: dict[str, Any], key: str, near: str = "", *, least: float = 0.0
    ) -> float | None:
        """A number in an object, None where there is none; no infinite one."""
        value = row.get(key)
        if value is None or (type(value) is float and least <= value <= _MOST):
            return value
        try:
            found = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            found = float("nan")
        if not isfinite(found) or found < least:
            at_least = f" of at least {least:g}" if least > float("-inf") else ""
            raise self.wrong(f"{key} is {_shown(value)}, not a number{at_least}", near)
        return found

    def wrong(self, reason: str, near: str = "") -> Exception:
        """The error, with the line where a name first stands."""
        if not near:
            return self.source.broken(reason)
        place = self.source.text().find(f'"{near}"')
        line = self.source.text().count("\n", 0, place) + 1 if place >= 0 else 0
        return self.source.broken(f"{near}: {reason}", line)


_FORMS = (
    "%Y%m%dT%H%M%S%z", "%m-%d-%yT%H:%M:%S%z", "%d-%b-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f",
)  # fmt: skip


def moment(text: str) -> float | None:
    """Seconds since 1970 of a date in one of the forms that systems write; None for others.

    Without a zone it is taken for UTC.
    """
    try:
        quick = datetime.fromisoformat(text)
        if quick.tzinfo is None:
            return (quick - _EPOCH).total_seconds()
    except ValueError:
        pass
    return _moment(text.strip())


def _moment(text: str) -> float | None:
    if len(text) > 26:
        text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    found = _iso(text)
    for form in _FORMS if found is None else ():
        try:
            found = datetime.strptime(text, form)
            break
        except ValueError:
            continue
    if found is None:
        return None
    try:
        return found.timestamp() if found.tzinfo else (found - _EPOCH).total_seconds()
    except (OverflowError, ValueError):
        return None


_EPOCH = datetime(1970, 1, 1)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
