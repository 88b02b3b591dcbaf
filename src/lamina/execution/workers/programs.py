"""Programs run by a worker: in the attempt's folder, by hand too, with outputs that stay inside."""

from __future__ import annotations

import json
import os
import resource
import shlex
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import UsageError
from lamina.execution.runners.command import ending, filled
from lamina.execution.values import arrived
from lamina.execution.workers import processes
from lamina.execution.workers.usage import UNIT
from lamina.execution.workers.verdicts import Signalled
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.graph import Task
from lamina.workflow.masking import mask, mask_environment

if TYPE_CHECKING:
    from lamina.execution.workers.jobs import Course

WORK = "work"
"""Folder inside an attempt's in which a program runs."""

_FILES = ("file", "folder")


class Program:
    """One program of one attempt.

    Args:
        artifacts: the store of values.
        message: the job, as the engine sent it.
    """

    def __init__(self, artifacts: Artifacts, message: Mapping[str, Any]) -> None:
        self._artifacts = artifacts
        self._message = message
        self._folder = Path(message["folder"])
        self._work = self._folder / WORK
        self._prefix = str(message.get("prefix", ""))
        self._killed = processes.kernel_kills()

    def main(self, task: Task, course: Course) -> None:
        """The program of a command task; fills the outputs of the course."""
        action = task.action
        assert isinstance(action, CommandAction)
        with course.phase("stage_in"):
            course.logged = True
            self._work.mkdir(parents=True, exist_ok=True)
            files = {port.name: self._target(action, port.name) for port in task.outputs}
            taken = set(files.values())
            refs = {name: Ref.from_json(told) for name, told in self._message["inputs"].items()}
            self._artifacts.bring(refs.values())
            values = {name: self._staged(task, name, ref, taken) for name, ref in refs.items()}
            argv = [word for part in action.argv for word in filled(part, {**values, **files})]
            source = values[action.stdin] if action.stdin else os.devnull
            stdout = files[action.stdout] if action.stdout else None
            self._describe(argv, action.environment, str(source) if action.stdin else "")
        with course.phase("run"):
            self._run(argv, action.environment, Path(source), stdout, course)
        with course.phase("stage_out"):
            for port in task.outputs:
                course.outputs[port.name] = self._output(port, files[port.name], argv)

    def script(self, task: Task, course: Course) -> None:
        """A pre or post script: its arguments may name inputs; it has no outputs."""
        argv_told = self._message["argv"]
        with course.phase("stage_in"):
            course.logged = True
            self._work.mkdir(parents=True, exist_ok=True)
            named = {word for part in argv_told for word in _places(part)}
            values = {
                name: self._staged(task, name, Ref.from_json(entry), set())
                for name, entry in self._message["inputs"].items()
                if name in named
            }
            argv = [word for part in argv_told for word in filled(part, values)]
            outcome = self._message["outcome"]
            self._describe(argv, outcome, "")
        with course.phase("run"):
            self._run(argv, outcome, Path(os.devnull), None, course)

    def _target(self, action: CommandAction, port: str) -> Path:
        path = self._work / action.path(port)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _staged(self, task: Task, name: str, ref: Ref, taken: set[Path]) -> Any:
        """A value as the program gets it: files lie in its folder, under their own names."""
        port = task.input(name)
        value = self._placed(ref, name, taken)
        value, problem = arrived(port, value)
        if problem:
            raise UsageError(f"port {name!r} {problem}", "give it such a value")
        return value

    def _placed(self, ref: Ref, name: str, taken: set[Path]) -> Any:
        if ref.codec == "list" or (ref.codec == "json" and ref.count is not None):
            items = self._artifacts.items(ref)
            self._artifacts.bring(items)
            return [self._placed(item, name, taken) for item in items]
        if ref.codec not in _FILES:
            return self._artifacts.get(ref)
        own = Path(ref.name).name or name
        target = self._work / own
        number = 0
        while target in taken or target.exists() or target.is_symlink():
            number += 1
            target = self._work / f"{name}.{number}" / own
        taken.add(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        return self._artifacts.place(ref, target)

    def _file(self, name: str) -> Path:
        """A file about this program, beside those about the other ones of the attempt."""
        return self._folder / f"{self._prefix}{name}"

    def _ours(self) -> dict[str, str]:
        """The variables that tell a program which attempt it belongs to."""
        told = self._message
        return {
            "LAMINA_RUN": told["run"],
            "LAMINA_TASK": told["name"],
            "LAMINA_ATTEMPT": str(told["attempt"]),
            "LAMINA_SCRATCH": told["scratch"],
        }

    def _describe(self, argv: list[str], environment: Mapping[str, str], source: str) -> None:
        """What ran, for people: the command, its environment, and a script to run it again."""
        secrets = self._message["secrets"]
        environment = {**self._ours(), **environment}
        line = mask(shlex.join(argv), secrets)
        self._file("command").write_text(line + "\n")
        told = mask_environment({**os.environ, **environment}, self._message["secret_names"])
        self._file("environment.json").write_text(json.dumps(told, indent=1, sort_keys=True))
        script = self._file("run.sh")
        own = "".join(
            f"export {name}={shlex.quote(told[name])}\n" for name in [*environment, *_OURS]
            if name in told
        )  # fmt: skip
        script.write_text(
            "#!/bin/sh\n# runs the attempt again by hand\n"
            f"cd {shlex.quote(str(self._work))} || exit\n"
            f"{own}exec {line}{f' < {shlex.quote(source)}' if source else ''}\n"
        )
        script.chmod(0o755)

    def _run(
        self, argv: list[str], environment: Mapping[str, str], source: Path,
        stdout: Path | None, course: Course,
    ) -> None:  # fmt: skip
        parent = os.getpid()
        with source.open("rb") as stdin:
            out = stdout.open("wb") if stdout else None
            try:
                process = subprocess.Popen(
                    argv,
                    cwd=self._work,
                    stdin=stdin,
                    stdout=out,
                    env={**os.environ, **self._ours(), **environment},
                    start_new_session=True,
                    # This worker only runs programs: it has one thread, so this is safe.
                    preexec_fn=lambda: processes.die_with_parent(parent),
                )
            except OSError as error:
                problem = f"cannot be started: {error.strerror}"
                if isinstance(error, FileNotFoundError) and not Path(argv[0]).is_absolute():
                    problem += " in the task's own folder, in which commands run"
                raise self._failed(argv, problem) from error
            finally:
                if out is not None:
                    out.close()
        code, course.peak = self._wait(process)
        processes.end_children()
        course.exit = code
        if code == -signal.SIGKILL and processes.kernel_kills() > self._killed:
            raise MemoryError(f"{argv[0]} was ended by the kernel, which had no memory left")
        if code:
            raise self._failed(argv, ending(code), code)

    def _wait(self, process: subprocess.Popen[bytes]) -> tuple[int, int]:
        """The exit code, and the most bytes that the program, or a child of its, has held."""
        pause, seen = 0.02, 0
        with processes.ending_of(process.pid) as ended:
            while not ended(pause):
                seen = max(seen, processes.peak_of(process.pid))
                pause = min(1.0, 1.5 * pause)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        told = used.ru_maxrss * UNIT
        # A new process counts what this worker held when it was made: of smaller ones, the kernel
        # tells that much.
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
        return process.returncode, told if told > 1.02 * own or not seen else seen

    def _failed(self, argv: list[str], problem: str, code: int | None = None) -> Signalled:
        way_out = f"look at {self._folder}, and run it by hand: {self._file('run.sh')}"
        return Signalled(f"{argv[0]} {problem}", way_out, code)

    def _output(self, port: Any, path: Path, argv: list[str]) -> dict[str, Any]:
        inside = self._work.resolve()
        if not path.resolve().is_relative_to(inside):
            raise UsageError(
                f"its output {port.name!r} ({path.relative_to(self._work)}) is a link that leads "
                f"out of the task's folder, to {path.resolve()}",
                "let the program write the file itself",
            )
        if not path.exists():
            name = path.relative_to(self._work)
            raise self._failed(argv, f"ended well and did not write {name} (port {port.name!r})")
        value: Any = path
        if str(port.type) == "str":
            value = path.read_bytes().decode("utf-8", "replace")
        value, problem = arrived(port, value)
        if problem:
            raise UsageError(f"its output {port.name!r} {problem}", "let it write such a value")
        keep = self._artifacts.adopt if isinstance(value, Path) else self._artifacts.put
        return keep(value).to_json()


_OURS = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")


def _places(argument: str) -> list[str]:
    from lamina.workflow.actions.command import pieces

    return [name for _, name in pieces(argument) if name]
