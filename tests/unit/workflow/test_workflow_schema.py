"""The published JSON Schema: sound, shipped, and in step with what is read."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from lamina.testing.workflow_strategies import workflows
from lamina.workflow import Workflow
from lamina.workflow.document import read_workflow, workflow_to_document
from lamina.workflow.reading import file_text, parse_text
from lamina.workflow.schema import breaches, workflow_schema

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_schema_obeys_its_own_standard() -> None:
    Draft202012Validator.check_schema(workflow_schema())
    assert workflow_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(workflows())
def test_whatever_is_written_obeys_the_schema(made: Workflow) -> None:
    document = workflow_to_document(made)
    assert Draft202012Validator(workflow_schema()).is_valid(document)
    assert breaches(document) == []


def test_the_examples_obey_the_schema() -> None:
    for name in ("word-count", "scatter-mean", "command-pipeline"):
        path = EXAMPLES / f"{name}.yaml"
        assert breaches(parse_text(file_text(path))) == []
        assert read_workflow(path).name == name


def test_a_breach_is_placed_and_worded() -> None:
    (breach,) = breaches({"lamina": "workflow/1", "name": "w", "tasks": {"a": {"do": []}}})
    assert breach.spot == ("tasks", "a", "do")
    assert breach.sentence.startswith("needs python, command, workflow, loop")


def test_the_library_and_the_quick_form_of_the_schema_agree_on_breaches() -> None:
    plain = Draft202012Validator(workflow_schema())
    for wrong in (
        {},
        {"lamina": "workflow/1", "name": "w", "tasks": {"a": {"do": "workflow"}}},
        {"lamina": "workflow/1", "name": "w", "tasks": {"1": {"do": "x"}}, "extra": 1},
        {"lamina": "workflow/1", "name": "w", "tasks": {"a": {"do": "workflow", "workflow": {}}}},
    ):
        expected = {tuple(error.absolute_path) for error in plain.iter_errors(wrong)}
        assert {breach.part for breach in breaches(wrong)} == expected
        assert expected
