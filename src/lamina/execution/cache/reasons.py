"""Why a task runs again: the differences between two recipes and their inputs, in words."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

_LONGEST = 40

Entry = Mapping[str, Any]
"""A reference as plain values (`Ref.to_json`)."""


def recipe_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What decides results besides the inputs and is not as it was, the weightiest first."""
    return [
        *_kind(old, new),
        *_code(old, new),
        *_command(old, new),
        *_outputs(old, new),
        *_environment(old, new),
    ]


def input_changes(
    old: Mapping[str, Entry], new: Mapping[str, Entry], made: Collection[str] = ()
) -> list[str]:
    """Which inputs are not as they were: "param lr 0.1 -> 0.01", "input table changed".

    Args:
        old, new: port -> reference.
        made: ports that other tasks fill; the others are what a person tells.
    """
    found = []
    for port in sorted({*old, *new}):
        before, after = old.get(port), new.get(port)
        if before is None or after is None:
            found.append(f"input {port} is {'new' if before is None else 'gone'}")
        elif not _same(before, after):
            change = _change(before, after)
            told = port not in made and " -> " in change and "inline" in after
            found.append(f"{'param' if told else 'input'} {port} {change}")
    return sorted(found, key=lambda line: not line.startswith("param"))


def _same(before: Entry, after: Entry) -> bool:
    named = after["codec"] in ("file", "folder")
    return (
        before["codec"] == after["codec"]
        and before["digest"] == after["digest"]
        and (not named or before.get("name", "") == after.get("name", ""))
    )


def _change(before: Entry, after: Entry) -> str:
    texts = [_short(entry.get("inline")) for entry in (before, after)]
    if all(texts):
        return f"{texts[0]} -> {texts[1]}"
    if before["digest"] == after["digest"] and before.get("name") != after.get("name"):
        return f"renamed: {before.get('name')} -> {after.get('name')}"
    return "changed"


def _short(inline: str | None) -> str:
    if inline is None:
        return ""
    try:
        value = json.loads(inline)
    except ValueError:
        return ""
    text = value if isinstance(value, str) and value.isidentifier() else inline
    return text if len(text) <= _LONGEST else ""


def _kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old.get("do") != new.get("do"):
        yield f"does {_does(new)} instead of {_does(old)}"
    elif old.get("name") != new.get("name"):
        yield f"does {new.get('name')} instead of {old.get('name')}"


def _does(recipe: Mapping[str, Any]) -> str:
    return str(recipe.get("name") or recipe.get("do", "nothing"))


def _code(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = old.get("names", {}), new.get("names", {})
    for name in after:
        if name in before and before[name] != after[name]:
            yield f"code changed: {_place(new, name)}"
    for name in after:
        if name not in before:
            yield f"code added: {_place(new, name)}"
    for name in before:
        if name not in after:
            yield f"code removed: {_place(old, name)}"
    if old.get("version") != new.get("version") and old.get("do") == new.get("do"):
        yield f"version changed: {old.get('version')} -> {new.get('version')}"


def _place(recipe: Mapping[str, Any], name: str) -> str:
    return str(recipe.get("places", {}).get(name, name))


def _command(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if new.get("do") != "command" or old.get("do") != "command":
        return
    if old.get("argv") != new.get("argv"):
        yield f"command changed: {_arguments(old.get('argv', []), new.get('argv', []))}"
    for part in ("stdin", "stdout", "paths"):
        if old.get(part) != new.get(part):
            yield f"command changed: {part}"
    if old.get("program") != new.get("program"):
        yield f"program changed: {str(new.get('program', '')).partition(' ')[0]}"


def _arguments(old: list[str], new: list[str]) -> str:
    for before, after in zip(old, new, strict=False):
        if before != after:
            return f"{before} -> {after}"
    longer = new if len(new) > len(old) else old
    sign = "+" if len(new) > len(old) else "-"
    return " ".join(f"{sign}{argument}" for argument in longer[min(len(old), len(new)) :])


def _outputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    lines = list(_table("outputs changed", old.get("outputs", {}), new.get("outputs", {})))
    if not lines and old.get("order") != new.get("order"):
        lines = ["outputs changed: their order"]
    yield from lines


def _environment(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    head = "environment changed"
    if old.get("python") != new.get("python"):
        yield f"{head}: python {old.get('python')} -> {new.get('python')}"
    for part in ("packages", "environment", "variables"):
        yield from _table(head, old.get(part, {}), new.get(part, {}))
    if old.get("before") != new.get("before"):
        yield "script before it changed"
    if old.get("threads") != new.get("threads"):
        yield f"{head}: threads {old.get('threads', 'any')} -> {new.get('threads', 'any')}"


def _table(head: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        if old.get(name) == new.get(name):
            continue
        if name not in old:
            yield f"{head}: {name} {new[name]} is new"
        elif name not in new:
            yield f"{head}: {name} is gone"
        else:
            yield f"{head}: {name} {old[name]} -> {new[name]}"
