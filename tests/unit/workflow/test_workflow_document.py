"""Workflow documents: nothing is lost on the way, and every mistake is named at once."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamina.errors import DocumentError
from lamina.testing.workflow_strategies import plain_values, workflows
from lamina.workflow import Port, Workflow, command, named, task, workflow
from lamina.workflow.document import (
    read_workflow,
    workflow_from_document,
    workflow_from_text,
    workflow_to_document,
    workflow_to_text,
    write_workflow,
)
from lamina.workflow.sent import without_functions
from lamina.workflow.types import port_type

ENSEMBLE = """\
lamina: workflow/1
name: ensemble-vote
inputs: {data: table, first: model, second: model}
tasks:
  predict_1: {do: predict, in: {model: first, table: data}}
  predict_2: {do: predict, in: {model: second, table: data}}
  vote: {do: vote, in: {tables: [predict_1.predictions, predict_2]}}
outputs: {votes: vote.result}
layout: {vote: [10, 20.5]}
"""

SETTINGS = settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))


def mistakes(text: str, folder: Path | None = None) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        workflow_from_text(text, folder)
    return list(caught.value.mistakes)


def document(**changes: Any) -> dict[str, Any]:
    given = workflow_to_document(workflow_from_text(ENSEMBLE))
    return {key: value for key, value in {**given, **changes}.items() if value is not None}


def refused(given: Any) -> str:
    with pytest.raises(DocumentError) as caught:
        workflow_from_document(given)
    return str(caught.value)


@SETTINGS
@given(workflows())
def test_no_workflow_loses_anything_in_yaml(made: Workflow) -> None:
    assert workflow_from_text(workflow_to_text(made)) == made


@SETTINGS
@given(workflows())
def test_no_workflow_loses_anything_in_json(made: Workflow) -> None:
    assert workflow_from_text(workflow_to_text(made, "json")) == made


@SETTINGS
@given(workflows())
def test_writing_again_gives_the_same_text(made: Workflow) -> None:
    text = workflow_to_text(made)
    assert workflow_to_text(workflow_from_text(text)) == text


@SETTINGS
@given(st.data())
def test_a_changed_document_is_a_workflow_or_one_error_of_ours(data: st.DataObject) -> None:
    made = copy.deepcopy(workflow_to_document(data.draw(workflows())))
    for _ in range(data.draw(st.integers(1, 3))):
        change(made, data)
    try:
        assert workflow_from_document(made).name == made["name"]
    except DocumentError as error:
        assert error.mistakes
        assert error.way_out


def change(made: Any, data: st.DataObject) -> None:
    """Deletes, replaces or renames something somewhere in a document."""
    while isinstance(made, (dict, list)) and made:
        keys = list(made) if isinstance(made, dict) else list(range(len(made)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(made[key], (dict, list)) and made[key] and data.draw(st.booleans()):
            made = made[key]
            continue
        way = data.draw(st.sampled_from(["delete", "replace", "rename"]))
        value = made.pop(key)
        if way == "replace" and isinstance(made, list):
            made.insert(int(key), data.draw(plain_values))
        elif way == "replace":
            made[key] = data.draw(plain_values)
        elif way == "rename" and isinstance(made, dict):
            made[data.draw(st.text(max_size=4))] = value
        return


@SETTINGS
@given(st.data())
def test_a_garbled_text_is_a_workflow_or_one_error_of_ours(data: st.DataObject) -> None:
    text = ENSEMBLE
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 5))
        text = (
            text[:start]
            + data.draw(st.text("[]{}:,-#&*!|>'\"%@` \n\tab1.~", max_size=4))
            + text[end:]
        )
    try:
        workflow_from_text(text)
    except DocumentError as error:
        assert error.mistakes
        assert error.way_out


def test_the_natural_form_is_read() -> None:
    made = workflow_from_text(ENSEMBLE)
    assert made.order == ("predict_1", "predict_2", "vote")
    assert made.output("votes") == Port("votes", "table")
    assert [(e.source, e.target, e.position) for e in made.incoming["vote"]] == [
        ("predict_1.predictions", "vote.tables", 0),
        ("predict_2.predictions", "vote.tables", 1),
    ]
    assert made.layout == {"vote": (10.0, 20.5)}


def test_yaml_and_json_say_the_same() -> None:
    made = workflow_from_text(ENSEMBLE)
    assert workflow_from_text(json.dumps(workflow_to_document(made))) == made


def test_a_small_change_is_a_small_difference() -> None:
    made = document()
    before = workflow_to_text(workflow_from_document(made)).splitlines()
    made["tasks"]["predict_1"]["in"]["model"] = "second"
    after = workflow_to_text(workflow_from_document(made)).splitlines()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_a_file_is_read_back_in_either_form(tmp_path: Path) -> None:
    made = workflow_from_text(ENSEMBLE)
    for name in ("w.yaml", "w.json"):
        assert read_workflow(write_workflow(made, tmp_path / name)) == made
    assert json.loads((tmp_path / "w.json").read_text())["name"] == "ensemble-vote"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.json", "w.yaml"]


def test_all_mistakes_are_named_at_once_with_their_lines() -> None:
    found = mistakes(
        "lamina: workflow/1\n"
        "name: x\n"
        "inputs: {a: tabel}\n"
        "tasks:\n"
        "  p: {do: predikt, in: {table: a}}\n"
        "  q:\n"
        "    do: split\n"
        "    scater: [items]\n"
        "outputs: 3\n"
    )
    assert [line.partition(";")[0] for line in found] == [
        "line 3: workflow input 'a': port 'a': unknown type 'tabel'",
        "line 5: task 'p': unknown task 'predikt'",
        "line 8: task 'q': unknown key 'scater'",
        "line 9: outputs: needs a mapping of output names to references",
    ]
    assert "did you mean 'table'?" in found[0]
    assert "did you mean 'predict'?" in found[1]
    assert "did you mean 'scatter'?" in found[2]


def test_a_part_that_cannot_be_read_does_not_hide_mistakes_elsewhere() -> None:
    found = mistakes(
        "lamina: workflow/1\n"
        "name: x\n"
        "inputs: {a: tabel, b: {typ: 3}}\n"
        "tasks:\n"
        "  p: {do: predikt, in: {table: nothing}}\n"
        "  q: {do: split, in: {items: p.x}, with: {parts: two}}\n"
        "  r: {do: split, scater: [items]}\n"
        "  s: {do: 3}\n"
        "  t: {do: join, in: {parts: [a, b, p, p.y, s, s.z, q.result, r]}}\n"
        "  u: {do: join, in: {parts: q.rest}}\n"
    )
    assert [line.partition(";")[0] for line in found] == [
        "line 3: workflow input 'b': unknown key 'typ'",
        "line 3: workflow input 'a': port 'a': unknown type 'tabel'",
        "line 5: task 'p': unknown task 'predikt'",
        "line 5: task 'p': port 'table' reads 'nothing', which is no workflow input",
        "line 6: task 'q': port 'parts' needs int",
        "line 7: task 'r': unknown key 'scater'",
        "line 8: task 's': do: needs python, command, workflow, loop, choose, or the name of a "
        "task such as predict",
        "line 10: task 'u': port 'parts' reads 'q.rest', and task 'q' has no output port 'rest'",
    ]


def test_mistakes_of_the_graph_have_their_line_too() -> None:
    found = mistakes(ENSEMBLE.replace("table: data}}\n  predict_2", "table: dat}}\n  predict_2"))
    assert found == [
        "line 5: task 'predict_1': port 'table' reads 'dat', which is no workflow input; "
        "did you mean 'data'? inputs and tasks: data, first, predict_1, predict_2, second, vote"
    ]


def test_an_unknown_key_does_not_hide_mistakes_of_the_graph() -> None:
    text = ENSEMBLE.replace("layout:", "layuot:").replace("model: first", "model: data")
    found = mistakes(text)
    assert len(found) == 2
    assert "unknown key 'layuot'; did you mean 'layout'?" in found[1]
    assert "needs model; it gets table from data" in found[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lamina: workflow/2", "version 2; this Lamina reads version 1"),
        ("lamina: workflow/99999999999", "upgrade Lamina"),
        ("lamina: network/1", "'lamina: network/1', where a workflow document says"),
        ("lamina: 1", "where a workflow document says 'lamina: workflow/1'"),
        ("version: 1", "begins with the line 'lamina: workflow/1'"),
    ],
)
def test_another_version_or_kind_is_refused_politely(line: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        workflow_from_text(ENSEMBLE.replace("lamina: workflow/1", line))
    assert said in str(caught.value)
    assert len(caught.value.mistakes) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("- 1\n", "is no workflow document"),
        ("just text", "is no workflow document"),
        ("a: &x [1]\nb: *x\n", "anchors (&name) are not read"),
        ("a: !!python/object/apply:os.system ['echo']\n", "the tag"),
        ("a: 1\na: 2\n", "the key 'a' stands twice"),
        ("a:\n\t- 1\n", "line 2"),
        ("[" * 5000, "nested more than 100 levels"),
        ("a: 1\n---\nb: 2\n", "holds 2 documents"),
        (ENSEMBLE.replace("20.5", ".nan"), "is NaN, infinite"),
        (ENSEMBLE.replace("name: ensemble-vote", "name: no!"), "needs a name of letters"),
        (ENSEMBLE.replace("vote: {do", "2vote: {do"), "'2vote' is not allowed here"),
        (ENSEMBLE.replace("do: vote", "do: 3"), "do: needs python, command, workflow, loop"),
        (ENSEMBLE.replace("[10, 20.5]", "[10]"), "needs a place [x, y]"),
        (ENSEMBLE.replace("model: first", "model: [first, 3]"), "needs the name of a workflow"),
        (ENSEMBLE.replace("[predict_1.predictions, predict_2]", "[]"), "it is an empty list"),
        (ENSEMBLE.replace("votes: vote.result", "votes: {type: int}"), "'from' is missing"),
        (ENSEMBLE.replace("do: vote", "do: workflow"), "needs either file or workflow"),
        (ENSEMBLE.replace("do: vote", "do: python"), "the key 'function' is missing"),
        (ENSEMBLE.replace("do: vote", "do: command, argv: []"), "needs a list of a program"),
    ],
)
def test_what_is_no_workflow_gets_one_clear_error(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        workflow_from_text(text)
    assert said in str(caught.value)
    assert caught.value.way_out


def test_a_default_of_another_type_is_named() -> None:
    text = ENSEMBLE.replace("data: table", "data: {type: int, default: x}")
    assert any("is int; its default gets str 'x'" in mistake for mistake in mistakes(text))


def test_a_task_with_several_outputs_asks_for_a_port() -> None:
    given = document()
    given["tasks"]["vote"]["gives"] = {"a": "table", "b": "table"}
    given["outputs"] = {"votes": "vote"}
    assert "which is a task; name one of its output ports: vote.a, vote.b" in refused(given)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for path, said in (
        (tmp_path / "none.yaml", "No such file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "bytes.yaml", "is not text in UTF-8"),
        (Path("a\0b"), "is no path"),
    ):
        with pytest.raises(DocumentError, match=said):
            read_workflow(path)


def inner_file(folder: Path, text: str = ENSEMBLE) -> str:
    (folder / "inner.yaml").write_text(text)
    return (
        "lamina: workflow/1\nname: outer\ninputs: {data: table, m: model}\ntasks:\n"
        "  part:\n    do: workflow\n    file: inner.yaml\n"
        "    in: {data: data, first: m, second: m}\noutputs: {votes: part.votes}\n"
    )


def test_a_workflow_in_a_file_beside_the_document_is_a_task(tmp_path: Path) -> None:
    made = workflow_from_text(inner_file(tmp_path), tmp_path)
    assert [port.name for port in made["part"].inputs] == ["data", "first", "second"]
    assert workflow_to_document(made)["tasks"]["part"]["file"] == "inner.yaml"
    assert workflow_from_text(workflow_to_text(made), tmp_path) == made


def test_mistakes_in_a_workflow_beside_the_document_are_told_through_it(tmp_path: Path) -> None:
    text = inner_file(tmp_path, ENSEMBLE.replace("do: vote", "do: vot"))
    assert mistakes(text, tmp_path)[0].startswith(
        "line 5: task 'part': inner.yaml: line 7: task 'vote': unknown task 'vot'"
    )


def test_a_workflow_that_contains_itself_is_refused(tmp_path: Path) -> None:
    outer = inner_file(tmp_path)
    (tmp_path / "inner.yaml").write_text(outer)
    with pytest.raises(DocumentError, match="cannot contain itself"):
        read_workflow(tmp_path / "inner.yaml")


def test_a_document_without_a_folder_cannot_name_a_file(tmp_path: Path) -> None:
    assert "a document that is no file cannot name another" in mistakes(inner_file(tmp_path))[0]


def test_reading_a_document_runs_nothing_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        "raise SystemExit('was run')\ndef f(x: int) -> float: return x\n"
    )
    made = workflow_from_text(
        "lamina: workflow/1\nname: x\ntasks:\n"
        "  f: {do: python, function: code.py:f, with: {x: 1}}\noutputs: {y: f}\n",
        tmp_path,
    )
    assert made.output("y") == Port("y", "float")


def test_values_that_no_document_can_keep_are_all_named() -> None:
    def local(x: object, y: float) -> int:
        return 1

    with workflow("w") as w:
        w.output("a", task(local)(object(), float("nan")))
    with pytest.raises(DocumentError) as caught:
        workflow_to_text(w.workflow)
    said = str(caught.value)
    assert len(caught.value.mistakes) == 3
    assert "parameter 'x': a document cannot keep the value (object)" in said
    assert "parameter 'y': a document cannot keep the value (nan)" in said
    assert "exists only in this process" in said


def test_writing_where_nothing_can_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be written"):
        write_workflow(workflow_from_text(ENSEMBLE), tmp_path / "none" / "w.yaml")


def test_commands_and_inline_workflows_are_kept() -> None:
    sort = command(["sort", "{text}"], stdout="sorted", time=3, environment={"LC_ALL": "C"})
    with workflow("inner") as inner:
        inner.output("sorted", sort(inner.input("text", "file")))
    with workflow("outer", "of two") as outer:
        outer.output("sorted", task(inner.workflow)(outer.input("text", "file")))
    made = outer.workflow
    assert workflow_from_text(workflow_to_text(made)) == made
    entry = workflow_to_document(made)["tasks"]["inner"]["workflow"]["tasks"]["sort"]
    assert entry["environment"] == {"LC_ALL": "C"}
    assert "takes" not in entry


def test_the_name_of_a_lone_output_may_be_left_out() -> None:
    with workflow("w") as w:
        w.output("parts", named("split")(items=[1, 2], parts=2))
    text = workflow_to_text(w.workflow).replace("split.result", "split")
    assert workflow_from_text(text) == w.workflow


def test_text_that_is_no_unicode_is_refused() -> None:
    with workflow("w", "\ud800") as w:
        w.output("y", named("split")(items=["\udfff"], parts=1))
    with pytest.raises(DocumentError) as caught:
        workflow_to_text(w.workflow)
    assert len(caught.value.mistakes) == 2
    text = '{"lamina": "workflow/1", "name": "w", "description": "\\ud800", "tasks": {}}'
    assert "no plain data" in mistakes(text)[0]


def test_a_value_for_a_place_in_a_command_is_told_how_to_be_declared() -> None:
    text = """\
