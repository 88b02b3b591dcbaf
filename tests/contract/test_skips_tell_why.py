"""A test that is skipped tells what is missing here, and how to get it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def calls(source: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


def mistakes(source: str) -> Iterator[str]:
    for name, call in calls(source):
        named = {word.arg: ast.unparse(word.value) for word in call.keywords}
        if name == "importorskip" and "pip install" not in named.get("reason", ""):
            yield f"line {call.lineno}: importorskip does not tell what to install"
        if name == "skipif" and "reason" not in named:
            yield f"line {call.lineno}: skipif has no reason"
        for text in ast.walk(call) if name in ("skip", "skipif") else ():
            told = str(text.value) if isinstance(text, ast.Constant) else ""
            if told.endswith("is not installed") or "LAMINA_DATA names" in told:
                yield f"line {call.lineno}: {told!r} does not tell how to get it"


@pytest.mark.parametrize(
    "path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS))
)
def test_a_skip_tells_what_is_missing_and_how_to_get_it(path: Path) -> None:
    assert list(mistakes(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "pytest.importorskip('torch')",
        "pytest.mark.skipif(True)",
        "pytest.skip(f'{library} is not installed')",
        "pytest.mark.skipif(True, reason='LAMINA_DATA names no data')",
    ],
)
def test_a_skip_that_does_not_is_found(source: str) -> None:
    assert list(mistakes(source))
