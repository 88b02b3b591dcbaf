"""Plain documents: YAML or JSON text into mappings, lists and plain values, and back.

YAML is read by the core schema of YAML 1.2 (`1e-3` is a number; `no`, `on` and dates are
text), without tags, anchors and repeated keys, so that no text can name a Python object,
grow by aliases, or say a thing twice.
"""

from __future__ import annotations

import json
import math
import re
import stat
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml

from lamina.errors import DocumentError

LARGEST = 64 * 2**20
"""Characters of a document that are read at most."""

_TOO_LARGE = f"is larger than {LARGEST // 2**20} million characters"
_PIPES = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")

DEEPEST = 100
"""Levels of nesting that are read at most."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOL_NULL = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_INT = re.compile(r"[-+]?[0-9]{1,4000}|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ODD_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAGS = (None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq")))


def file_text(path: str | Path) -> str:
    """The text of a file, without a byte-order mark.

    Raises:
        DocumentError: the file cannot be read, is not text in UTF-8, has more than `LARGEST`
            characters, or is a device or pipe: reading one might never end. Pipes that the shell
            gave to this process (`/dev/stdin`, `<(...)`) are read.
    """
    try:
        kind = stat.S_IFMT(Path(path).stat().st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFDIR) and not str(path).startswith(_PIPES):
            raise _refused(str(path), "is a device or a pipe, not a file")
        with Path(path).open(encoding="utf-8-sig") as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise _refused(str(path), _TOO_LARGE)
        return text
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        problem = "is not text in UTF-8"
    except ValueError:
        problem = "is no path"
    raise DocumentError(str(path), [problem], "give the path of a YAML or JSON document")


def parse_text(text: str, origin: str = "document") -> Any:
    """Plain values from YAML or JSON text (JSON is tried when it begins with a brace).

    Raises:
        DocumentError: neither YAML nor JSON; repeated keys, anchors, tags, more than one
            document, more than `DEEPEST` levels or `LARGEST` characters.
    """
    if len(text) > LARGEST:
        raise _refused(origin, _TOO_LARGE)
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _from_json(text, origin)
        except (ValueError, RecursionError):
            pass  # not JSON: YAML's own braces, or nested so deeply that YAML's reader says so
    try:
        return _from_events(yaml.parse(text, Loader=_LOADER), origin)
    except yaml.YAMLError as error:
        raise _refused(origin, _worded(error)) from None


def yaml_text(document: Any, flow_below: int = 1000) -> str:
    """YAML text that `parse_text` reads back to an equal document.

    Args:
        document: mappings with text keys, lists, text, numbers, booleans and None.
        flow_below: level from which on mappings and lists stand on one line.
    """
    lines = _block(document, flow_below, "")
    return "\n".join(lines) + "\n"


def _from_json(text: str, origin: str) -> Any:
    repeated: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                repeated.append(f"the key {key!r} stands twice")
            found[key] = value
        return found

    document = json.loads(text, object_pairs_hook=pairs)
    if repeated:
        raise DocumentError(origin, repeated, "keep one of each")
    return document


def _from_events(events: Iterator[Any], origin: str) -> Any:
    """Builds values from YAML's events, with a list of open containers for a stack."""
    open_containers: list[_Container] = [_Container([])]
    for event in events:
        _check_plain(event, len(open_containers), origin)
        if isinstance(event, yaml.ScalarEvent):
            open_containers[-1].take(_scalar(event), event, origin)
        elif isinstance(event, yaml.CollectionStartEvent):
            mapping = isinstance(event, yaml.MappingStartEvent)
            open_containers.append(_Container({} if mapping else []))
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = open_containers.pop().value
            open_containers[-1].take(closed, event, origin)
    documents = open_containers[0].value
    if len(documents) > 1:
        raise _refused(origin, f"holds {len(documents)} documents; one is read")
    return documents[0] if documents else None


class _Container:
    """A mapping or list that is being filled; a mapping takes key and value in turn."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._key: Any = self

    def take(self, item: Any, event: Any, origin: str) -> None:
        if isinstance(self.value, list):
            self.value.append(item)
        elif self._key is not self:
            self.value[self._key], self._key = item, self
        elif not isinstance(item, Hashable):
            raise _refused(origin, _at(event, "a key is text, not a list or a mapping"))
        elif item in self.value:
            raise _refused(origin, _at(event, f"the key {item!r} stands twice"))
        else:
            self._key = item


def _check_plain(event: Any, depth: int, origin: str) -> None:
    """Refuses what can make a text mean more than it says."""
    if isinstance(event, yaml.AliasEvent):
        raise _refused(origin, _at(event, "aliases (*name) are not read"))
    if getattr(event, "anchor", None) is not None:
        raise _refused(origin, _at(event, "anchors (&name) are not read"))
    tag = getattr(event, "tag", None)
    if tag not in _TAGS:
        raise _refused(origin, _at(event, f"the tag {tag!r} is not read"))
    if isinstance(event, yaml.CollectionStartEvent) and depth > DEEPEST:
        raise _refused(origin, f"is nested more than {DEEPEST} levels deep")


def _scalar(event: Any) -> Any:
    quoted = bool(event.style) or event.tag is not None
    return event.value if quoted else plain_value(event.value)


def plain_value(text: str) -> Any:
    """What unquoted YAML text stands for: a boolean, None, a number, or the text itself."""
    if text in _BOOL_NULL:
        return _BOOL_NULL[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _ODD_FLOAT.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _block(value: Any, flow_below: int, indent: str) -> list[str]:
    """Lines of a value in block style; what is empty or below the level stands on one line."""
    if flow_below < 1 or not isinstance(value, (dict, list)) or not value:
        return [indent + _flow(value)]
    lines = []
    if isinstance(value, dict):
        for key, item in value.items():
            inner = _block(item, flow_below - 1, indent + "  ")
            lines += _joined(f"{indent}{_flow(key)}:", item, inner, flow_below)
    else:
        for item in value:
            inner = _block(item, flow_below - 1, indent + "  ")
            lines += [f"{indent}- {inner[0].lstrip(' ')}", *inner[1:]]
    return lines


def _joined(key: str, item: Any, inner: list[str], flow_below: int) -> list[str]:
    nested = isinstance(item, (dict, list)) and bool(item) and flow_below > 1
    return [key, *inner] if nested else [f"{key} {inner[0].lstrip(' ')}"]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items())
        return "{" + inside + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return value if _is_plain(value) else _quoted(value)
    if isinstance(value, float):
        return _float_text(value)
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    """Whether text needs no quotes; careful rather than complete."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./ +*()<>=-]*", text) or text.endswith(" "):
        return False
    old = text.lower() in ("y", "n", "yes", "no", "on", "off")  # other readers' booleans
    return not old and isinstance(plain_value(text), str)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # Readers of YAML 1.1 take 1e-05 for text: they want a point before the e.
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def _worded(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "is not YAML"
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}{problem}"


def _at(event: Any, problem: str) -> str:
    mark = event.start_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def _refused(origin: str, problem: str) -> DocumentError:
    return DocumentError(origin, [problem], "mend the document: plain YAML or JSON is read")