lamina: workflow/1
name: places
inputs: {words: "list[str]"}
tasks:
  say: {do: command, argv: [echo, "{words}"], stdout: said, in: {words: words}}
outputs: {said: say}
"""
    with pytest.raises(DocumentError, match=r'declare takes: \{words: "list\[str\]"\}'):
        workflow_from_text(text)
    mended = text.replace("do: command", 'do: command, takes: {words: "list[str]"}')
    assert workflow_from_text(mended)["say"].input("words").type == port_type("list[str]")


@pytest.mark.parametrize("key", ["1", "2.5", "null", "true"])
@pytest.mark.parametrize("part", ["inputs", "tasks", "outputs", "layout"])
def test_a_name_that_yaml_reads_as_something_else_is_asked_for_in_quotes(
    part: str, key: str
) -> None:
    text = workflow_to_text(workflow_from_text(ENSEMBLE))
    bare = [line for line in text.splitlines() if not line.startswith("layout")]
    if f"{part}:" in bare:
        bare.insert(bare.index(f"{part}:") + 1, f"  {key}: any")
    else:
        bare += [f"{part}:", f"  {key}: any"]
    assert any("put it in quotes" in said for said in mistakes("\n".join(bare)))


def test_tasks_with_the_same_function_share_what_is_known_of_it(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("def f(x: int) -> int:\n    return x\n")
    entries = {f"t{n}": {"do": "python", "function": "f.py:f", "with": {"x": n}} for n in range(3)}
    made = workflow_from_document(
        {"lamina": "workflow/1", "name": "w", "tasks": entries, "outputs": {}}, tmp_path
    )
    one, *others = made.tasks
    assert all(other.action is one.action for other in others)
    assert all(other.inputs is one.inputs for other in others)
    assert without_functions(made)[0] is made
