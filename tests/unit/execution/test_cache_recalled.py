"""The memory of a project: what is reused, what runs, and the reason for each."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from lamina.data.artifacts.reference import Ref
from lamina.execution.cache.base import Question, Recall
from lamina.execution.cache.recalled import Choice, Earlier, Ledger, Recalled
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.graph import Edge, Task, Workflow
from lamina.workflow.needs import Care, Needs
from lamina.workflow.ports import Port


def json_ref(text: str) -> Ref:
    """A short value."""
    data = text.encode()
    return Ref("json", sha256(data).hexdigest(), len(data), text)


def stored_ref(content: str, codec: str = "arrow", name: str = "") -> Ref:
    """A value in the store."""
    return Ref(codec, sha256(content.encode()).hexdigest(), len(content), name=name)


@dataclass(frozen=True)
class Kept:
    """A result."""

    outputs: Mapping[str, Any]
    run: str
    touched: bool = False


@dataclass
class Records:
    """Records in dictionaries, and a store from which values can vanish."""

    results: dict[str, Kept] = field(default_factory=dict)
    recipes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    attempts: dict[str, Earlier] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    @property
    def ledger(self) -> Ledger:
        """As the memory sees them."""
        return Ledger(
            lambda keys: {key: self.results[key] for key in keys if key in self.results},
            self.recipes.update,
            lambda digests: {d: self.recipes[d] for d in digests if d in self.recipes},
            lambda names: {name: self.attempts[name] for name in names if name in self.attempts},
        )

    def lacking(self, refs: Iterable[Ref]) -> list[Ref]:
        """What vanished."""
        return [ref for ref in refs if ref.digest in self.gone]

    def ran(self, question: Question, recall: Recall, status: str = "succeeded") -> None:
        """Notes an attempt, and what it gave."""
        inputs = {port: ref.to_json() for port, ref in question.arguments.items()}
        self.attempts[question.name] = Earlier("r1", recall.key, recall.recipe, inputs, status)
        if status == "succeeded" and recall.key:
            outputs = {"result": stored_ref(f"of {recall.key}").to_json()}
            self.results[recall.key] = Kept(outputs, "r1")


@dataclass
class Scene:
    """A project with a function, a workflow of one task around it, and its records."""

    folder: Path
    records: Records
    task: Task

    def memory(self, choice: Choice | None = None) -> Recalled:
        """The memory of a new run."""
        ports = tuple(Port(port.name, port.type) for port in self.task.inputs)
        edges = [Edge(port.name, f"{self.task.name}.{port.name}") for port in ports]
        given = replace(self.task, parameters={})
        after = Task("after", PythonAction("f.py:after", self.folder), (Port("x"),), (Port("y"),))
        workflow = Workflow(
            "w", ports, (Port("y"),), (given, after),
            (*edges, Edge(f"{self.task.name}.result", "after.x"), Edge("after.y", "y")),
            folder=self.folder,
        )  # fmt: skip
        return Recalled(workflow, self.records.ledger, self.records, choice)

    def question(self, name: str = "f", /, **arguments: Ref) -> Question:
        """A unit of the task."""
        return Question(name, self.task, arguments or {"lr": json_ref("0.1")})

    def ask(self, choice: Choice | None = None, /, **arguments: Ref) -> Recall:
        """The answer to one question in a new run."""
        (answer,) = self.memory(choice).recall([self.question(**arguments)])
        return answer

    def run(self, status: str = "succeeded", /, **arguments: Ref) -> Recall:
        """Asks, and runs the task."""
        answer = self.ask(**arguments)
        self.records.ran(self.question(**arguments), answer, status)
        return answer


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A function with a helper."""
    (tmp_path / "f.py").write_text(
        "from low import helper\n\ndef f(lr, table=None):\n    return helper(lr)\n\n"
        "def after(x):\n    return x\n"
    )
    (tmp_path / "low.py").write_text("def helper(x):\n    return x\n")
    action = PythonAction("f.py:f", tmp_path)
    ports = (Port("lr", "float"), Port("table", "table", optional=True))
    return Scene(tmp_path, Records(), Task("f", action, ports, (Port("result"),), {"lr": 0.1}))


def test_a_task_that_never_ran_runs(scene: Scene) -> None:
    answer = scene.ask()

    assert answer.outputs is None
    assert answer.reason == "not run before"
    assert len(answer.key) == 64
    assert scene.records.recipes[answer.recipe]["names"].keys() == {"f:f", "low:helper"}


