"""Where a module comes from: the project's own text, or an installed package and its version."""

from __future__ import annotations

import re
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from importlib import invalidate_caches
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

from lamina import __version__


@dataclass(frozen=True)
class Found:
    """A module that was looked for.

    Args:
        path: its file, of a module of the project; None for the rest.
        package: whether the file is a package's.
        distribution: name of the installed distribution; empty for the standard library, for
            modules of the project and for those that are not there.
        version: of the distribution.
        search: folders of its submodules.
    """

    path: Path | None = None
    package: bool = False
    distribution: str = ""
    version: str = ""
    search: tuple[str, ...] = ()


NOTHING = Found()
_INSTALLED = ("site-packages", "dist-packages")


class Finder:
    """Looks for modules as an import would, and runs nothing on the way; remembers them."""

    def __init__(self) -> None:
        invalidate_caches()  # files that came within a tick of the file system's clock
        self._known: dict[tuple[str, Path | None], Found] = {}

    def find(self, name: str, root: Path | None) -> Found:
        """Looks for a module.

        Args:
            name: dotted.
            root: folder that is looked into first, as for the neighbours of a script.
        """
        if (name, root) not in self._known:
            self._known[name, root] = _found(name, root)
        return self._known[name, root]


def _found(name: str, root: Path | None) -> Found:
    top = name.partition(".")[0]
    if top == "lamina":
        return Found(distribution="lamina", version=__version__)
    spec = _top(top, root)
    if spec is None:
        return NOTHING
    installed = _installed(spec)
    if installed is not None:
        return installed
    parts = name.split(".")
    for depth in range(2, len(parts) + 1):
        if spec is None or spec.submodule_search_locations is None:
            return NOTHING
        search = list(spec.submodule_search_locations)
        spec = PathFinder.find_spec(".".join(parts[:depth]), search)
    return _own(spec)


def _top(name: str, root: Path | None) -> ModuleSpec | None:
    if root is not None:
        beside = PathFinder.find_spec(name, [str(root)])
        if beside is not None and (beside.origin or name not in sys.stdlib_module_names):
            return beside
    if name in sys.stdlib_module_names:
        return None
    try:
        # A name without dots imports no parent, so that nothing of the user runs here.
        return find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def _own(spec: ModuleSpec | None) -> Found:
    if spec is None:
        return NOTHING
    search = tuple(spec.submodule_search_locations or ())
    path = Path(spec.origin) if spec.origin and spec.has_location else None
    return Found(path, path is not None and path.name == "__init__.py", search=search)


def _installed(spec: ModuleSpec) -> Found | None:
    """The distribution of a module that lies among the installed ones; None for others."""
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    place = next((Path(p) for p in places if p and p not in ("built-in", "frozen")), None)
    if place is None:
        return NOTHING
    for folder in place.parents:
        if folder.name in _INSTALLED:
            name, version = _distribution(spec.name, folder, folder.stat().st_mtime_ns)
            return Found(distribution=name, version=version)
    standard = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    return NOTHING if any(place.is_relative_to(s) for s in standard) else None


@lru_cache(maxsize=1024)
def _distribution(module: str, folder: Path, changed: int) -> tuple[str, str]:
    """Name and version of what put a module into a folder of installed packages."""
    known = _distributions(folder, changed)
    plain = _plain(module)
    if plain in known:
        return module, known[plain]
    for info in folder.glob("*.dist-info"):
        if module in _top_level(info):
            name, _, version = info.stem.rpartition("-")
            return name, version
    return module, "?"


@lru_cache(maxsize=64)
def _distributions(folder: Path, changed: int) -> dict[str, str]:
    del changed  # part of the memory's key: what is installed may change
    found = {}
    for info in folder.glob("*.dist-info"):
        name, _, version = info.stem.rpartition("-")
        found[_plain(name)] = version
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _top_level(info: Path) -> set[str]:
    """The top-level modules of a distribution."""
    listed = info / "top_level.txt"
    try:
        if listed.is_file():
            return set(listed.read_text("utf-8").split())
        rows = (info / "RECORD").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    return {re.split(r"[/.]", row, maxsplit=1)[0] for row in rows if not row.startswith(".")}


def version_of(module: str) -> str:
    """The version of the installed distribution that gives a module; "" when there is none."""
    return _found(module, None).version
