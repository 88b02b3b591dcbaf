"""What a session ran on, and what runs are called."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lamina.records.environment import digest_of, environment, packages
from lamina.records.names import QUALITIES, THINGS, name_of, new_id


def test_the_environment_is_plain_and_names_every_package() -> None:
    found = environment()
    assert json.loads(json.dumps(found)) == found
    assert found["packages"]["numpy"] == version("numpy")
    assert found["packages"]["pytest-timeout"] == version("pytest-timeout")
    assert found["cores"] >= 1
    assert found["memory"] > 2**28
    assert found["cpu"]


def test_the_environment_is_read_in_no_time() -> None:
    spent = []
    for _ in range(3):
        environment.cache_clear()
        began = time.process_time()
        environment()
        spent.append(time.process_time() - began)
    assert min(spent) < 0.05


def test_the_first_place_of_a_package_counts(tmp_path: Path) -> None:
    for place, name in (("a", "numpy-1.0.dist-info"), ("b", "numpy-2.0.dist-info")):
        (tmp_path / place / name).mkdir(parents=True)
    (tmp_path / "b" / "Old_Thing-0.3-py3.11.egg-info").touch()
    found = packages([str(tmp_path / "none"), str(tmp_path / "a"), str(tmp_path / "b")])
    assert found == {"numpy": "1.0", "old-thing": "0.3"}


def test_the_order_of_keys_does_not_change_a_digest() -> None:
    assert digest_of({"a": 1, "b": {"c": 2, "d": [1]}}) == digest_of(
        {"b": {"d": [1], "c": 2}, "a": 1}
    )
    assert digest_of({"a": 1}) != digest_of({"a": 2})


@given(st.integers(0, 2**40 - 1))
def test_every_id_has_a_name_of_two_words(number: int) -> None:
    quality, _, thing = name_of(f"{number:010x}").partition("-")
    assert quality in QUALITIES
    assert thing in THINGS


def test_ids_are_ten_hexadecimal_digits() -> None:
    found = {new_id() for _ in range(100)}
    assert len(found) == 100
    assert all(len(one) == 10 and int(one, 16) >= 0 for one in found)


def test_names_are_words_that_come_once() -> None:
    words = [*QUALITIES, *THINGS]
    assert len(set(words)) == len(words)
    assert all(word.isalpha() and word.islower() for word in words)
