"""Plain documents: what is read, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import DocumentError
from lamina.workflow.reading import file_text, parse_text, yaml_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = (
    TEXTS
    | st.integers()
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.none()
    | st.sampled_from(["no", "1e-3", "~", "null", "-", "a: b", "# x", "0x1", ".inf", "2020-01-01"])
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)


@settings(deadline=None, max_examples=200)
@given(DOCUMENTS, st.integers(0, 5))
def test_yaml_text_comes_back_as_it_was(document: object, flow_below: int) -> None:
    assert parse_text(yaml_text(document, flow_below)) == document


@settings(deadline=None, max_examples=100)
@given(DOCUMENTS)
def test_json_text_reads_the_same(document: object) -> None:
    assert parse_text(json.dumps({"d": document})) == {"d": document}


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=60) | st.text(alphabet="[]{}:-,#&*!|>'\" \n\tab1?%@", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_text(text)
    except DocumentError as error:
        assert error.mistakes


def test_numbers_are_read_as_yaml_1_2_reads_them() -> None:
    text = "a: 1e-3\nb: no\nc: 2020-01-01\nd: [1, .5, 0x1f, null, true, '1', 1:30]"
    assert parse_text(text) == {
        "a": 0.001,
        "b": "no",
        "c": "2020-01-01",
        "d": [1, 0.5, 31, None, True, "1", "1:30"],
    }


def test_other_readers_of_yaml_read_our_text_alike() -> None:
    document = {"eps": 1e-05, "on": "yes", "text": "1.5", "n": [None, True, -3]}
    assert yaml.safe_load(yaml_text(document)) == document


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "line 2, column 1: the key 'a' stands twice"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: *x", "aliases"),
        ("a: !!python/object:os.system x", "tag"),
        ("- a\n---\n- b", "2 documents"),
        ("? [a]\n: 1", "a key is text"),
        ("a: b: c", "line 1, column 5"),
        ("[" * 100_000, "100 levels"),
        ("- " * 20_000 + "a", "100 levels"),
        ("a: '", "end of stream"),
        ("\x00", "control characters"),
    ],
)
def test_what_is_not_plain_is_refused(text: str, problem: str) -> None:
    with pytest.raises(DocumentError, match="1 mistake") as caught:
        parse_text(text, "n.yaml")
    assert problem in str(caught.value)
    assert str(caught.value).startswith("n.yaml")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(DocumentError, match=r"absent\.yaml(.|\n)*No such file"):
        file_text(tmp_path / "absent.yaml")
    with pytest.raises(DocumentError, match="not text in UTF-8"):
        file_text(tmp_path / "latin.yaml")
    with pytest.raises(DocumentError, match="directory"):
        file_text(tmp_path)


def test_devices_and_pipes_are_not_read_for_they_may_never_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(DocumentError, match="a device or a pipe, not a file"):
            file_text(path)
    (tmp_path / "link.yaml").symlink_to("/dev/zero")
    with pytest.raises(DocumentError, match="a device or a pipe, not a file"):
        file_text(tmp_path / "link.yaml")


def test_a_pipe_of_the_shell_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"name: x\n")
    os.close(writing)
    assert file_text(f"/dev/fd/{reading}") == "name: x\n"
    os.close(reading)


def test_no_more_of_a_large_file_is_read_than_a_document_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamina.workflow.reading.LARGEST", 10)
    (tmp_path / "large.yaml").write_text("name: " + "x" * 5)
    with pytest.raises(DocumentError, match="is larger than"):
        file_text(tmp_path / "large.yaml")
    (tmp_path / "large.yaml").write_text("name: " + "x" * 4)
    assert file_text(tmp_path / "large.yaml") == "name: xxxx"
