"""Values made quickly are those that the class makes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from lamina.records.filling import filler
from lamina.traces.trace import Attempt

made = filler(Attempt)


def test_a_value_is_equal_to_that_of_the_constructor() -> None:
    told = ("grind", 1, "succeeded", 1.0, 2.0, 3.0)
    quick = made(*told, host="worker-1")
    assert type(quick) is Attempt
    assert quick == Attempt(*told, host="worker-1")
    assert replace(quick, number=2).number == 2
    assert quick.type == "grind"


def test_a_value_is_frozen_and_shares_no_default() -> None:
    one, two = made("a", 1, "lost", 0.0, 0.0, 0.0), made("b", 1, "lost", 0.0, 0.0, 0.0)
    assert one.usage is not two.usage
    with pytest.raises(FrozenInstanceError):
        one.number = 2  # type: ignore[misc]


def test_a_field_that_is_missing_is_told() -> None:
    with pytest.raises(TypeError, match="missing"):
        made("grind", 1)  # type: ignore[call-arg]
