"""Which names outside of itself a piece of Python text uses: scopes resolved, nothing run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

Chain = tuple[str, ...]
"""A dotted name in parts: `np.random.seed` is ("np", "random", "seed")."""


class Imported(NamedTuple):
    """What an import statement, or a name that it bound, means.

    Args:
        level: leading dots.
        module: dotted name; may be empty after dots.
        rest: names below the module.
    """

    level: int
    module: str
    rest: Chain


@dataclass(frozen=True)
class Uses:
    """What a piece of text reaches for.

    Args:
        names: dotted names whose first part belongs to the module, or to Python.
        imported: what it imports itself, as far as it uses it.
    """

    names: frozenset[Chain]
    imported: frozenset[Imported]


def uses_of(nodes: Iterable[ast.AST]) -> Uses:
    """What statements or expressions at a module's top level reach for, functions in them too."""
    finder = _Finder()
    for node in nodes:
        finder.look(node, None)
    return Uses(frozenset(finder.names), frozenset(finder.imported))


def chain_of(node: ast.AST) -> Chain:
    """The dotted name that an expression is; empty for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ()
    return (node.id, *reversed(parts))


def bindings_of(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Imported]]:
    """The names that an import binds; "*" for a star."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                yield alias.asname, Imported(0, alias.name, ())
            else:
                yield alias.name.partition(".")[0], Imported(0, alias.name.partition(".")[0], ())
        return
    for alias in node.names:
        below = () if alias.name == "*" else (alias.name,)
        yield alias.asname or alias.name, Imported(node.level, node.module or "", below)


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_IMPORTERS = (("import_module",), ("importlib", "import_module"), ("__import__",))


@dataclass
class _Scope:
    """The names of one function, class or comprehension."""

    around: _Scope | None
    in_class: bool = False
    bound: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    imports: dict[str, list[Imported]] = field(default_factory=dict)

    def meaning(self, name: str) -> list[Imported] | str:
        """Imports of a function, "local", or "global"."""
        scope: _Scope | None = self
        while scope is not None:
            visible = scope is self or not scope.in_class
            if visible and name in scope.outside:
                return "global"
            if visible and name in scope.imports:
                return scope.imports[name]
            if visible and name in scope.bound:
                return "local"
            scope = scope.around
        return "global"


class _Finder:
    """Walks through text and notes what it reaches for."""

    def __init__(self) -> None:
        self.names: set[Chain] = set()
        self.imported: set[Imported] = set()

    def look(self, node: ast.AST, scope: _Scope | None) -> None:
        """One node, in the scope that it stands in; None is the module itself."""
        if isinstance(node, (ast.Attribute, ast.Name)):
            self._name(node, scope)
        elif isinstance(node, _FUNCTIONS):
            self._function(node, scope)
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node, scope)
        else:
            if isinstance(node, ast.Call):
                self._dynamic(node)
            for child in ast.iter_child_nodes(node):
                self.look(child, scope)

    def _name(self, node: ast.Attribute | ast.Name, scope: _Scope | None) -> None:
        chain = chain_of(node)
        if not chain:
            if isinstance(node, ast.Attribute):
                self.look(node.value, scope)
            return
        meaning = "global" if scope is None else scope.meaning(chain[0])
        if meaning == "global":
            self.names.add(chain)
        elif not isinstance(meaning, str):
            self.imported.update(
                Imported(level, module, rest + chain[1:]) for level, module, rest in meaning
            )

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope | None
    ) -> None:
        given = node.args
        for outer in (*given.defaults, *given.kw_defaults, *getattr(node, "decorator_list", ())):
            if outer is not None:
                self.look(outer, scope)
        inner = _Scope(scope)
        named = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
        inner.bound.update(one.arg for one in named if one is not None)
        self._body(node.body if isinstance(node.body, list) else [node.body], inner)

    def _class(self, node: ast.ClassDef, scope: _Scope | None) -> None:
        for outer in (*node.bases, *(k.value for k in node.keywords), *node.decorator_list):
            self.look(outer, scope)
        self._body(node.body, _Scope(scope, in_class=True))

    def _comprehension(self, node: ast.AST, scope: _Scope | None) -> None:
        inner = _Scope(scope)
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        for part in generators:
            inner.bound.update(n.id for n in ast.walk(part.target) if isinstance(n, ast.Name))
        for child in ast.iter_child_nodes(node):
            self.look(child, inner)

    def _body(self, body: Iterable[ast.AST], scope: _Scope) -> None:
        statements = list(body)
        for statement in statements:
            _bind(statement, scope)
        for statement in statements:
            self.look(statement, scope)

    def _dynamic(self, node: ast.Call) -> None:
        """`import_module("helpers")` counts as what it says."""
        if chain_of(node.func) not in _IMPORTERS or not node.args:
            return
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            level = len(first.value) - len(first.value.lstrip("."))
            self.imported.add(Imported(level, first.value.lstrip("."), ()))


def _bind(node: ast.AST, scope: _Scope) -> None:
    """Notes the names that a statement binds in its own scope, not those of scopes inside it."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for name, found in bindings_of(node):
            scope.imports.setdefault(name, []).append(found)
    elif isinstance(node, ast.Global):
        scope.outside.update(node.names)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        scope.bound.add(node.name)
    elif isinstance(node, _COMPREHENSIONS):
        walrus = (n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
        scope.bound.update(walrus)
    elif not isinstance(node, ast.Lambda):
        scope.bound.update(_bound_by(node))
        for child in ast.iter_child_nodes(node):
            _bind(child, scope)


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Names that a node binds by itself, without those inside of it."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.id
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest
