"""Documents that obey the schema at a glance; what is not obvious, the schema itself decides.

The schema's library takes longer to load than a small workflow to be planned, and most of the
time that a large document takes to be read. So this knows the common forms, and says True only
where the schema has nothing to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
_TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+()-]{0,199}")
_SOURCE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}(\.[A-Za-z_][A-Za-z0-9_-]{0,99})?")
_FUNCTION = re.compile(r"[^:\n]+:[^:\n]+")

Check = Callable[[Any], bool]


def is_obvious(document: Any) -> bool:
    """Whether a document has only parts that are known here and obey the schema.

    A document that obeys the schema in another way is not obvious: False says nothing.
    """
    if not isinstance(document, dict) or document.get("lamina") != "workflow/1":
        return False
    tasks = document.get("tasks")
    known = {key: part for key, part in document.items() if key not in ("lamina", "tasks")}
    return (
        "name" in document
        and isinstance(tasks, dict)
        and _all_known(known, _PARTS)
        and all(_is_name(name) for name in tasks)
        and all(map(_is_task, tasks.values()))
    )


def _all_known(part: Mapping[Any, Any], checks: Mapping[str, Check]) -> bool:
    return all(key in checks and checks[key](value) for key, value in part.items())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_source(value: Any) -> bool:
    return isinstance(value, str) and _SOURCE.fullmatch(value) is not None


def _is_reference(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(_is_source, value))
    return _is_source(value)


def _is_port(value: Any) -> bool:
    return _all_known(value, _PORT) if isinstance(value, dict) else _is_text(value)


def _is_output(value: Any) -> bool:
    if isinstance(value, dict):
        return "from" in value and _all_known(value, {**_PORT, "from": _is_reference})
    return _is_reference(value)


def _is_ports(value: Any) -> bool:
    return (
        isinstance(value, dict) and all(map(_is_name, value)) and all(map(_is_port, value.values()))
    )


def _is_scatter(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)


def _is_task(entry: Any) -> bool:
    if not isinstance(entry, dict) or not _is_text(entry.get("do")):
        return False
    checks = _KINDS.get(entry["do"], _NAMED)
    return (
        checks is not None and _NEEDED.get(entry["do"], "do") in entry and _all_known(entry, checks)
    )


def _anything(value: Any) -> bool:
    del value
    return True


_PORT: Mapping[str, Check] = {
    "type": _is_text,
    "optional": lambda value: isinstance(value, bool),
    "default": _anything,
}
_PARTS: Mapping[str, Check] = {
    "name": lambda value: isinstance(value, str) and _TITLE.fullmatch(value) is not None,
    "description": lambda value: isinstance(value, str),
    "inputs": _is_ports,
    "outputs": lambda value: (
        isinstance(value, dict)
        and all(map(_is_name, value))
        and all(map(_is_output, value.values()))
    ),
}
_NAMED: Mapping[str, Check] = {
    "do": _is_text,
    "takes": _is_ports,
    "gives": _is_ports,
    "in": lambda value: isinstance(value, dict) and all(map(_is_reference, value.values())),
    "with": lambda value: isinstance(value, dict),
    "scatter": _is_scatter,
}
_KINDS: Mapping[str, Mapping[str, Check] | None] = {
    "python": {
        **_NAMED,
        "function": lambda value: isinstance(value, str) and _FUNCTION.fullmatch(value) is not None,
    },
    "command": {
        **_NAMED,
        "argv": lambda value: (
            isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
        ),
        "stdin": lambda value: isinstance(value, str),
        "stdout": lambda value: isinstance(value, str),
    },
    "workflow": None,
    "loop": None,
    "choose": None,
}
_NEEDED = {"python": "function", "command": "argv"}
