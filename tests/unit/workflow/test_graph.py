"""Workflows as values: valid once they exist, and all mistakes named at once."""

from __future__ import annotations

import gc
import time
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import WorkflowError
from lamina.testing.workflow_strategies import workflows
from lamina.workflow import Edge, Port, Task, Workflow
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.actions.named import NamedAction
from lamina.workflow.actions.python import PythonAction

F = PythonAction("m:f")


def step(name: str, takes: str = "x", gives: str = "y", kind: str = "int", **more: object) -> Task:
    inputs = tuple(Port(port, kind) for port in takes.split())
    outputs = tuple(Port(port, kind) for port in gives.split())
    return Task(name, F, inputs, outputs, **more)  # type: ignore[arg-type]


def edges(*pairs: str) -> tuple[Edge, ...]:
    return tuple(Edge(source, target) for source, _, target in (p.partition(" -> ") for p in pairs))


def mistakes(*tasks: Task, wires: tuple[Edge, ...] = (), **more: object) -> list[str]:
    given: dict[str, object] = {"inputs": (Port("n", "int"),), "tasks": tasks, "edges": wires}
    with pytest.raises(WorkflowError) as caught:
        Workflow("w", **{**given, **more})  # type: ignore[arg-type]
    return list(caught.value.mistakes)


def test_a_valid_workflow_knows_its_order_and_its_edges() -> None:
    made = Workflow(
        "w",
        (Port("n", "int"),),
        (Port("out", "float"),),
        (step("b"), step("a")),
        edges("b.y -> out", "a.y -> b.x", "n -> a.x"),
    )
    assert made.order == ("a", "b")
    assert [edge.target for edge in made.edges] == ["b.x", "a.x", "out"]
    assert made["a"].output("y").type == made.input("n").type
    assert made.output("out") == Port("out", "float")
    assert len(made) == 2


def test_the_order_of_edges_makes_no_difference() -> None:
    wires = edges("n -> a.x", "a.y -> b.x")
    one = Workflow("w", (Port("n"),), (), (step("a"), step("b")), wires)
    other = Workflow("w", (Port("n"),), (), (step("a"), step("b")), wires[::-1])
    assert one == other


def test_a_workflow_is_frozen() -> None:
    made = Workflow("w")
    with pytest.raises(FrozenInstanceError):
        made.name = "v"  # type: ignore[misc]


def test_a_cycle_is_named_with_its_path() -> None:
    wires = edges("a.y -> b.x", "b.y -> c.x", "c.y -> a.x", "c.y -> d.x")
    found = mistakes(step("a"), step("b"), step("c"), step("d"), wires=wires)
    assert found == ["the tasks a -> b -> c -> a form a cycle; remove one of these edges"]


def test_a_task_that_reads_itself_is_a_cycle() -> None:
    assert mistakes(step("a"), wires=edges("a.y -> a.x")) == [
        "the tasks a -> a form a cycle; remove one of these edges"
    ]


def test_all_mistakes_come_at_once_each_with_its_task() -> None:
    found = mistakes(
        step("count"),
        step("total", "x z"),
        step("bad name"),
        wires=edges("n -> count.xx", "cout.y -> total.x", "count.yy -> total.z", "n -> nowhere"),
    )
    assert found == [
        "task 'bad name': the name is not allowed; a name has at most 100 letters (a-z), digits, "
        "'_' and '-' and begins with a letter or '_'",
        "task 'count': has no input port 'xx'; did you mean 'x'? input ports: x",
        "task 'total': port 'x' reads 'cout.y', and task 'cout' does not exist; did you mean "
        "'count'? tasks: bad name, count, total",
        "task 'total': port 'z' reads 'count.yy', and task 'count' has no output port 'yy'; did "
        "you mean 'y'? output ports: y",
        "the edge n -> nowhere leads to no workflow output; there are no outputs",
        "task 'count': port 'x' needs a value (int); wire it, or give a parameter",
        "task 'bad name': port 'x' needs a value (int); wire it, or give a parameter",
    ]


@pytest.mark.parametrize(
    ("task", "wires", "said"),
    [
        (step("a"), edges("n -> a.x", "n -> a.x"), "has 2 edges (n and n); keep one, or make"),
        (step("a", kind="str"), edges("n -> a.x"), "needs str; it gets int from n"),
        (step("a"), edges("m -> a.x"), "reads 'm', which is no workflow input; inputs and tasks"),
        (step("a"), edges("a -> a.x"), "which is a task; name one of its output ports: a.y"),
        (step("a"), edges(".n -> a.x"), "which is no workflow input"),
        (step("a"), edges("n -> b.x", "n -> a.x"), "leads to task 'b', which does not exist"),
        (step("a", "x x"), edges("n -> a.x"), "input port 'x' stands 2 times"),
        (step("a", parameters={"x": "s"}), (), "needs int; the parameter gets str 's'"),
        (step("a", parameters={"x": 1, "z": 2}), (), "parameter 'z' is no input port"),
        (step("a", parameters={"x": 1}), edges("n -> a.x"), "has an edge and a parameter"),
        (step("a", scatter=("z",)), edges("n -> a.x"), "scatter port 'z' is no input port"),
        (step("a", scatter=("x",)), edges("n -> a.x"), "needs list[int]; it gets int from n"),
        (step("a", scatter=("x", "x")), edges("n -> a.x"), "scatter names a port twice"),
        (step("a"), (Edge("n", "a.x", 0),), "needs int, not a list; wire one value"),
        (step("a", kind="list[int]"), (Edge("n", "a.x", 1),), "positions of its list are [1]"),
        (step("a", kind="list[int]"), edges("n -> a.x"), "wire a list of one: [it]"),
        (step("n"), edges("n -> n.x"), "the name 'n' stands 2 times among tasks and workflow"),
    ],
)
def test_each_mistake_is_said_with_a_way_out(
    task: Task, wires: tuple[Edge, ...], said: str
) -> None:
    assert any(said in mistake for mistake in mistakes(task, wires=wires))


