"""Python files read for their text: what each name of a module is made of; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from lamina.errors import UsageError
from lamina.execution.cache.scopes import (
    Chain,
    Imported,
    Uses,
    bindings_of,
    chain_of,
    uses_of,
)

Stamp = tuple[str, int, int]
"""Path, size and time of change of a file: what it was when it was read."""


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file as it is now; zeros for one that is not there."""
    try:
        found = path.stat()
    except OSError:
        return (str(path), 0, 0)
    return (str(path), found.st_size, found.st_mtime_ns)


@dataclass(eq=False)
class Piece:
    """One statement of a module that makes or changes a name.

    Args:
        nodes: the statement, and the tests around it.
        line: where it begins.
        part: name of a method, for a piece of a class; else empty.
    """

    nodes: tuple[ast.AST, ...]
    line: int
    part: str = ""
    _digest: str = ""
    _uses: Uses | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the statement without comments, formatting, docstrings and places."""
        if not self._digest:
            text = "\n".join(ast.dump(node) for node in self.nodes)
            self._digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return self._digest

    @property
    def uses(self) -> Uses:
        """The names that it reaches for."""
        if self._uses is None:
            self._uses = uses_of(self.nodes)
        return self._uses


@dataclass(frozen=True)
class Effect:
    """Something at the top level of a module that may change values when the module is loaded.

    Args:
        name: of the piece that does it: a function with a decorator, a class, "setup()".
        callee: what is called, or the base of a class.
        base: whether it is a base.
    """

    name: str
    callee: Chain
    base: bool = False


@dataclass(eq=False)
class Module:
    """A module by its text.

    Args:
        name: dotted.
        path: its file.
        package: whether it is a package's `__init__.py`.
        root: folder that its neighbours are imported from, as they are found beside a script.
        stamp: of its file when it was read.
    """

    name: str
    path: Path
    package: bool
    root: Path | None
    stamp: Stamp
    pieces: dict[str, list[Piece]] = field(default_factory=dict)
    imports: dict[str, list[Imported]] = field(default_factory=dict)
    stars: list[Imported] = field(default_factory=list)
    plain: list[tuple[str, Imported]] = field(default_factory=list)
    """Name bound, and module, of each `import module` at the top level."""
    mentioned: frozenset[str] = frozenset()
    """Every name in its text."""
    attributes: frozenset[str] = frozenset()
    """Every attribute in its text."""
    effects: list[Effect] = field(default_factory=list)
    """What is called at its top level, and which classes have bases."""

    def absolute(self, imported: Imported) -> str:
        """The full name of an imported module; empty when the dots lead outside."""
        if not imported.level:
            return imported.module
        parts = self.name.split(".")
        drop = imported.level - (1 if self.package else 0)
        if drop > len(parts):
            return ""
        base = parts[: len(parts) - drop]
        return ".".join([*base, imported.module] if imported.module else base)

    def binds(self, name: str) -> bool:
        """Whether its text gives the name a meaning."""
        return name in self.pieces or name in self.imports


_READ: dict[tuple[str, str, bool], Module] = {}
"""(path, module name, whether a program) -> module, kept while the file does not change."""


def module_of(
    path: Path, name: str, package: bool, root: Path | None, program: bool = False
) -> Module:
    """Reads a module.

    Args:
        path, name, package, root: as in `Module`.
        program: whether it is run, so that what stands under `__name__ == "__main__"` counts.

    Raises:
        UsageError: it is no Python, or cannot be read.
    """
    stamp = stamp_of(path)
    known = _READ.get((str(path), name, program))
    if known is not None and known.stamp == stamp and known.root == root:
        return known
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "check the file") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UsageError(f"{path.name}{line} is not Python: {error}", "mend the file") from error
    _drop_docstrings(tree)
    module = Module(name, path, package, root, stamp)
    module.mentioned = frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name))
    module.attributes = frozenset(n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute))
    _Reader(module, program).body(tree.body, ())
    _READ[str(path), name, program] = module
    return module


def _drop_docstrings(tree: ast.Module) -> None:
    kinds = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body[:1] = [] if len(node.body) > 1 else [ast.Pass()]


class _Reader:
    """Sorts the statements of a module by the names that they make or change."""

    def __init__(self, module: Module, program: bool) -> None:
        self._module = module
        self._program = program

    def body(self, statements: Sequence[ast.stmt], around: tuple[ast.AST, ...]) -> None:
        """The statements of a block; `around` are the tests that it stands under."""
        for node in statements:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(node)
            elif isinstance(node, ast.ClassDef):
                self._class(node, around)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._add(node.name, Piece((node, *around), node.lineno))
                self._registered(node, around)
                self._decorated(node)
            elif isinstance(node, _BLOCKS):
                self._blocks(node, around)
            else:
                self._simple(node, around)

    def _blocks(self, node: ast.stmt, around: tuple[ast.AST, ...]) -> None:
        # What stands under `if __name__ == "__main__"` does not happen where tasks are imported.
        if self._program or not _is_main(node):
            for header, inner in _blocks(node):
                for part in header:
                    self._header(part, around)
                self.body(inner, (*around, *header))

    def _header(self, part: ast.AST, around: tuple[ast.AST, ...]) -> None:
        """`if (name := value):` gives a name a value, and a test may call what changes some."""
        for inner in ast.walk(part):
            if isinstance(inner, ast.NamedExpr):
                self._add(inner.target.id, Piece((part, *around), inner.lineno))
        self._called(part, around)

    def _simple(self, node: ast.stmt, around: tuple[ast.AST, ...]) -> None:
        made = set(_made(node))
        touched = [n for n in _touched(node) if n not in made and self._is_value(n)]
        for name in dict.fromkeys([*sorted(made), *touched]):
            self._add(name, Piece((node, *around), node.lineno))
        self._called(node, around)

    def _called(self, node: ast.AST, around: tuple[ast.AST, ...]) -> None:
        """Calls count as pieces of their own: "setup()"."""
        calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
        for chain in dict.fromkeys(chain_of(call.func) for call in calls):
            if chain and chain[0] not in _HARMLESS:
                name = f"{'.'.join(chain)}()"
                self._add(name, Piece((node, *around), getattr(node, "lineno", 1)))
                self._module.effects.append(Effect(name, chain))

    def _decorated(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            chain = chain_of(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if chain:
                self._module.effects.append(Effect(node.name, chain))

    def _is_value(self, name: str) -> bool:
        """Whether a call may change what the name stands for: no function, and none of ours."""
        if any(found.module.partition(".")[0] == "lamina" for found in self._imported(name)):
            return False
        return not any(
            isinstance(piece.nodes[0], (ast.FunctionDef, ast.AsyncFunctionDef)) and not piece.part
            for piece in self._module.pieces.get(name, ())
        )

    def _imported(self, name: str) -> list[Imported]:
        return self._module.imports.get(name, [])

    def _add(self, name: str, piece: Piece) -> None:
        self._module.pieces.setdefault(name, []).append(piece)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for name, found in bindings_of(node):
            if name == "*":
                self._module.stars.append(found)
            else:
                self._module.imports.setdefault(name, []).append(found)
        if isinstance(node, ast.Import):
            self._module.plain += [
                (alias.asname or alias.name.partition(".")[0], Imported(0, alias.name, ()))
                for alias in node.names
            ]

    def _class(self, node: ast.ClassDef, around: tuple[ast.AST, ...]) -> None:
        """A class in pieces, so that a reason can name the method that changed."""
        methods = [n for n in node.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
        rest: list[ast.stmt] = [n for n in node.body if n not in methods] or [ast.Pass()]
        head = ast.ClassDef(
            name=node.name,
            bases=node.bases,
            keywords=node.keywords,
            body=rest,
            decorator_list=node.decorator_list,
            **({"type_params": node.type_params} if hasattr(node, "type_params") else {}),
        )
        self._add(node.name, Piece((head, *around), node.lineno))
        for method in methods:
            # A method's free names are those of the module, as the class's own are not seen in it.
            self._add(node.name, Piece((method,), method.lineno, method.name))
        self._registered(node, around)
        self._decorated(node)
        for base in (*node.bases, *(k.value for k in node.keywords if k.arg == "metaclass")):
            if chain := chain_of(base):
                self._module.effects.append(Effect(node.name, chain, base=True))

    def _registered(
        self,
        node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
        around: tuple[ast.AST, ...],
    ) -> None:
        """`@TABLE.register` changes TABLE, where that is a variable of the module."""
        for decorator in node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            chain = chain_of(target)
            if len(chain) > 1 and chain[0] in self._module.pieces:
                self._add(chain[0], Piece((node, *around), node.lineno))


_HARMLESS = frozenset({"print", "len", "range", "dict", "list", "set", "tuple", "int", "str"})
_BLOCKS = (
    *(ast.If, ast.While, ast.For, ast.AsyncFor, ast.With, ast.AsyncWith),
    *(ast.Try, ast.TryStar, ast.Match),
)
_Block = tuple[tuple[ast.AST, ...], list[ast.stmt]]


def _blocks(node: ast.stmt) -> Iterator[_Block]:
    """The blocks inside a statement, each with the expressions that it depends on."""
    if isinstance(node, (ast.If, ast.While)):
        yield (node.test,), node.body
        yield (node.test,), node.orelse
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        yield (), [_assigned(node.target, node.iter)]
        yield (node.iter,), [*node.body, *node.orelse]
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        for item in node.items:
            if item.optional_vars is not None:
                yield (), [_assigned(item.optional_vars, item.context_expr)]
        yield tuple(item.context_expr for item in node.items), node.body
    else:
        yield from _branches(node)


def _branches(node: ast.stmt) -> Iterator[_Block]:
    if isinstance(node, (ast.Try, ast.TryStar)):
        yield (), [*node.body, *node.orelse, *node.finalbody]
        for handler in node.handlers:
            yield (), handler.body
    elif isinstance(node, ast.Match):
        for case in node.cases:
            yield (node.subject, case.pattern), case.body


def _assigned(target: ast.expr, value: ast.expr) -> ast.stmt:
    """`for target in value` and `with value as target` bind as `target = value` does."""
    return ast.Assign([target], value, lineno=target.lineno)


def _is_main(node: ast.stmt) -> bool:
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    return chain_of(node.test.left) == ("__name__",) and not node.orelse


def _made(node: ast.stmt) -> Iterator[str]:
    """Names that a simple statement gives a value, or a part of their value."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Attribute, ast.Subscript)) and not isinstance(
            inner.ctx, ast.Load
        ):
            yield from _root(inner)
        elif isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load):
            yield inner.id


def _touched(node: ast.stmt) -> Iterator[str]:
    """Names whose value a call that stands alone may change."""
    if isinstance(node, ast.Expr):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                yield from _touched_by(inner)


def _touched_by(call: ast.Call) -> Iterator[str]:
    """`TABLE.append(x)` may change TABLE, `shuffle(TABLE)` as well; `f(x)` does not change f."""
    if isinstance(call.func, ast.Attribute):
        yield from _root(call.func)
    if chain_of(call.func) != ("print",):
        for argument in call.args:
            if isinstance(argument, ast.Name):
                yield argument.id


def _root(node: ast.expr) -> Iterator[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
