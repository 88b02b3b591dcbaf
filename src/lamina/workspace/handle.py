"""`lamina.run` and `workflow.run`: a run from Python, to wait for, look at and cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, Unpack

from lamina.data.artifacts.reference import Ref
from lamina.errors import (
    ArtifactError,
    RunCancelledError,
    UnknownNameError,
    UsageError,
)
from lamina.execution.engine import Control
from lamina.execution.functions import refuse_while_loading
from lamina.workflow import log
from lamina.workflow.graph import Workflow
from lamina.workspace.cells import explain
from lamina.workspace.launch import Finished, Session, inputs_of, opened
from lamina.workspace.notebook import Progress, display
from lamina.workspace.project import project
from lamina.workspace.recording import resumable
from lamina.workspace.results import Outputs, worded
from lamina.workspace.wishes import Wish

_WAKING = 0.2
"""Seconds after which somebody who awaits a run looks up."""

if TYPE_CHECKING:
    from lamina.traces.trace import Trace

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
    profile: str | Path
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
    __tracebackhide__ = True  # of a failed task, the user's lines matter
    refuse_while_loading()
    if not isinstance(inputs, Mapping | None):
        raise UsageError(
            f"the inputs of a run are a mapping; these are {type(inputs).__name__} {inputs!r:.60}",
            f"workflow.run({{{', '.join(f'{p.name!r}: ...' for p in workflow.inputs)}}})",
        )
    given: dict[str, Any] = dict(options)
    where, listener = given.pop("folder", None), given.pop("on_event", None)
    unknown = sorted(given.keys() - Options.__annotations__.keys())
    if unknown:
        raise UnknownNameError("option", unknown[0], Options.__annotations__)
    home = project(None if where is None else Path(where))
    refs = inputs_of(home, workflow, inputs or {})
    handle = Run(opened(home, workflow, refs, Wish(**given)), listener)
    if not wait:
        threading.Thread(target=handle._go, name="lamina-run").start()
        return handle
    handle._go()
    problem = handle._problem()
    if problem is not None:
        raise problem
    return handle


class Run:
    """A run that began from Python; made by `run`."""

    def __init__(self, session: Session, listener: Listener | None) -> None:
        show = display()
        self._progress = Progress(session.record.name, show) if show is not None else None
        listeners: list[Listener] = [] if listener is None else [listener]
        listeners += [] if self._progress is None else [self._progress]
        self._session = replace(session, listeners=(*session.listeners, *listeners))
        self._control = Control()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], None]] = []
        self._finished: Finished | None = None
        self._error: BaseException | None = None

    def _go(self) -> None:
        try:
            self._finished = self._session.go(self._control)
            for failure in self._finished.failures:
                explain(failure)
                failure.run = self
        except BaseException as error:  # it is raised again where somebody waits
            self._error = error
        finally:
            with self._lock:
                self._over.set()
            if self._progress is not None:
                self._progress.close()
            for tell in self._waiting:
                tell()

    def wait(self, timeout: float | None = None) -> Run:
        """Waits for the end.

        Args:
            timeout: seconds; None for as long as it takes.

        Raises:
            TimeoutError: it has not ended by then; it goes on.
            TaskFailedError, RunCancelledError, LaminaError: how it went wrong.
        """
        __tracebackhide__ = True
        try:
            over = self._over.wait(timeout)
        except KeyboardInterrupt:
            self.cancel()
            self._over.wait()
            raise
        if not over:
            raise TimeoutError(
                f"the run of {self._session.workflow.name!r} goes on after {timeout:g} s"
            )
        self._settle()
        return self

    def __await__(self) -> Generator[Any, None, Run]:
        return self._awaited().__await__()

    async def _awaited(self) -> Run:
        __tracebackhide__ = True
        import asyncio  # whoever waits so has it already

        try:
            await self._end()
        except asyncio.CancelledError:
            self.cancel()
            await self._end()  # nothing of it runs any more when the awaiting one goes on
            raise
        self._settle()
        return self

    async def _end(self) -> None:
        """Waits without a thread: many runs may be awaited at once."""
        import asyncio

        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(over.set)

        with self._lock:
            if self._over.is_set():
                return
            self._waiting.append(tell)
        while not over.is_set():
            with suppress(TimeoutError):  # an interrupt of a notebook needs a loop that wakes up
                await asyncio.wait_for(over.wait(), _WAKING)

    def _settle(self) -> None:
        """Raises what went wrong."""
        __tracebackhide__ = True
        problem = self._problem()
        if problem is not None:
            raise problem

    def _problem(self) -> BaseException | None:
        if self._error is not None:
            return self._error
        found = self.result
        if found.failures:
            return found.failures[0].with_traceback(None)
        if found.status != "cancelled":
            return None
        name, again = found.record.name, "run the workflow again: what is finished is reused"
        way_out = f"lamina resume {name} goes on with it" if resumable(found.record) else again
        return RunCancelledError(f"the run {name} was cancelled", way_out)

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
        if self._error is not None:
            raise self._error
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
        """Workflow output -> value, read when it is asked for; waits for the end.

        Raises:
            TaskFailedError, RunCancelledError, LaminaError: how it went wrong.
        """
        __tracebackhide__ = True
        self.wait()
        return self._read()

    def __getitem__(self, output: str) -> Any:
        """One output; of a run that failed, too, where it was made."""
        __tracebackhide__ = True
        if output in self.result.outputs:
            return self._read()[output]
        return self.outputs[output]

    def _read(self) -> Outputs:
        return Outputs(self._session.project, self.result.outputs, self._mend)

    def _mend(self, error: ArtifactError) -> Mapping[str, Ref]:
        """Has a damaged output made again by its tasks; gives the outputs as they are then.

        Raises:
            ArtifactError: the one given, where that does not help.
        """
        from lamina.workspace import mending

        found = mending.mended(self._session, error).go(Control())
        if found.status != "succeeded":
            raise error
        self._finished = mending.both(self.result, found)
        return found.outputs

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"the run {self.name} belongs to its process and cannot be pickled: "
            "keep its outputs (dict(run.outputs)), or its name"
        )

    def timeline(self) -> Trace:
        """When each attempt was in which phase: a chart in a notebook, text when printed."""
        from lamina.workspace.timelines import trace

        return trace(self.id, self._session.project)

    def logs(self, task: str = "") -> str:
        """What tasks printed so far.

        Args:
            task: a task or one item of it ("count[3]"); all of them when empty.

        Raises:
            UnknownNameError: the run has no such task.
        """
        from lamina.workspace.logs import lines, logs

        return "\n".join(lines(logs(f"{self.id}/{task}", here=self._session.project)))

    def __repr__(self) -> str:
        how = self._error if self._error is not None else self.status
        return f"<run {self.name} of {self._session.workflow.name}: {how}>"

    def _repr_html_(self) -> str:
        rows = [
            ("workflow", self._session.workflow.name),
            ("status", self.status),
            ("run", f"{self.name} ({self.id})"),
        ]
        if self._error is not None:
            rows += [("error", str(self._error))]
        if self.done and self._finished is not None:
            found = self._finished
            rows += [
                ("tasks", f"{found.tasks} done, {found.reused} of them reused"),
                ("seconds", f"{found.seconds:.2f}"),
            ]
            rows += [("failed", failure.message) for failure in found.failures]
            rows += [
                (name, worded(self._session.project, ref)) for name, ref in found.outputs.items()
            ]
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(text)}</td></tr>"
            for name, text in rows
        )
        return f"<table>{cells}</table>"
