"""Needs and treatment of tasks: read with every mistake, written in one form, said in Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.errors import DocumentError, UsageError, WorkflowError
from lamina.testing.workflow_strategies import cares
from lamina.workflow import Port, Task, Workflow, command, named, task, workflow
from lamina.workflow.actions.python import PythonAction
from lamina.workflow.amounts import size, size_text, span, span_text
from lamina.workflow.care import care_mistakes, care_of, care_to_document, needs_told
from lamina.workflow.document import workflow_from_text, workflow_to_text
from lamina.workflow.needs import PLAIN, Care, Needs

DOCUMENT = """\
lamina: workflow/1
name: careful
inputs: {text: file}
tasks:
  sort:
    do: command
    argv: [sort, "{text}"]
    stdout: sorted
    environment: {LC_ALL: C}
    in: {text: text}
    needs: {cpus: 2, memory: 4 GB, gpus: 0.5, time: 10 min}
    retries: 3
    retry: [memory, error]
    cache: false
    fresh: true
    before: [echo, begin]
    after: [echo, end]
    secrets: [TOKEN, text]
    variables: [LANG]
outputs:
  sorted: sort
"""


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("4 GB", 4 * 10**9),
        ("4GB", 4 * 10**9),
        ("1.5 GiB", 3 * 2**29),
        ("512 MiB", 2**29),
        ("800 kb", 800_000),
        (1000, 1000),
        ("2 GB 5 MB", 2_005_000_000),
        (2.5e9, 2_500_000_000),
    ],
)
def test_sizes_are_read_as_people_write_them(text: Any, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10 min", 600),
        ("1 h 30 min", 5400),
        ("90s", 90),
        ("1.5 h", 5400),
        ("250 ms", 0.25),
        ("2 d", 172800),
        (0.5, 0.5),
        ("30", 30),
    ],
)
def test_spans_are_read_as_people_write_them(text: Any, seconds: float) -> None:
    assert span(text) == seconds


@pytest.mark.parametrize(
    "wrong", ["", "GB", "4 XB", "-1 GB", 0, -3, True, None, [], "1e400", "9" * 80]
)
def test_what_is_no_amount_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="such as"):
        size(wrong)
    with pytest.raises(ValueError, match="such as"):
        span(wrong if wrong != "4 XB" else "4 fortnights")


@given(st.integers(1, 10**15))
def test_a_size_is_read_back_from_what_is_written(count: int) -> None:
    assert size(size_text(count)) == count


@given(st.floats(1e-3, 1e8) | st.integers(1, 10**8))
def test_a_span_is_read_back_from_what_is_written(seconds: float) -> None:
    assert span(span_text(float(seconds))) == seconds


@given(cares)
def test_care_is_read_back_from_its_document(care: Care) -> None:
    assert care_of(care_to_document(care)) == (care, [])
    assert list(care_mistakes(care, care.secrets)) == []


def test_a_document_says_everything_in_one_form() -> None:
    made = workflow_from_text(DOCUMENT)
    care = made["sort"].care
    assert care.needs == Needs(2.0, 4 * 10**9, 0.5, 600.0)
    assert (care.retries, care.retry) == (3, ("memory", "error"))
    assert (care.cache, care.fresh) == (False, True)
    assert (care.before, care.after) == (("echo", "begin"), ("echo", "end"))
    assert (care.secrets, care.environment) == (("TOKEN", "text"), ("LANG",))
    written = workflow_to_text(made)
    assert 'cpus: 2\n      memory: "4 GB"\n      gpus: 0.5\n      time: "10 min"\n' in written
    assert workflow_from_text(written) == made


def test_a_task_that_says_nothing_is_written_with_nothing() -> None:
    assert care_to_document(PLAIN) == {}


def test_the_time_out_of_a_command_is_its_time() -> None:
    made = workflow_from_text(
        "lamina: workflow/1\nname: old\ntasks: {a: {do: command, argv: [ls], timeout: 90}}\n"
    )
    assert made["a"].care.needs.time == 90
    assert 'time: "90 s"' in workflow_to_text(made) and "timeout" not in workflow_to_text(made)
    assert command(["ls"], timeout=5).care == command(["ls"], time="5 s").care


def test_all_mistakes_of_a_document_are_said_with_a_way_out() -> None:
    with pytest.raises(DocumentError) as caught:
        workflow_from_text("""\
