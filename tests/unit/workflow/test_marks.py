"""Line numbers of the parts of a document."""

from __future__ import annotations

from lamina.workflow.marks import line_at, lines_of, named_spot, where

TEXT = """\
a: 1
b:
  - x
  - {c: 2,
     d: [3]}
e: {f: 4}
"""


def test_every_key_and_item_has_its_line() -> None:
    assert lines_of(TEXT) == {
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "c"): 4,
        ("b", 1, "d"): 5,
        ("b", 1, "d", 0): 5,
        ("e",): 6,
        ("e", "f"): 6,
    }


def test_json_has_lines_too() -> None:
    assert lines_of('{\n  "a": {\n    "b": 1\n  }\n}')[("a", "b")] == 3


def test_text_that_is_no_yaml_has_no_lines() -> None:
    assert lines_of("a: [") == {}


def test_a_part_without_a_line_takes_that_of_the_part_around() -> None:
    lines = lines_of(TEXT)
    assert line_at(lines, ("b", 1, "z", 0)) == 4
    assert line_at(lines, ("z",)) == 0


def test_a_mistake_belongs_to_the_part_that_it_names() -> None:
    assert named_spot("task 'sort': port 'x' ...") == ("tasks", "sort")
    assert named_spot("workflow output 'o' has no source") == ("outputs", "o")
    assert named_spot("the tasks a -> b form a cycle") == ()


def test_a_path_in_words() -> None:
    assert where(("tasks", "sort", "argv", 2)) == "task 'sort': argv.2"
    assert where(("inputs", "n")) == "workflow input 'n'"
    assert where(("layout",)) == "layout"
    assert where(()) == ""
