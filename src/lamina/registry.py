"""Names for interchangeable parts, imported only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Generic, TypeVar

from lamina.errors import MissingExtraError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """A lazy table of names: name -> "module:attribute", resolved on first use.

    Other distributions add entries through the entry-point group `lamina.<family>`
    (say `lamina.layers`), or at run time with `register`.

    Args:
        family: plural name of the family, also the suffix of the entry-point group.
        what: singular name, for messages.
        entries: name -> "module:attribute", or the part itself.
        extras: name -> extra to install when the import of an entry misses a library.
    """

    def __init__(
        self,
        family: str,
        what: str,
        entries: Mapping[str, str | T],
        extras: Mapping[str, str] | None = None,
    ) -> None:
        self.family = family
        self.what = what
        self._targets: dict[str, str | T] = dict(entries)
        self._extras = dict(extras or {})
        self._plugins_read = False
        self._built_in = frozenset(entries)
        self._here: set[str] = set()

    def register(self, name: str, part: str | T) -> None:
        """Adds or replaces an entry: an object, or "module:attribute" to import later."""
        self._targets[name] = part
        self._here.add(name)

    @contextmanager
    def having(self, name: str, part: str | T) -> Iterator[None]:
        """An entry for as long as the block lasts; tests of plug-ins leave nothing behind."""
        before = dict(self._targets), set(self._here)
        self.register(name, part)
        try:
            yield
        finally:
            self._targets, self._here = before

    def registered(self) -> tuple[str, ...]:
        """Names that were added or replaced in this process: others do not know of them."""
        return tuple(sorted(self._here))

    def built_in(self, name: str) -> bool:
        """Whether an entry is one of our own, as it was from the beginning."""
        return name in self._built_in and name not in self._here

    def names(self) -> tuple[str, ...]:
        """All known names, sorted; nothing is imported."""
        self._read_plugins()
        return tuple(sorted(self._targets))

    def get(self, name: str) -> T:
        """The part called `name`.

        Raises:
            UnknownNameError: no such name; lists the known ones.
            MissingExtraError: the part needs a library that is not installed.
        """
        if name not in self._targets:
            self._read_plugins()
        if name not in self._targets:
            raise UnknownNameError(self.what, name, self._targets)
        target = self._targets[name]
        if not isinstance(target, str):
            return target
        part = self._load(name, target)
        self._targets[name] = part
        return part

    def is_near(self, name: str) -> bool:
        """Whether there is such a part, as far as is known without looking for plug-ins."""
        return name in self._targets

    def target(self, name: str) -> str | T:
        """The entry called `name` as it is: the part, or "module:attribute" that nobody imported.

        Raises:
            UnknownNameError: no such name; lists the known ones.
        """
        if name not in self._targets:
            self._read_plugins()
        if name not in self._targets:
            raise UnknownNameError(self.what, name, self._targets)
        return self._targets[name]

    def __contains__(self, name: object) -> bool:
        return name in self._targets or name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _load(self, name: str, target: str) -> T:
        module, _, attribute = target.partition(":")
        try:
            found: Any = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            library = (error.name or "").partition(".")[0]
            if library == "lamina" or name not in self._extras:
                raise
            raise MissingExtraError(library, self._extras[name], f"{self.what} {name!r}") from error
        part: T = found
        return part

    def _read_plugins(self) -> None:
        if self._plugins_read:
            return
        self._plugins_read = True
        from importlib.metadata import entry_points  # 20 ms that most commands need not pay

        for point in entry_points(group=f"lamina.{self.family}"):
            self._targets.setdefault(point.name, point.value)
