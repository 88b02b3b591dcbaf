"""What is obvious obeys the schema: the quick look is never more generous than the schema."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lamina.testing.workflow_strategies import workflows
from lamina.workflow import Workflow
from lamina.workflow.document import workflow_to_document
from lamina.workflow.obvious import is_obvious
from lamina.workflow.reading import file_text, parse_text
from lamina.workflow.schema import workflow_schema

EXAMPLES = Path(__file__).parents[3] / "examples"
VALIDATOR = Draft202012Validator(workflow_schema())
PLAIN: dict[str, Any] = {
    "lamina": "workflow/1",
    "name": "w",
    "inputs": {"n": "int", "m": {"type": "int", "default": 3, "optional": True}},
    "tasks": {
        "a": {"do": "python", "function": "f.py:f", "in": {"x": "n", "y": ["n", "m"]}},
        "b": {"do": "split", "in": {"items": "a"}, "with": {"parts": 3}},
        "c": {"do": "command", "argv": ["sort", "{x}"], "stdout": "y", "scatter": ["x"]},
    },
    "outputs": {"y": "a.result", "z": {"from": ["a", "b"], "type": "any"}},
}
_WRONG = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(""), st.just("a b"), st.just("a\n"),
    st.just([]), st.just({}), st.just([1]), st.just({"x": 1}), st.just(["a", "a"]), st.text(),
)  # fmt: skip


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All places in a document."""
    if not isinstance(value, (dict, list)):
        return [path]
    inner: Iterable[tuple[Any, Any]] = (
        value.items() if isinstance(value, dict) else enumerate(value)
    )
    return [path, *(spot for key, item in inner for spot in spots(item, (*path, key)))]


@settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(spots(PLAIN)), _WRONG, st.sampled_from(["value", "key", "gone", "more"]))
def test_a_change_that_breaks_the_schema_is_never_obvious(
    spot: tuple[Any, ...], wrong: Any, how: str
) -> None:
    assume(spot)
    document = copy.deepcopy(PLAIN)
    holder: Any = document
    for step in spot[:-1]:
        holder = holder[step]
    if how == "value":
        holder[spot[-1]] = wrong
    elif how == "gone":
        del holder[spot[-1]]
    elif isinstance(holder, dict):
        value = holder[spot[-1]] if how == "more" else holder.pop(spot[-1])
        holder[wrong if isinstance(wrong, (str, int)) else "key"] = value

    if is_obvious(document):
        assert VALIDATOR.is_valid(document)


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(workflows())
def test_what_is_written_and_obvious_obeys_the_schema(made: Workflow) -> None:
    document = workflow_to_document(made)

    assert not is_obvious(document) or VALIDATOR.is_valid(document)


def test_common_documents_are_obvious() -> None:
    assert is_obvious(PLAIN)
    for name in ("word-count", "scatter-mean", "train-and-predict", "ensemble"):
        assert is_obvious(parse_text(file_text(EXAMPLES / f"{name}.yaml"))), name


def test_a_document_with_more_to_say_is_left_to_the_schema() -> None:
    for kind in ("workflow", "loop", "choose"):
        assert not is_obvious({**PLAIN, "tasks": {"a": {"do": kind}}})
    assert not is_obvious({**PLAIN, "layout": {}})
