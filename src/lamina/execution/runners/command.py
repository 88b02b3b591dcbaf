"""Running a program: its own folder, its own process group, its last words when it fails."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lamina.errors import UsageError
from lamina.execution.failures import CommandFailed
from lamina.execution.runners.base import Job, Runner
from lamina.workflow.actions.base import Action
from lamina.workflow.actions.command import CommandAction, pieces

_LAST_LINES = 20
_LAST_BYTES = 64 * 1024


class CommandRunner(Runner):
    """Starts the program without a shell and waits for it."""

    def prepare(self, action: Action) -> None:
        """Looks for the program, where its name is no port's. Raises UsageError."""
        program = _command(action).argv[0]
        if "{" in program or os.sep in program:
            return
        if shutil.which(program) is None:
            raise UsageError(
                f"the program {program!r} is not installed or not on the PATH",
                "install it, or write the path of the program",
            )

    def run(self, job: Job) -> Mapping[str, Any]:
        """Runs the program in a new folder; output port -> path, or text for a str port."""
        action = _command(job.task.action)
        folder = job.scene.new_folder(job.name)
        files = {port.name: folder / action.path(port.name) for port in job.task.outputs}
        for path in files.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        values = {**job.arguments, **files}
        argv = [part for argument in action.argv for part in filled(argument, values)]
        self._wait(argv, action, job, folder)
        return {
            port.name: _text(files[port.name])
            if str(port.type) == "str"
            else _written(files[port.name], port.name, argv, folder)
            for port in job.task.outputs
        }

    def _wait(self, argv: list[str], action: CommandAction, job: Job, folder: Path) -> None:
        stdout = folder / (action.path(action.stdout) if action.stdout else "stdout.txt")
        with ExitStack() as files:
            source = job.arguments[action.stdin] if action.stdin else os.devnull
            options = {
                "cwd": folder,
                "stdin": files.enter_context(Path(source).open("rb")),
                "stdout": files.enter_context(stdout.open("wb")),
                "stderr": files.enter_context((folder / "stderr.txt").open("wb")),
                "env": {**os.environ, **action.environment},
            }
            try:
                process = job.scene.start(argv, options)
            except OSError as error:
                raise CommandFailed(
                    f"{argv[0]} cannot be started: {error.strerror}",
                    "",
                    "check the program's path and rights",
                ) from error
        if process is None:
            raise CommandFailed("the run was cancelled", "", "run it again")
        limit = job.task.care.needs.time
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise _failed(f"ran longer than {limit:g} s", argv, folder) from None
        finally:
            job.scene.end(process)
        if code:
            raise _failed(ending(code), argv, folder)


def _command(action: Action) -> CommandAction:
    if not isinstance(action, CommandAction):
        raise UsageError(f"{action!r} is no command", "use the runner of its kind")
    return action


def filled(argument: str, values: Mapping[str, Any]) -> list[str]:
    """One argument with its places filled; as many as items for a list on its own."""
    parts = pieces(argument)
    if len(parts) == 1 and not parts[0][0] and isinstance(values.get(parts[0][1]), list):
        return [_word(item) for item in values[parts[0][1]]]
    return ["".join(text + (_word(values.get(name, "")) if name else "") for text, name in parts)]


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def ending(code: int) -> str:
    """How a program ended, in words: code, or minus the signal."""
    if code > 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "a real-time signal"
    return f"was ended by signal {-code} ({name})"


def _failed(problem: str, argv: list[str], folder: Path) -> CommandFailed:
    lines = _text(folder / "stderr.txt", _LAST_BYTES).splitlines()[-_LAST_LINES:]
    last = f": {lines[-1]}" if lines else ""
    return CommandFailed(
        f"{argv[0]} {problem}{last}",
        "\n".join(lines),
        f"look at {folder}, and run it by hand: {shlex.join(argv)}",
    )


def _text(path: Path, most: int | None = None) -> str:
    with path.open("rb") as file:
        if most is not None:
            file.seek(max(0, path.stat().st_size - most))
        return file.read().decode("utf-8", "replace")


def _written(path: Path, port: str, argv: list[str], folder: Path) -> Path:
    if not path.exists():
        name = path.relative_to(folder)
        raise _failed(f"ended well and did not write {name} (port {port!r})", argv, folder)
    return path


RUNNER = CommandRunner()
