"""What a function's text means to its results: the digest of all of the project that it uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from lamina.errors import UsageError
from lamina.execution.cache.effects import Effects
from lamina.execution.cache.modules import Module, Piece, Stamp, module_of, stamp_of
from lamina.execution.cache.packages import Finder
from lamina.execution.cache.scopes import Chain, Imported
from lamina.workflow.source import source_file

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

_WIRING = frozenset({"task", "workflow", "command", "named", "input", "tell", "telling", "expand"})
"""Names of lamina that wire or tell, and do not change what a function gives."""

_REACHING = frozenset({"globals", "eval", "exec"})
"""Functions of Python that reach any name of the module that calls them."""


@dataclass(frozen=True, eq=False)
class Code:
    """What a function is made of.

    Args:
        names: "module:name" -> digest of its text and of what its names mean.
        places: "module:name" -> "file.py:12 (name)".
        packages: distributions that it uses -> versions.
        stamps: of the files that were read for it.
    """

    names: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    stamps: tuple[Stamp, ...] = ()

    def to_recipe(self) -> dict[str, Any]:
        """What a key is made of; "places" is told only, and does not count."""
        return {
            "names": self.names,
            "packages": dict(sorted(self.packages.items())),
            "python": PYTHON,
            "places": self.places,
        }

    @property
    def fresh(self) -> bool:
        """Whether its files are as they were."""
        return all(stamp_of(Path(stamp[0])) == stamp for stamp in self.stamps)


class Analysis:
    """Reads functions and what they use; what is read once is not read again.

    Args:
        shown: folder that places are told relative to.
    """

    def __init__(self, shown: Path | None = None) -> None:
        self._shown = (shown or Path.cwd()).absolute()
        self._finder = Finder()

    def function(self, function: str, folder: Path | None) -> Code:
        """The code of "file.py:name" or "module:name", with all of the project that it uses.

        Raises:
            UsageError: no such file, module or function; text that is not Python.
        """
        where, _, name = function.rpartition(":")
        beside = where.endswith(".py")
        if not beside and (installed := self.installed(where)) is not None:
            # Its text is somebody else's: the version counts, and which function it is.
            return Code({function: "installed"}, {}, installed)
        path = source_file(function, folder).absolute()
        # Neighbours of a file are imported from its own folder, those of a module from the path.
        root = path.parent if beside else None
        module = module_of(
            path, path.stem if beside else where, path.name == "__init__.py" and not beside, root
        )
        walk = _Walk(self._finder, self._shown)
        walk.enter(module, name.partition(".")[0])
        if not walk.names:
            raise UsageError(f"{path.name} has no function {name!r}", "correct the name")
        return walk.finish()

    def installed(self, module: str) -> dict[str, str] | None:
        """Distribution and version of a module; None for one of the project, or for none at all."""
        found = self._finder.find(module, None)
        if found.distribution:
            return {found.distribution: found.version}
        standard = module.partition(".")[0] in sys.stdlib_module_names
        return {} if standard and found.path is None else None

    def script(self, path: Path) -> Code:
        """The code of a whole Python file that is run as a program."""
        return self._program(module_of(path.absolute(), path.stem, False, path.parent, True))

    def module(self, name: str, root: Path | None) -> Code | None:
        """The code of a module that is run as a program; None when it is none of the project."""
        found = self._finder.find(name, root)
        if found.package:  # then its `__main__.py` is what runs
            found = self._finder.find(f"{name}.__main__", root)
            name = f"{name}.__main__"
        if found.path is None or found.path.suffix != ".py":
            return None
        return self._program(module_of(found.path, name, False, root, True))

    def _program(self, module: Module) -> Code:
        walk = _Walk(self._finder, self._shown)
        walk.whole(module)
        return walk.finish()

    def member(self, name: str, chain: Chain, root: Path | None) -> Code | None:
        """The code of a name of a module that is loaded; None when its text does not have it."""
        walk = _Walk(self._finder, self._shown)
        if not walk.member(name, chain, root):
            return None
        return walk.finish()


class _Walk:
    """Goes from name to name through the project's modules, each once."""

    def __init__(self, finder: Finder, shown: Path) -> None:
        self._finder = finder
        self._shown = shown
        self._todo: list[tuple[Module, str]] = []
        self._seen: set[tuple[str, str]] = set()
        self._modules: dict[str, Module] = {}
        self._whole: set[str] = set()
        self._active: set[tuple[str, Chain]] = set()
        self._files: dict[str, Stamp] = {}
        self._effects = Effects(self._own)
        self.names: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.packages: dict[str, str] = {}

    def enter(self, module: Module, name: str) -> None:
        """Begins at a name."""
        self._add(module, name)
        self._run()

    def whole(self, module: Module) -> None:
        """Begins at everything of a module."""
        self._all(module)
        self._run()

    def member(self, name: str, chain: Chain, root: Path | None) -> bool:
        """Begins at a name of a module by its name; says whether there is such a name."""
        around = Module("", Path(), False, root, ("", 0, 0))
        found = self._import(around, Imported(0, name, chain), ())
        self._run()
        return bool(found)

    def finish(self) -> Code:
        """What was found, in an order that does not depend on the way."""
        stamps = {m.stamp[0]: m.stamp for m in self._modules.values() if m.stamp[0]} | self._files
        return Code(
            dict(sorted(self.names.items())),
            dict(sorted(self.places.items())),
            self.packages,
            tuple(stamps.values()),
        )

    def _run(self) -> None:
        while self._todo:
            module, name = self._todo.pop()
            self._name(module, name)
            if not self._todo:
                for changer, piece in list(self._effects.of(self._modules.values(), self._seen)):
                    self._add(changer, piece)

    def _add(self, module: Module, name: str) -> str:
        """Notes a name to be looked at; gives its label."""
        self._use(module)
        if name in module.pieces and (module.name, name) not in self._seen:
            self._seen.add((module.name, name))
            self._todo.append((module, name))
        return f"{module.name}:{name}"

    def _use(self, module: Module) -> None:
        """The first time that a module is met, what it imports for its effects is looked at."""
        if module.name in self._modules:
            return
        self._modules[module.name] = module
        for bound, imported in module.plain:
            if bound not in module.mentioned:
                self._import(module, imported, ())
        self._around(module)

    def _around(self, module: Module) -> None:
        """The packages around a module are loaded with it, and may change what stands in it."""
        around, _, own = module.name.rpartition(".")
        package = self._own(module, Imported(0, around, ())) if around else None
        if package is not None:
            self._use(package)
            if own in package.imports:
                self._add(package, own)

    def _name(self, module: Module, name: str) -> None:
        parts: dict[str, list[Piece]] = {}
        for piece in module.pieces[name]:
            parts.setdefault(piece.part, []).append(piece)
        for part, pieces in parts.items():
            label = f"{module.name}:{name}.{part}" if part else f"{module.name}:{name}"
            told = sha256()
            for piece in pieces:
                told.update(piece.digest.encode())
            for line in sorted({line for piece in pieces for line in self._targets(module, piece)}):
                told.update(f"\n{line}".encode())
            self.names[label] = told.hexdigest()[:20]
            short = f"{name}.{part}" if part else name
            self.places[label] = f"{self._file(module)}:{pieces[0].line} ({short})"

    def _file(self, module: Module) -> str:
        try:
            return str(module.path.relative_to(self._shown))
        except ValueError:
            return module.path.name

    def _targets(self, module: Module, piece: Piece) -> Iterator[str]:
        """What the names of a piece mean: "np.sum = numpy.sum", "norm = helpers:normalise"."""
        for chain in piece.uses.names:
            for target in self._chain(module, chain):
                yield f"{'.'.join(chain)} = {target}"
        for imported in piece.uses.imported:
            for target in self._import(module, imported, ()):
                yield f"{imported.level}:{imported.module}.{'.'.join(imported.rest)} = {target}"

    def _chain(self, module: Module, chain: Chain) -> list[str]:
        """Labels of what a dotted name means in a module; none for Python's own names."""
        if (module.name, chain) in self._active:  # modules that import a name from each other
            return []
        self._active.add((module.name, chain))
        try:
            return self._meaning(module, chain)
        finally:
            self._active.discard((module.name, chain))

    def _meaning(self, module: Module, chain: Chain) -> list[str]:
        self._use(module)
        name, rest = chain[0], chain[1:]
        found = [self._add(module, name)] if name in module.pieces else []
        for imported in module.imports.get(name, ()):
            found += self._import(module, imported, rest)
        if found or module.binds(name):
            return found
        if name in _REACHING:
            return self._all(module)
        for star in reversed(module.stars):
            inner = self._module(module, star)
            if isinstance(inner, Module) and self._provides(inner, name, set()):
                return self._chain(inner, chain)
        return []

    def _provides(self, module: Module, name: str, around: set[str]) -> bool:
        if module.binds(name):
            return True
        around.add(module.name)
        return any(
            isinstance(inner := self._module(module, star), Module)
            and inner.name not in around
            and self._provides(inner, name, around)
            for star in module.stars
        )

    def _module(self, module: Module, imported: Imported) -> Module | str:
        """The imported module: of the project, or the label of one that is not."""
        name = module.absolute(imported)
        found = self._finder.find(name, module.root) if name else None
        if found is None:
            return name
        if found.distribution:
            wires = found.distribution == "lamina" and _wires(name, imported.rest)
            if not wires:
                self.packages[found.distribution] = found.version
            return name
        if found.path is not None and found.path.suffix == ".py":
            return module_of(found.path, name, found.package, module.root)
        if found.path is not None:
            return self._compiled(name, found.path)
        if found.search:
            return Module(name, Path(found.search[0]), True, module.root, ("", 0, 0))
        return name

    def _own(self, module: Module, imported: Imported) -> Module | None:
        """The imported module, where it is text of the project; nothing is noted of it."""
        name = module.absolute(imported)
        found = self._finder.find(name, module.root) if name else None
        if found is None or found.distribution or found.path is None or found.path.suffix != ".py":
            return None
        return module_of(found.path, name, found.package, module.root)

    def _compiled(self, name: str, path: Path) -> str:
        """A module of the project without text: its bytes count."""
        if name not in self.names:
            self._files[str(path)] = stamp_of(path)
            self.names[name] = sha256(path.read_bytes()).hexdigest()[:20]
            self.places[name] = path.name
        return name

    def _import(self, module: Module, imported: Imported, rest: Chain) -> list[str]:
        """Labels of what an imported name means, and of what stands below it."""
        chain = imported.rest + rest
        inner = self._module(module, imported._replace(rest=chain))
        while isinstance(inner, Module):
            if not chain:
                return self._all(inner)
            if inner.binds(chain[0]) or self._provides(inner, chain[0], set()):
                return self._chain(inner, chain)
            below = self._module(inner, Imported(0, f"{inner.name}.{chain[0]}", chain[1:]))
            if below == f"{inner.name}.{chain[0]}":
                self._use(inner)
                return [self._add(inner, "__getattr__")] if inner.binds("__getattr__") else []
            inner, chain = below, chain[1:]
        return [".".join((inner, *chain))]

    def _all(self, module: Module) -> list[str]:
        """Everything of a module that is used as a whole."""
        self._use(module)
        if module.name not in self._whole:
            self._whole.add(module.name)
            for name in module.pieces:
                self._add(module, name)
            for name, found in module.imports.items():
                if name not in module.pieces:
                    for imported in found:
                        self._import(module, imported, ())
            for star in module.stars:
                inner = self._module(module, star)
                if isinstance(inner, Module):
                    self._all(inner)
        return [module.name]


def _wires(name: str, rest: Chain) -> bool:
    """Whether a name of lamina only wires workflows."""
    return bool(_WIRING & {*name.split(".")[1:2], *rest[:1]})
