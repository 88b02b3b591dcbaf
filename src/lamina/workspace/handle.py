"""`lamina.run` and `workflow.run`: a run from Python, to wait for, look at and cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, TypedDict, Unpack

from lamina.data.artifacts.reference import Ref
from lamina.errors import LaminaError, RunCancelledError, TaskFailedError, UnknownNameError
from lamina.execution.engine import Control
from lamina.execution.functions import refuse_while_loading
from lamina.workflow import log
from lamina.workflow.graph import Workflow
from lamina.workspace.launch import Finished, Session, inputs_of, opened
from lamina.workspace.project import Project, project
from lamina.workspace.wishes import Wish
from lamina.workspace.written import brief

Listener = Callable[[Sequence[log.Event]], None]


class Options(TypedDict, total=False):
    """What a run from Python takes by name; see `lamina.workspace.wishes.Wish` for the others.

    folder: where the project is looked for; the current folder when left out.
    on_event: called with each batch of events (`lamina.workflow.log`), in the run's thread.
    """

    cpus: float
    memory: int | str | None
    gpus: int | str
    keep_going: bool
    retries: int
    until: tuple[str, ...]
    force: tuple[str, ...]
    cache: bool
    fresh: bool
    folder: str | Path
    on_event: Listener


def run(
    workflow: Workflow,
    inputs: Mapping[str, Any] | None = None,
    *,
    wait: bool = True,
    **options: Unpack[Options],
) -> Run:
    """Runs a workflow in worker processes, with records, cache and resume.

    Args:
        workflow: what to run.
        inputs: its inputs by name.
        wait: whether to return only when it is over; otherwise at once, and the run goes on in
            a thread: `await` it, or call `wait()`.
        options: by name, see `Options`.

    Returns:
        the run: `outputs`, `run["name"]`, `status`, `seconds`, `timeline()`.

    Raises:
        UsageError: inputs that are missing, unknown or unfitting; nothing has run.
        WorkflowError: functions or programs that cannot be found; nothing has run.
        TaskFailedError: a task failed (when waiting; otherwise from `wait` or `outputs`).
        RunCancelledError: somebody ended it.
        KeyboardInterrupt: Ctrl-C, after everything that ran has been ended.
    """
    refuse_while_loading()
    given: dict[str, Any] = dict(options)
    where, listener = given.pop("folder", None), given.pop("on_event", None)
    unknown = sorted(given.keys() - Options.__annotations__.keys())
    if unknown:
        raise UnknownNameError("option", unknown[0], Options.__annotations__)
    home = project(None if where is None else Path(where))
    refs = inputs_of(home, workflow, inputs or {})
    session = opened(home, workflow, refs, Wish(**given), () if listener is None else (listener,))
    handle = Run(session)
    handle._begin(wait)
    return handle


class Run:
    """A run that began from Python; made by `run`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._control = Control()
        self._over = threading.Event()
        self._finished: Finished | None = None
        self._error: BaseException | None = None

    def _begin(self, wait: bool) -> None:
        if wait:
            self._go()
            self._settle()
            return
        threading.Thread(target=self._go, name="lamina-run").start()

    def _go(self) -> None:
        try:
            self._finished = self._session.go(self._control)
        except BaseException as error:  # it is raised again where somebody waits
            self._error = error
        finally:
            self._over.set()

    def wait(self, timeout: float | None = None) -> Run:
        """Waits for the end.

        Args:
            timeout: seconds; None for as long as it takes.

        Raises:
            TimeoutError: it has not ended by then; it goes on.
            TaskFailedError, RunCancelledError, LaminaError: how it went wrong.
        """
        if not self._over.wait(timeout):
            raise TimeoutError(
                f"the run of {self._session.workflow.name!r} goes on after {timeout:g} s"
            )
        self._settle()
        return self

    def __await__(self) -> Generator[Any, None, Run]:
        return self._awaited().__await__()

    async def _awaited(self) -> Run:
        import asyncio  # whoever waits so has it already

        try:
            await asyncio.to_thread(self._over.wait)
        except asyncio.CancelledError:
            self.cancel()
            raise
        self._settle()
        return self

    def _settle(self) -> None:
        """Raises what went wrong."""
        if self._error is not None:
            raise self._error
        assert self._finished is not None
        if self._finished.failures:
            raise self._finished.failures[0]
        if self._finished.status == "cancelled":
            raise RunCancelledError(
                f"the run {self._finished.record.name} was cancelled",
                f"lamina resume {self._finished.record.name} goes on with it",
            )

    def cancel(self) -> None:
        """Ends what runs; nothing more is started."""
        self._control.cancel()

    @property
    def done(self) -> bool:
        """Whether it is over, well or not."""
        return self._over.is_set()

    @property
    def status(self) -> str:
        """ "running", "succeeded", "failed" or "cancelled"."""
        if not self.done:
            return "running"
        return self._finished.status if self._finished is not None else "failed"

    @property
    def result(self) -> Finished:
        """The run's record, references of outputs, counts; waits for the end."""
        self._over.wait()
        if self._finished is None:
            self._settle()
        assert self._finished is not None
        return self._finished

    @property
    def id(self) -> str:
        """Ten hexadecimal digits."""
        return self._session.record.id

    @property
    def name(self) -> str:
        """Name of the run for people."""
        return self._session.record.name

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.result.seconds

    @property
    def outputs(self) -> Outputs:
        """Workflow output -> value, read when it is asked for; waits for the end."""
        self.wait()
        return Outputs(self._session.project, self.result.outputs)

    def __getitem__(self, output: str) -> Any:
        return self.outputs[output]

    def timeline(self) -> Any:
        """When each attempt was in which phase: a chart in a notebook, text when printed."""
        from lamina.workspace.timelines import trace

        return trace(self.id, self._session.project)

    def __repr__(self) -> str:
        if not self.done:
            return f"<run of {self._session.workflow.name}: running>"
        if self._finished is None:
            return f"<run of {self._session.workflow.name}: {self._error}>"
        found = self._finished
        return f"<run {found.record.name} of {self._session.workflow.name}: {found.status}>"

    def _repr_html_(self) -> str:
        rows = [("workflow", self._session.workflow.name), ("status", self.status)]
        if self.done and self._finished is not None:
            found = self._finished
            rows += [
                ("run", f"{found.record.name} ({found.record.id})"),
                ("tasks", f"{found.tasks} done, {found.reused} of them reused"),
                ("seconds", f"{found.seconds:.2f}"),
            ]
            rows += [
                (name, _worded(self._session.project, ref)) for name, ref in found.outputs.items()
            ]
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(text)}</td></tr>"
            for name, text in rows
        )
        return f"<table>{cells}</table>"


class Outputs(Mapping[str, Any]):
    """Values of a run's outputs, each read from the store once it is asked for."""

    def __init__(self, home: Project, refs: Mapping[str, Ref]) -> None:
        self._home = home
        self._refs = refs
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._refs:
            raise KeyError(f"{name!r}; outputs: {', '.join(self._refs) or 'none'}")
        if name not in self._values:
            self._values[name] = self._home.artifacts.get(self._refs[name])
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._refs)

    def __len__(self) -> int:
        return len(self._refs)

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {_worded(self._home, ref)}" for name, ref in self._refs.items())


def _worded(home: Project, ref: Ref) -> str:
    try:
        return brief(home.artifacts.get(ref))
    except (LaminaError, TaskFailedError) as error:
        return str(error).splitlines()[0]
