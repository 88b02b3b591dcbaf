"""Fingerprints of real code: modules of Python's library, taken for a project's own files."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest

from lamina.errors import UsageError
from lamina.execution.cache.code import Analysis, Code

LIBRARY = Path(sysconfig.get_path("stdlib"))
MODULES = ("textwrap", "fractions", "heapq", "shlex", "difflib", "csv", "calendar", "colorsys")


def functions(text: str) -> list[str]:
    """Top-level functions and classes."""
    body = ast.parse(text).body
    return [n.name for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]


def codes(folder: Path, text: str) -> dict[str, Code]:
    """Function -> its code, of a file with this text."""
    (folder / "own.py").write_text(text, encoding="utf-8")
    analysis = Analysis(folder)
    return {name: analysis.function(f"own.py:{name}", folder) for name in functions(text)}


@pytest.mark.parametrize("module", MODULES)
def test_text_written_in_another_way_is_the_same_code(tmp_path: Path, module: str) -> None:
    text = (LIBRARY / f"{module}.py").read_text(encoding="utf-8")
    # Without comments, with other line ends, quotes and brackets.
    again = ast.unparse(ast.parse(text))

    before, after = codes(tmp_path, text), codes(tmp_path, again)

    assert {name: code.names for name, code in before.items()} == {
        name: code.names for name, code in after.items()
    }
    assert any(len(code.names) > 2 for code in before.values())


class _Bump(ast.NodeTransformer):
    """Adds one to the first whole number."""

    done = False

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if not self.done and type(node.value) is int:
            self.done = True
            return ast.Constant(node.value + 1)
        return node


@pytest.mark.parametrize("module", ("textwrap", "shlex", "csv", "colorsys"))
def test_one_other_number_is_other_code_for_those_that_use_it(tmp_path: Path, module: str) -> None:
    text = (LIBRARY / f"{module}.py").read_text(encoding="utf-8")
    before = codes(tmp_path, text)
    tried = 0
    for name in before:
        tree = ast.parse(text)
        bump = _Bump()
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
                bump.visit(node)
        if not bump.done:
            continue
        tried += 1
        after = codes(tmp_path, ast.unparse(tree))
        for user in before:
            uses = any(
                label.partition(":")[2].partition(".")[0] == name for label in before[user].names
            )
            assert (before[user].names != after[user].names) is uses, (name, user)
    assert tried


def test_modules_of_the_library_can_be_read(tmp_path: Path) -> None:
    """No form of Python text makes it stumble."""
    analysis = Analysis(tmp_path)
    for path in sorted(LIBRARY.glob("*.py"))[::8]:
        try:
            analysis.script(path)
        except UsageError as error:
            assert "is not Python" in str(error)
