"""Events: their words, and the way to JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from lamina.testing.events import events
from lamina.workflow.log import KINDS, AttemptEnded, Event, body_of, event_of, word_of


@given(events())
def test_an_event_comes_back_from_json_as_it_was(event: Event) -> None:
    text = json.dumps(body_of(event))
    assert event_of(word_of(event), event.time, json.loads(text)) == event


def test_every_kind_of_event_has_a_word_of_its_own() -> None:
    words = {word_of(kind.__new__(kind)) for kind in KINDS}
    assert len(words) == len(KINDS) == 10


def test_what_is_empty_is_left_out_of_a_body() -> None:
    assert body_of(AttemptEnded(1.0, "sort", 1, "lost")) == {
        "task": "sort",
        "attempt": 1,
        "status": "lost",
    }


def test_keys_of_later_versions_are_passed_over() -> None:
    body = {"task": "sort", "attempt": 1, "status": "lost", "colour": "red"}
    assert event_of("attempt-ended", 1.0, body) == AttemptEnded(1.0, "sort", 1, "lost")


def test_a_word_of_a_later_version_is_unknown() -> None:
    with pytest.raises(KeyError):
        event_of("attempt-dreamt", 1.0, {})
