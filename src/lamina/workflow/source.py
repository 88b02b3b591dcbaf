"""Ports of a Python function, from source text that is parsed and never run."""

from __future__ import annotations

import ast
import os
import sys
from difflib import get_close_matches
from importlib.machinery import PathFinder
from pathlib import Path

from lamina.errors import UsageError
from lamina.workflow.hints import Hint, output_ports, port_of, yielded
from lamina.workflow.ports import Port, Signature, keepable

Function = ast.FunctionDef | ast.AsyncFunctionDef

_BUILTINS = frozenset({"int", "float", "str", "bool", "list", "tuple", "dict", "bytes", "object"})
_RECORDS = frozenset({"typing.NamedTuple", "typing.TypedDict"})


def signature_in_source(function: str, folder: Path | None) -> Signature:
    """Ports of "file.py:name" or "module:name", without importing it.

    Raises:
        UsageError: no such file or module, text that is not Python, no such function.
    """
    beside = folder / function.rpartition(":")[0] if folder else None
    known = _KNOWN.get((function, folder)) if beside is not None else None
    if known is not None and known[0] == _stamp(beside):
        return known[1]
    path = source_file(function, folder)
    stamp = _stamp(path)
    found = _signature(path, function.rpartition(":")[2])
    if path == beside:
        _KNOWN[function, folder] = (stamp, found)
    return found


_KNOWN: dict[tuple[str, Path | None], tuple[tuple[int, ...], Signature]] = {}
"""Functions of files, as long as their files stay as they are: many tasks call one function."""


def _stamp(path: Path | None) -> tuple[int, ...]:
    try:
        found = os.stat(path) if path is not None else None  # noqa: PTH116 - faster, for all tasks
    except OSError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else ()


def _signature(path: Path, name: str) -> Signature:
    module = _parsed(path)
    found = _find(module.body, name.split("."))
    if found is None:
        names = [n.name for n in module.body if isinstance(n, Function)]
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"{path.name} has no function {name!r}", f"{hint}it has: {', '.join(names) or 'none'}"
        )
    scope = _Scope(module)
    outputs = scope.outputs(found.returns)
    return Signature(_inputs(found, scope), yielded(outputs) if _yields(found) else outputs)


def hint_in_source(annotation: str, file: str) -> Hint:
    """An annotation as the imports of its file explain it, also those for type checkers only.

    Args:
        annotation: its text.
        file: where it stands; a notebook's cell or a session has none that can be read.
    """
    try:
        module = _parsed(Path(file))
    except UsageError:
        module = ast.Module([], [])
    return _Scope(module).hint(ast.Constant(annotation))


def _yields(function: Function) -> bool:
    """Whether a function is a generator: whether it yields, those inside of it aside."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
    return False


def source_file(function: str, folder: Path | None) -> Path:
    """The file that a function stands in. Raises UsageError."""
    where, colon, name = function.rpartition(":")
    if not colon or not where or not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(
            f"{function!r} names no function", "write file.py:function or module:function"
        )
    if where.endswith(".py"):
        path = (folder or Path()) / where
        if path.is_file():
            return path
        raise UsageError(
            f"the file {where} does not exist beside the document",
            f"put it there, or correct the path (looked for {path})",
        )
    origin = _module_file(where)
    if origin is None:
        raise UsageError(
            f"there is no module {where!r} with Python source",
            "install it, write file.py:function, or declare the ports with takes and gives",
        )
    return origin


def _module_file(module: str) -> Path | None:
    """Finds a module's file as an import would, but runs nothing on the way."""
    search: list[str] | None = None
    spec = None
    for depth in range(len(parts := module.split("."))):
        name = ".".join(parts[: depth + 1])
        spec = PathFinder.find_spec(name, search if depth else sys.path)
        if spec is None:
            return None
        search = list(spec.submodule_search_locations or [])
    origin = spec.origin if spec else None
    return Path(origin) if origin and origin.endswith(".py") else None


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "check the file") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UsageError(f"{path.name}{line} is not Python: {error}", "mend the file") from error


def _find(body: list[ast.stmt], path: list[str]) -> Function | None:
    for node in reversed(body):
        if isinstance(node, Function) and path == [node.name]:
            return node
        if isinstance(node, ast.ClassDef) and len(path) > 1 and path[0] == node.name:
            return _find(node.body, path[1:])
    return None


