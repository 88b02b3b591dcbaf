"""What happens while a module is loaded: calls, decorators and subclasses that change values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from lamina.execution.cache.modules import Effect, Module
from lamina.execution.cache.scopes import Chain, Imported, chain_of

Name = tuple[str, str]
"""A module's name, and a name in it."""

_CHANGING = frozenset(
    {"append", "appendleft", "add", "update", "setdefault", "insert", "extend", "register"}
    | {"remove", "discard", "clear", "pop", "popitem", "sort", "reverse"}
)
"""Methods that change what they belong to, wherever they are called."""

_WHILE_MADE = frozenset({"__init__", "__new__", "__post_init__", "__call__"})
_SUBCLASSED = "__init_subclass__"

Find = Callable[[Module, Imported], Module | None]
"""The module of the project that an import means."""


class Effects:
    """Which statements of modules change values that count.

    Args:
        find: finds modules of the project by what an import says.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self._changed: dict[Name, frozenset[Name]] = {}

    def of(self, modules: Iterable[Module], counted: set[Name]) -> Iterator[tuple[Module, str]]:
        """Names of pieces that change what is counted, and are not counted themselves.

        Args:
            modules: those that are loaded, as far as they are known.
            counted: names that decide the result.
        """
        loaded = list(modules)
        asks = any("__subclasses__" in module.attributes for module in loaded)
        for module in loaded:
            for effect in module.effects:
                if (module.name, effect.name) in counted:
                    continue
                if not counted.isdisjoint(self._changes(module, effect, asks)):
                    yield module, effect.name

    def _changes(self, module: Module, effect: Effect, asks: bool) -> Iterator[Name]:
        for where, name in self._meant(module, effect.callee, set()):
            if not effect.base:
                yield from self._changed_by(where, name, _WHILE_MADE, set())
            elif asks or _has(where, name, _SUBCLASSED):
                yield (where.name, name)
                yield from self._changed_by(where, name, frozenset({_SUBCLASSED}), set())

    def _changed_by(
        self, module: Module, name: str, methods: frozenset[str], around: set[Name]
    ) -> frozenset[Name]:
        """Names whose values a function changes when it is called, or a class when it is used."""
        key = (module.name, name if methods is _WHILE_MADE else f"{name}.{_SUBCLASSED}")
        if key in self._changed or key in around:
            return self._changed.get(key, frozenset())
        around.add(key)
        found: set[Name] = set()
        for node in _bodies(module, name, methods):
            changed, called = _looked_at(node)
            for own in changed:
                found.update((where.name, n) for where, n in self._meant(module, (own,), set()))
            for chain in called:
                for where, inner in self._meant(module, chain, set()):
                    found |= self._changed_by(where, inner, _WHILE_MADE, around)
        around.discard(key)
        if not around:  # what was found inside of a circle may lack what the circle changes
            self._changed[key] = frozenset(found)
        return frozenset(found)

    def _meant(
        self, module: Module, chain: Chain, around: set[tuple[str, Chain]]
    ) -> list[tuple[Module, str]]:
        """Where the name at the beginning of a dotted name gets its value; none of others'."""
        if (module.name, chain) in around:
            return []
        around.add((module.name, chain))
        name, rest = chain[0], chain[1:]
        found = [(module, name)] if name in module.pieces else []
        for imported in module.imports.get(name, ()):
            found += self._imported(module, imported._replace(rest=imported.rest + rest), around)
        if not found:
            for star in module.stars:
                found += self._imported(module, star._replace(rest=chain), around)
        return found

    def _imported(
        self, module: Module, imported: Imported, around: set[tuple[str, Chain]]
    ) -> list[tuple[Module, str]]:
        inner, chain = self._find(module, imported), imported.rest
        while inner is not None and chain:
            if inner.binds(chain[0]):
                return self._meant(inner, chain, around)
            inner = self._find(inner, Imported(0, f"{inner.name}.{chain[0]}", ()))
            chain = chain[1:]
        return []


def _bodies(module: Module, name: str, methods: frozenset[str]) -> Iterator[ast.AST]:
    """The functions that are run when a name is called, or a class of that name is subclassed."""
    for piece in module.pieces.get(name, ()):
        node = piece.nodes[0]
        plain = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not piece.part
        if piece.part in methods or (plain and methods is _WHILE_MADE):
            yield node


def _has(module: Module, name: str, method: str) -> bool:
    return any(piece.part == method for piece in module.pieces.get(name, ()))


@lru_cache(maxsize=4096)
def _looked_at(function: ast.AST) -> tuple[frozenset[str], frozenset[Chain]]:
    """Names from outside of a function whose values it changes, and what it calls."""
    own, outside = _own_names(function)
    changed = {name for name in _stored(function) if name in outside}
    called: set[Chain] = set()
    for node in ast.walk(function):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            changed.add(_root(node))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            changed.add(_root_of_method(node.value))
        if isinstance(node, ast.Call):
            chain = chain_of(node.func)
            if chain:
                called.add(chain)
            if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
                changed.add(_root_of_method(node))
    changed -= own | {""}
    return frozenset(changed), frozenset(chain for chain in called if chain[0] not in own)


def _own_names(function: ast.AST) -> tuple[set[str], set[str]]:
    """Names that belong to a function or to one inside of it; names that it says are outside."""
    outside = {
        name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names
    }
    own = set(_stored(function)) - outside
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            own.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node is not function:
            own.add(node.name)
    return own, outside


def _stored(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id


def _root_of_method(call: ast.Call) -> str:
    """The name at the root of `name.method()`, `name[0].method().other()`; empty for `name()`."""
    return _root(call.func) if isinstance(call.func, (ast.Attribute, ast.Subscript)) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
