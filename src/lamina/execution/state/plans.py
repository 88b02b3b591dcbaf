"""What can be known of a workflow before it runs: who follows whom, who reads what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lamina.execution.state.parts import Told
from lamina.workflow.actions.composite import Composite
from lamina.workflow.actions.subworkflow import SubworkflowAction
from lamina.workflow.graph import Task, Workflow
from lamina.workflow.units import task_of


class Plan:
    """One workflow, made ready to be run many times; O(tasks + edges).

    Args:
        workflow: the workflow.
        plans: those of all workflows of a run, by their identity.
    """

    __slots__ = (
        "constants", "early", "feeds", "following", "readers", "waiting", "weights", "workflow",
    )  # fmt: skip

    def __init__(self, workflow: Workflow, plans: Plans) -> None:
        self.workflow = workflow
        self.constants: dict[tuple[str, str], Told] = {}
        """(task or "", port) -> its constant; made once for all runs of the workflow."""
        self.waiting: dict[str, int] = {}
        """Task -> how many tasks it waits for."""
        self.following: dict[str, list[str]] = {name: [] for name in workflow.by_name}
        self.readers: dict[str, int] = {}
        """Source -> how many edges leave it."""
        for name, edges in workflow.incoming.items():
            before = set()
            for edge in edges:
                source = edge.source
                self.readers[source] = self.readers.get(source, 0) + 1
                first = source.rpartition(".")[0]
                if first:
                    before.add(first)
            if name:
                self.waiting[name] = len(before)
                for first in before:
                    self.following[first].append(name)
        self.feeds: dict[str, list[tuple[str, str]]] = {}
        """Task -> (port, source) of its outputs that somebody reads."""
        self.weights: dict[str, int] = {}
        """Tasks that hold others -> how many they are known to hold."""
        for task in workflow.tasks:
            found = [(port.name, f"{task.name}.{port.name}") for port in task.outputs]
            self.feeds[task.name] = [pair for pair in found if pair[1] in self.readers]
            if isinstance(task.action, SubworkflowAction) and not task.scatter:
                self.weights[task.name] = plans.of(task.action.workflow).weight()
        self.early = _early(workflow, self.following)
        """Task that writes streams -> tasks that read nothing else of it."""

    def weight(self, names: Iterable[str] | None = None) -> int:
        """How many tasks the workflow (or these tasks of it) is known to hold."""
        if names is None:
            return len(self.waiting) - len(self.weights) + sum(self.weights.values())
        return sum(self.weights.get(name, 1) for name in names)

    def constant(self, task: Task, port: str) -> Told | None:
        """The parameter or default of a task's port; None where there is neither."""
        found = self.constants.get((task.name, port))
        if found is None:
            given = task.input(port)
            value = task.parameters.get(port, given.default)
            if value is None and port not in task.parameters:
                return None
            found = Told(value, task.takes(given), given.optional, self.workflow.folder)
            self.constants[task.name, port] = found
        return found

    def default(self, name: str) -> Told:
        """The default of a workflow input; None, told, where there is none."""
        found = self.constants.get(("", name))
        if found is None:
            port = self.workflow.input(name)
            found = Told(port.default, port.type, True, self.workflow.folder)
            self.constants["", name] = found
        return found


def _early(workflow: Workflow, following: Mapping[str, list[str]]) -> dict[str, list[str]]:
    found = {}
    for task in workflow.tasks:
        if any(port.type.streams for port in task.outputs) and not _holds_or_scatters(task):
            readers = [
                name for name in following[task.name] if _reads_streams(workflow, task, name)
            ]
            if readers:
                found[task.name] = readers
    return found


def _reads_streams(workflow: Workflow, writer: Task, name: str) -> bool:
    """Whether all that a task reads of another are streams that it can read as such."""
    reader = workflow.by_name[name]
    return not _holds_or_scatters(reader) and all(
        edge.position is None
        and writer.output(edge.source_port).type.streams
        and reader.input(edge.target_port).type.streams
        for edge in workflow.incoming[name]
        if edge.source_task == writer.name
    )


def _holds_or_scatters(task: Task) -> bool:
    return bool(task.scatter) or isinstance(task.action, Composite)


class Plans:
    """The plans of all workflows of a run; the same workflow is planned once."""

    def __init__(self) -> None:
        self._plans: dict[int, Plan] = {}

    def of(self, workflow: Workflow) -> Plan:
        """The plan of a workflow."""
        found = self._plans.get(id(workflow))
        if found is None:
            found = self._plans[id(workflow)] = Plan(workflow, self)
        return found


class Wanted:
    """Which tasks of a workflow are to run, and inside of which of them only some.

    Args:
        names: tasks of the workflow.
        inner: task -> what is wanted inside of it; tasks that are not here are wanted whole.
    """

    __slots__ = ("inner", "names")

    def __init__(self, names: set[str], inner: Mapping[str, tuple[str, ...]]) -> None:
        self.names = names
        self.inner = inner


def wanted(workflow: Workflow, until: Iterable[str]) -> Wanted:
    """The tasks that have to run for those named: "sort", "inner/sort"; all they read with them.

    Names that the workflow does not have are passed over.
    """
    whole: set[str] = set()
    inner: dict[str, tuple[str, ...]] = {}
    for path in until:
        first, _, rest = task_of(path).partition("/")
        if first not in workflow.by_name:
            continue
        if rest:
            inner[first] = (*inner.get(first, ()), rest)
        else:
            whole.add(first)
    names = whole | set(inner)
    found = list(names)
    for name in found:  # grows while it is read
        for edge in workflow.incoming[name]:
            source = edge.source_task
            if source and source not in whole:
                whole.add(source)
                found.append(source)
    return Wanted(names | whole, {name: rest for name, rest in inner.items() if name not in whole})
