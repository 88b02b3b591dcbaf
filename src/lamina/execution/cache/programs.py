"""What a command means to its results: its arguments, its program, the project's files in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from lamina.execution.cache.code import Analysis, Code
from lamina.execution.cache.keys import shown_values
from lamina.execution.cache.modules import stamp_of
from lamina.workflow.actions.command import CommandAction

_PYTHONS = ("python", "python3", "python2")
_PASSED_OVER = frozenset({"__pycache__", ".git", ".lamina", ".venv", ".ipynb_checkpoints"})
_MANY, _LARGE = 20_000, 1 << 30
"""Files, and bytes, beyond which a folder counts by sizes and times: reading it would take long."""
_WATCHED = 200
"""Files of a folder up to which each is looked at while a run goes on, besides its folders."""


def command_recipe(
    action: CommandAction, folder: Path, analysis: Analysis, secrets: tuple[str, ...] = ()
) -> tuple[dict[str, Any], Code]:
    """The parts of a command's recipe, and the files that were read for it.

    Args:
        action: the command.
        folder: what relative files are relative to.
        analysis: reads scripts in Python, whose comments do not count.
        secrets: names of variables whose values no record may show.
    """
    body: dict[str, Any] = {"do": "command", "argv": list(action.argv)}
    if action.stdin:
        body["stdin"] = action.stdin
    if action.stdout:
        body["stdout"] = action.stdout
    if action.paths:
        body["paths"] = dict(action.paths)
    if action.environment:
        body["variables"] = shown_values(action.environment, secrets)
    code = _Files(folder, analysis)
    body["program"] = code.program(action.argv[0])
    for argument in _told_files(action.argv):
        code.file(argument)
    module = _module(action.argv)
    if module:
        code.module(module)
    found = code.finish()
    if found.names:
        body |= found.to_recipe()
    return body, found


class _Files:
    """Collects the project's files that a command names."""

    def __init__(self, folder: Path, analysis: Analysis) -> None:
        self._folder = folder
        self._analysis = analysis
        self._code = Code()

    def finish(self) -> Code:
        """What was found."""
        return self._code

    def program(self, name: str) -> str:
        """What a program is told apart by."""
        if "{" in name:
            return "given"
        path = self._folder / name if "/" in name else Path(shutil.which(name) or "")
        if path == Path() or not path.is_file():
            return "absent"
        path = path.resolve()
        if path.is_relative_to(self._folder) and not _in_environment(path):
            self.file(str(path))
            return str(path.relative_to(self._folder))
        _, size, changed = stamp_of(path)
        return f"{path} {size} {changed}"

    def file(self, argument: str) -> None:
        """Adds an argument, if it is a file of the project, or a folder of it by its full path.

        A program runs in a folder of its own, so that a folder's name alone leads it nowhere:
        what it calls so is its own.
        """
        path = (self._folder / argument).resolve()
        try:
            if path == self._folder or not path.is_relative_to(self._folder):
                return
            if path.is_file():
                self._file(path)
            elif path.is_dir() and Path(argument).is_absolute():
                self._tree(path)
        except (OSError, ValueError):
            return

    def _file(self, path: Path) -> None:
        if path.suffix == ".py":
            self._join(self._analysis.script(path))
            return
        label = str(path.relative_to(self._folder))
        self._join(Code({label: _content(path)[:20]}, {label: label}, {}, (stamp_of(path),)))

    def _tree(self, folder: Path) -> None:
        """All files of a folder, by name and content; of a very large one by size and time."""
        folders, files = _listed(folder)
        stamps = [stamp_of(path) for path in files]
        large = len(files) > _MANY or sum(size for _, size, _ in stamps) > _LARGE
        state = sha256()
        for path, (_, size, changed) in zip(files, stamps, strict=True):
            told = f"{size} {changed}" if large else _content(path)
            name = path.relative_to(folder).as_posix()
            state.update(f"{name}\0{told}\n".encode("utf-8", "surrogatepass"))
        label = f"{folder.relative_to(self._folder)}/"
        seen = [*map(stamp_of, folders), *(stamps if len(files) <= _WATCHED else ())]
        self._join(Code({label: state.hexdigest()[:20]}, {label: label}, {}, tuple(seen)))

    def module(self, name: str) -> None:
        """Adds the module of `python -m`."""
        found = self._analysis.module(name, self._folder)
        if found is not None:
            self._join(found)

    def _join(self, other: Code) -> None:
        self._code = replace(
            self._code,
            names=self._code.names | other.names,
            places=self._code.places | other.places,
            packages=self._code.packages | other.packages,
            stamps=self._code.stamps + other.stamps,
        )


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    """Folders and files in a folder, in order, without those that programs keep for themselves."""
    folders, files = [], []
    for place, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if name not in _PASSED_OVER)
        folders.append(Path(place))
        files += [path for name in sorted(names) if (path := Path(place, name)).is_file()]
    return folders, files


def _told_files(argv: tuple[str, ...]) -> Iterator[str]:
    """Arguments that may be files: whole, or behind the sign of an option."""
    for argument in argv[1:]:
        if not argument or "{" in argument or "\0" in argument:
            continue
        yield argument
        _, equals, value = argument.partition("=")
        if equals and value:
            yield value


def _module(argv: tuple[str, ...]) -> str:
    """The module of `python -m module`; empty for other commands."""
    python = Path(argv[0]).name in _PYTHONS or Path(argv[0]).name.startswith("python3.")
    return argv[2] if python and len(argv) > 2 and argv[1] == "-m" and "{" not in argv[2] else ""


def _in_environment(path: Path) -> bool:
    """Whether a program belongs to a Python environment that happens to lie in the project."""
    return any((folder / "pyvenv.cfg").is_file() for folder in path.parents)