def _inputs(function: Function, scope: _Scope) -> tuple[Port, ...]:
    given = function.args
    if given.vararg or given.posonlyargs:
        raise UsageError(
            f"{function.name} has *args or positional-only parameters, which no port can name",
            "give every parameter a name: def f(a, b), not def f(*a) or def f(a, /)",
        )
    missing = len(given.args) - len(given.defaults)
    defaults = [*[None] * missing, *given.defaults, *given.kw_defaults]
    return tuple(
        _input(argument, default, scope)
        for argument, default in zip([*given.args, *given.kwonlyargs], defaults, strict=True)
    )


def _input(argument: ast.arg, default: ast.expr | None, scope: _Scope) -> Port:
    port = port_of(argument.arg, scope.hint(argument.annotation))
    if default is None:
        return port
    try:
        value = ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        value = None
    plain = keepable(value) and not isinstance(value, tuple) and not port.problem(value)
    return Port(port.name, port.type, True, value if plain else None)


class _Scope:
    """What the names of one module mean, as far as its text tells."""

    def __init__(self, module: ast.Module) -> None:
        self._names: dict[str, str] = {}
        self._classes: dict[str, ast.ClassDef] = {}
        for node in ast.walk(module):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self._names[name] = alias.name if alias.asname else name
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self._names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        for statement in module.body:
            if isinstance(statement, ast.ClassDef):
                self._classes[statement.name] = statement

    def hint(self, node: ast.expr | None) -> Hint:
        """The annotation as dotted names; what cannot be followed is Any."""
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, (ast.Name, ast.Attribute)):
            name = self._dotted(node)
            local = self._classes.get(name)
            bases = tuple(self._dotted(base) for base in local.bases) if local else ()
            return Hint(name, (), (), bases)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return Hint("typing.Union", (self.hint(node.left), self.hint(node.right)))
        if isinstance(node, ast.Subscript):
            return self._subscript(self._dotted(node.value), node.slice)
        return Hint("typing.Any")

    def outputs(self, node: ast.expr | None) -> tuple[Port, ...]:
        """Output ports of a returned annotation; the fields of a record of this module."""
        local = self._classes.get(node.id) if isinstance(node, ast.Name) else None
        if local is None or not self._is_record(local):
            return output_ports(self.hint(node))
        fields = [s for s in local.body if isinstance(s, ast.AnnAssign)]
        return tuple(
            port_of(field.target.id, self.hint(field.annotation))
            for field in fields
            if isinstance(field.target, ast.Name)
        )

    def _constant(self, node: ast.Constant) -> Hint:
        if node.value is None:
            return Hint("None")
        if not isinstance(node.value, str):
            return Hint("typing.Any")
        try:
            return self.hint(ast.parse(node.value, mode="eval").body)
        except SyntaxError:
            return Hint("typing.Any")

    def _subscript(self, name: str, inside: ast.expr) -> Hint:
        parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        if name in ("typing.Annotated", "typing_extensions.Annotated"):
            texts = tuple(
                part.value
                for part in parts[1:]
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )
            return Hint("typing.Annotated", (self.hint(parts[0]),), texts)
        if name == "typing.Literal":
            kinds = (type(part.value) for part in parts if isinstance(part, ast.Constant))
            return Hint("typing.Union", tuple(Hint(f"builtins.{kind.__name__}") for kind in kinds))
        inner = [
            part for part in parts if not (isinstance(part, ast.Constant) and part.value is ...)
        ]
        return Hint(name, tuple(map(self.hint, inner)))

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Attribute):
            return f"{self._dotted(node.value)}.{node.attr}"
        if not isinstance(node, ast.Name):
            return "typing.Any"
        if node.id in self._names:
            return self._names[node.id]
        return f"builtins.{node.id}" if node.id in _BUILTINS else node.id

    def _is_record(self, node: ast.ClassDef) -> bool:
        bases = {self._dotted(base) for base in node.bases}
        decorators = {
            self._dotted(item.func if isinstance(item, ast.Call) else item)
            for item in node.decorator_list
        }
        return bool(bases & _RECORDS) or "dataclasses.dataclass" in decorators
