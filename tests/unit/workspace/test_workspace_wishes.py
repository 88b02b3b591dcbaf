"""What a run is asked for: sizes and devices as people say them, and all mistakes at once."""

from __future__ import annotations

from typing import Any

import pytest

from lamina.errors import SettingsError, UsageError
from lamina.workspace.wishes import Wish, devices


def test_amounts_are_said_as_people_say_them() -> None:
    wish = Wish(memory="1.5 GB", gpus=2)
    assert (wish.bytes, wish.gpus) == (1_500_000_000, "2")
    assert Wish().bytes is None


def test_all_that_makes_no_sense_is_told_at_once() -> None:
    given: dict[str, Any] = {"cpus": -1, "memory": "much", "gpus": "some", "retries": -2}
    with pytest.raises(SettingsError) as caught:
        Wish(**given)
    assert [one.partition(" is ")[0] for one in caught.value.mistakes] == [
        "cpus", "retries", "memory", "gpus",
    ]  # fmt: skip
    assert "memory is 'much'; give a size such as 4 GB" in str(caught.value)


@pytest.mark.parametrize("told", ["-1", "a,b", "0,x", "1.5", ["0"], True, None])
def test_what_is_no_device_is_refused(told: Any) -> None:
    with pytest.raises(SettingsError, match=r"gpus is .*; give 2 for two of them"):
        Wish(gpus=told)


def test_devices_are_counted_named_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMINA_GPUS", "0,1,4")
    assert devices("") is None
    assert devices("none") == devices("0") == ()
    assert devices("2") == ("0", "1")
    assert devices("4, 1,4") == ("4", "1")
    assert devices("GPU-8932f937-d72c,0") == ("GPU-8932f937-d72c", "0")
    with pytest.raises(UsageError, match="7 GPUs were asked for, and this machine has 3"):
        devices("7")
    with pytest.raises(UsageError, match="there is no GPU 2, 3; this machine has 0, 1, 4"):
        devices("0,2,3")


def test_a_driver_that_lists_no_device_does_not_hinder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMINA_GPUS", "none")
    assert devices("0,3") == ("0", "3")