def test_mistakes_of_the_workflow_itself() -> None:
    found = mistakes(
        inputs=(Port("a b"), Port("n"), Port("n")),
        outputs=(Port("o"), Port("o")),
        layout={"z": (0, 0)},
    )
    assert [mistake.partition(";")[0] for mistake in found] == [
        "workflow input 'a b': the name is not allowed",
        "workflow output 'o' stands 2 times",
        "the name 'n' stands 2 times among tasks and workflow inputs",
        "the layout places 'z', which does not exist",
        "workflow output 'o' has no source",
        "workflow output 'o' has no source",
    ]


def test_a_name_that_a_document_could_not_hold_is_refused() -> None:
    with pytest.raises(WorkflowError, match="the workflow's name '' is not allowed"):
        Workflow("")


def test_thousands_of_mistakes_are_cut_short() -> None:
    found = mistakes(*(step(f"t{number}") for number in range(1000)))
    assert len(found) == 201
    assert found[-1] == "... and 800 more"


def test_several_edges_fill_a_list_in_their_positions() -> None:
    wires = (Edge("a.y", "b.x", 1), Edge("n", "b.x", 0), Edge("n", "a.x"))
    made = Workflow("w", (Port("n", "int"),), (), (step("a"), step("b", kind="list[float]")), wires)
    assert [edge.source for edge in made.incoming["b"]] == ["n", "a.y"]


def test_a_scattered_task_takes_lists_and_gives_lists() -> None:
    task = step("a", scatter=("x",))
    assert str(task.takes(task.input("x"))) == "list[int]"
    assert str(task.gives(task.output("y"))) == "list[int]"
    with pytest.raises(KeyError):
        task.input("nothing")


def test_parameters_are_kept_as_a_document_keeps_them() -> None:
    assert step("a", parameters={"x": (1, (2, 3))}).parameters == {"x": [1, [2, 3]]}


def test_an_optional_port_may_stay_empty() -> None:
    Workflow("w", (), (), (Task("a", F, (Port("x", "int", optional=True),)),))
    Workflow("w", (), (), (Task("a", F, (Port("x", "int", True),), (), {"x": None}),))


def test_a_task_takes_its_ports_from_its_action() -> None:
    task = Task.of("s", NamedAction("split"), {"items": [1], "parts": 1})
    assert [str(port.type) for port in task.inputs] == ["list[any]", "int"]
    assert [port.name for port in task.outputs] == ["result"]


def test_mistakes_of_an_action_are_mistakes_of_the_workflow() -> None:
    task = Task("a", CommandAction(("cat", "{text}")))
    assert mistakes(task)[0].startswith("task 'a': the command has a place {text}")


@settings(deadline=None, max_examples=50)
@given(workflows())
def test_every_task_stands_after_all_that_it_reads(made: Workflow) -> None:
    place = {name: number for number, name in enumerate(made.order)}
    assert sorted(place) == sorted(task.name for task in made.tasks)
    for edge in made.edges:
        if edge.source_task and edge.target_task:
            assert place[edge.source_task] < place[edge.target_task]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_a_graph_is_refused_exactly_when_it_has_a_cycle(pairs: list[tuple[int, int]]) -> None:
    reads: dict[int, list[int]] = {n: sorted({a for a, b in pairs if b == n}) for n in range(7)}
    tasks = tuple(step(f"t{n}", kind="list[any]") for n in range(7))
    wires = tuple(
        Edge(f"t{a}.y", f"t{n}.x", position)
        for n, sources in reads.items()
        for position, a in enumerate(sources)
    )
    free = tuple(Edge("n", f"t{n}.x") for n, sources in reads.items() if not sources)
    try:
        Workflow("w", (Port("n"),), (), tasks, wires + free)
    except WorkflowError as error:
        assert "form a cycle" in str(error)
        assert reachable_from_itself(reads)
    else:
        assert not reachable_from_itself(reads)


def reachable_from_itself(reads: dict[int, list[int]]) -> bool:
    """By brute force: whether some node can be reached from itself."""
    closure = {node: set(sources) for node, sources in reads.items()}
    for _ in reads:
        for node in reads:
            closure[node] |= {far for near in closure[node] for far in closure[near]}
    return any(node in closure[node] for node in reads)


def chain(length: int) -> Workflow:
    tasks = tuple(step(f"t{number}") for number in range(length))
    wires = (
        Edge("n", "t0.x"),
        *(Edge(f"t{n}.y", f"t{n + 1}.x") for n in range(length - 1)),
    )
    return Workflow("big", (Port("n", "int"),), (), tasks, wires)


def test_the_cost_grows_no_faster_than_the_workflow() -> None:
    def cost(length: int) -> float:
        # The collector's cost grows with all that other tests have left in memory.
        gc.disable()
        try:
            began = time.process_time()
            chain(length)
            return time.process_time() - began
        finally:
            gc.enable()

    cost(100)
    small = min(cost(2000) for _ in range(3))
    assert min(cost(20_000) for _ in range(3)) < 10 * 4 * small