def test_a_task_that_ran_with_the_same_inputs_is_reused(scene: Scene) -> None:
    first = scene.run()

    again = scene.ask()

    assert again.outputs == {"result": stored_ref(f"of {first.key}")}
    assert (again.reason, again.source, again.recipe) == ("reused", "r1", first.recipe)


def test_another_parameter_is_told_with_both_values(scene: Scene) -> None:
    scene.run()

    assert scene.ask(lr=json_ref("0.01")).reason == "param lr 0.1 -> 0.01"


def test_another_table_is_told_by_its_port(scene: Scene) -> None:
    scene.run(lr=json_ref("0.1"), table=stored_ref("a"))

    answer = scene.ask(lr=json_ref("0.1"), table=stored_ref("b"))

    assert answer.reason == "input table changed"


def test_a_port_that_is_filled_now_is_told(scene: Scene) -> None:
    scene.run()

    assert scene.ask(lr=json_ref("0.1"), table=stored_ref("b")).reason == "input table is new"


def test_changed_code_is_told_with_its_place(scene: Scene) -> None:
    scene.run()
    (scene.folder / "low.py").write_text("# A comment.\n\ndef helper(x):\n    return -x\n")

    assert scene.ask().reason == "code changed: low.py:3 (helper)"


def test_new_code_is_told(scene: Scene) -> None:
    scene.run()
    text = (scene.folder / "f.py").read_text()
    (scene.folder / "f.py").write_text(
        f"import low\nlow.LEVEL = 3\n{text}".replace("(lr)", "(low)")
    )

    assert scene.ask().reason == "code changed: f.py:5 (f)"


def test_a_comment_changes_nothing(scene: Scene) -> None:
    scene.run()
    (scene.folder / "low.py").write_text("# A comment.\n\ndef helper(x):\n    return (x)\n")

    assert scene.ask().reason == "reused"


def test_a_newer_package_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from lamina.execution.cache import packages

    (scene.folder / "low.py").write_text(
        "import numpy\n\ndef helper(x):\n    return numpy.abs(x)\n"
    )
    monkeypatch.setattr(packages, "_distribution", lambda *about: ("numpy", "2.1"))
    scene.run()
    monkeypatch.setattr(packages, "_distribution", lambda *about: ("numpy", "2.2"))

    assert scene.ask().reason == "environment changed: numpy 2.1 -> 2.2"


def test_a_declared_variable_counts_and_another_does_not(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    care = Care(environment=("LEVEL", "MY_TOKEN"), secrets=("MY_TOKEN",))
    scene.task = replace(scene.task, care=care)
    monkeypatch.setenv("LEVEL", "1")
    monkeypatch.setenv("MY_TOKEN", "tell-nobody")
    scene.run()
    monkeypatch.setenv("OTHER", "1")
    assert scene.ask().reason == "reused"
    monkeypatch.setenv("LEVEL", "2")

    assert scene.ask().reason == "environment changed: LEVEL 1 -> 2"
    assert "tell-nobody" not in str(scene.records.recipes)

    monkeypatch.setenv("LEVEL", "1")
    monkeypatch.setenv("MY_TOKEN", "tell-nobody-2")
    assert scene.ask().reason.startswith("environment changed: MY_TOKEN secret ")


def test_what_it_needs_of_a_machine_does_not_count(scene: Scene) -> None:
    scene.run()
    needs = Needs(cpus=8, memory=10**9, gpus=1, time=60.0)
    scene.task = replace(scene.task, care=Care(needs=needs, retries=5, fresh=True))

    assert scene.ask().reason == "reused"


def test_forced_tasks_run_and_others_do_not(scene: Scene) -> None:
    scene.run()

    assert scene.ask(Choice(force=frozenset({"f"}))).reason == "forced"
    assert scene.ask(Choice(force_all=True)).reason == "forced"
    assert scene.ask(Choice(force=frozenset({"g"}))).reason == "reused"


@pytest.mark.parametrize(
    ("told", "unit", "forced"),
    [
        ("sort", "sort[3]", True),
        ("sort[3]", "sort[3]", True),
        ("sort[3]", "sort[4]", False),
        ("inner", "inner/sort", True),
        ("inner/sort", "inner/sort[1]", True),
        ("inn", "inner/sort", False),
        ("loop", "loop#2/step", True),
        ("loop/step", "loop#2/step", True),
    ],
)
def test_a_task_is_forced_with_all_its_units(told: str, unit: str, forced: bool) -> None:
    assert Choice(force=frozenset({told})).forces(unit) is forced


def test_without_the_cache_nothing_is_looked_up_or_kept(scene: Scene) -> None:
    scene.run()

    answer = scene.ask(Choice(use=False))

    assert (answer.key, answer.outputs, answer.reason) == ("", None, "the cache is off")
    assert scene.records.recipes[answer.recipe]["do"] == "python", "what ran is not told"


def test_a_task_can_opt_out(scene: Scene) -> None:
    scene.task = replace(scene.task, care=Care(cache=False))
    scene.run()

    answer = scene.ask()

    assert (answer.key, answer.outputs) == ("", None)
    assert answer.reason == "opted out of the cache"
    assert answer.recipe in scene.records.recipes


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("failed", "it failed before"),
        ("timeout", "it ran out of time before"),
        ("memory", "it ran out of memory before"),
        ("lost", "it was lost before"),
        ("cancelled", "it was cancelled before"),
        ("", "it did not end before"),
    ],
)
def test_an_attempt_without_a_result_is_told(scene: Scene, status: str, told: str) -> None:
    scene.run(status)

    assert scene.ask().reason == told