lamina: workflow/1
name: careless
tasks:
  a: {do: join, with: {parts: []}, needs: {cpus: -1, memory: much, tim: 3}}
  b: {do: join, with: {parts: []}, retry: [memory, loss], retries: -1, cache: 3}
  c: {do: join, with: {parts: []}, needs: {memory: 4 ZB, gpus: 1.5}, secrets: ["a b"]}
  d: {do: command, argv: [ls], timeout: 3, needs: {time: 4}}
  e: {do: join, with: {parts: []}, before: echo, variables: ["1"], secrets: [no-port]}
""")
    text = str(caught.value)
    for said in (
        "line 4: task 'a': needs.cpus: needs a number of cores, 0 or more; it is -1",
        "line 4: task 'a': needs: unknown key 'tim'; did you mean 'time'?",
        "line 5: task 'b': retry.1: needs one of memory, time, lost, error; it is 'loss'",
        "line 5: task 'b': retries: needs a number of further attempts, from 0 to 1000; it is -1",
        "line 5: task 'b': cache: needs true or false; it is 3",
        "line 6: task 'c': needs: memory: '4 ZB' is not a size such as 4 GB",
        "line 6: task 'c': needs: gpus: 1.5 is not a number of devices: whole, or a share below 1",
        "line 6: task 'c': secrets: ['a b'] is not a list of names",
        "line 7: task 'd': timeout and needs: time say the same thing; keep needs: time",
        "line 8: task 'e': before: needs a list of a program and its arguments; it is 'echo'",
    ):
        assert said in text, (said, text)


def test_a_workflow_refuses_care_that_was_made_by_hand() -> None:
    care = Care(Needs(cpus=-1.0), retry=("loss",), secrets=("no-port",))
    made = Task("a", PythonAction("f.py:f"), (), (Port("y"),), care=care)
    with pytest.raises(WorkflowError) as caught:
        Workflow("w", (), (), (made,))
    assert "task 'a': needs: cpus: -1.0 is not a number of cores" in str(caught.value)
    assert "unknown 'loss': choose from memory, time, lost, error" in str(caught.value)
    assert "secrets: 'no-port' is neither a port nor the name of" in str(caught.value)


def test_keywords_in_python_say_the_same_as_the_document() -> None:
    with workflow("careful") as w:
        sort = command(
            ["sort", "{text}"],
            stdout="sorted",
            environment={"LC_ALL": "C"},
            cpus=2,
            memory="4 GB",
            gpus=0.5,
            time="10 min",
            retries=3,
            retry=["memory", "error"],
            cache=False,
            fresh=True,
            before=["echo", "begin"],
            after=["echo", "end"],
            secrets=["TOKEN", "text"],
            variables=["LANG"],
        )
        w.output("sorted", sort(w.input("text", "file")))
    assert w.workflow == workflow_from_text(DOCUMENT)


@task(cpus=2, memory="1 GiB", retries=0)
def heavy(x: int) -> int:
    return 2 * x


def test_a_decorated_function_stays_a_function() -> None:
    assert heavy(3) == 6
    assert heavy.care.needs == Needs(2.0, 2**30)


def test_any_step_can_be_given_needs_later() -> None:
    step = heavy.needing(time=60, cache=False)
    assert step.care == Care(Needs(2.0, 2**30, 0.0, 60.0), retries=0, cache=False)
    assert heavy.care.cache
    with workflow("w") as w:
        w.output("y", named("join").needing(gpus=1).named("glue")([step.map([1, 2])]))
        w.output("z", step.needing(cpus=1)(4))
    assert w.workflow["heavy"].care == step.care
    assert w.workflow["glue"].care.needs.gpus == 1
    assert w.workflow["heavy_2"].care.needs.cpus == 1


def test_mistakes_in_python_come_all_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        named("join", cpu=2, memory="much", retry=["loss"])  # type: ignore[call-arg]
    text = str(caught.value)
    assert "unknown 'cpu'; did you mean 'cpus'?" in text
    assert "memory: 'much' is not a size such as 4 GB" in text
    assert "unknown 'loss'" in text


def test_needs_are_told_in_a_few_words() -> None:
    assert needs_told(Needs()) == ""
    assert needs_told(Needs(2, 4 * 10**9, 1, 600)) == "2 cpus, 4 GB, 1 gpu, 10 min"
    assert needs_told(Needs(0.5, None, 2, None)) == "0.5 cpus, 2 gpus"