def test_a_result_whose_output_was_cleaned_still_stands_in_for_its_task(scene: Scene) -> None:
    first = scene.run()
    scene.records.gone = {stored_ref(f"of {first.key}").digest}

    answer = scene.ask()

    assert answer.outputs is not None
    assert answer.reason == "reused, though its output was cleaned"


def test_a_cleaned_output_of_the_workflow_is_made_again(scene: Scene) -> None:
    memory = scene.memory()
    after = Task("after", PythonAction("f.py:after", scene.folder), (Port("x"),), (Port("result"),))
    question = Question("after", after, {"x": json_ref("1")})
    (answer,) = memory.recall([question])
    scene.records.ran(question, answer)
    scene.records.gone = {stored_ref(f"of {answer.key}").digest}

    (again,) = scene.memory().recall([question])

    assert (again.outputs, again.reason) == (None, "its output was cleaned")


def test_a_task_that_must_run_tells_which_inputs_are_gone(scene: Scene) -> None:
    table = stored_ref("table")
    scene.records.gone = {table.digest}

    answer = scene.ask(lr=json_ref("0.1"), table=table)

    assert answer.lacking == (table.digest,)


def test_a_stream_that_is_being_written_has_no_key(scene: Scene) -> None:
    answer = scene.ask(lr=json_ref("1"), table=Ref("stream", "", 0, origin="/spool"))

    assert (answer.key, answer.reason) == ("", "reads a stream while it is written")


def test_a_function_that_cannot_be_read_has_no_key(scene: Scene) -> None:
    (scene.folder / "f.py").write_text("def f(:\n")

    answer = scene.ask()

    assert answer.key == ""
    assert answer.reason.startswith("has no key: f.py, line 1 is not Python")


def test_code_that_changes_during_a_run_keeps_results_out_of_the_cache(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamina.execution.cache.recipes._PAUSE", 0.0)
    memory = scene.memory()
    memory.recall([scene.question()])
    (scene.folder / "low.py").write_text("def helper(x):\n    return -x * 2\n")

    (answer,) = memory.recall([scene.question()])

    assert (answer.key, answer.reason) == ("", "its code changed while the run went on")


def test_ten_thousand_units_cost_little(scene: Scene) -> None:
    number = 10_000
    questions = [
        scene.question(f"f[{k}]", lr=json_ref(str(k)), table=stored_ref("t")) for k in range(number)
    ]
    memory = scene.memory()
    for question, answer in zip(questions, memory.recall(questions), strict=True):
        scene.records.ran(question, answer)
    began = time.process_time()
    answers = scene.memory().recall(questions)
    seconds = time.process_time() - began

    assert {answer.reason for answer in answers} == {"reused"}
    assert seconds < 1.0  # 0.2 s on a machine without other work


def test_recipes_are_kept_once(scene: Scene) -> None:
    kept: list[Sequence[str]] = []
    ledger = replace(scene.records.ledger, keep=lambda recipes: kept.append(list(recipes)))
    workflow = scene.memory()
    workflow._ledger = ledger

    workflow.recall([scene.question(f"f[{k}]", lr=json_ref(str(k))) for k in range(5)])
    workflow.recall([scene.question("f[9]", lr=json_ref("9"))])

    assert [len(digests) for digests in kept] == [1]
