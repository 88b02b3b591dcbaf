"""Keys: they change with everything that matters, and with nothing else."""

from __future__ import annotations

import time
from dataclasses import replace
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from lamina.data.artifacts.reference import Ref
from lamina.execution.cache.keys import digest_of, key_of, shown_values

_DIGESTS = st.sampled_from([sha256(bytes([n])).hexdigest() for n in range(4)])
_REFS = st.builds(
    Ref,
    codec=st.sampled_from(["json", "arrow", "file", "folder", "list"]),
    digest=_DIGESTS,
    size=st.integers(0, 3),
    name=st.sampled_from(["", "a.csv", "b.csv"]),
    origin=st.sampled_from(["", "/data/a.csv", "https://host/a.csv"]),
)
_ARGUMENTS = st.dictionaries(st.sampled_from(["a", "b", "c", "a\0json"]), _REFS, max_size=3)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def _matters(arguments: dict[str, Ref]) -> dict[str, tuple[str, str, str]]:
    return {
        port: (ref.codec, ref.digest, ref.name if ref.codec in ("file", "folder") else "")
        for port, ref in arguments.items()
    }


@given(_ARGUMENTS, _ARGUMENTS, _DIGESTS, _DIGESTS)
def test_keys_are_equal_when_what_matters_is(
    one: dict[str, Ref], other: dict[str, Ref], first: str, second: str
) -> None:
    equal = _matters(one) == _matters(other) and first == second

    assert (key_of(first, one) == key_of(second, other)) is equal


@given(_ARGUMENTS, st.randoms())
def test_the_order_of_arguments_does_not_matter(one: dict[str, Ref], random: object) -> None:
    turned = dict(sorted(one.items(), reverse=True))

    assert key_of("r", turned) == key_of("r", one)


@given(_REFS)
def test_where_a_value_lies_does_not_matter(ref: Ref) -> None:
    moved = replace(ref, origin="/elsewhere", size=ref.size, inline="1")

    assert key_of("r", {"x": moved}) == key_of("r", {"x": ref})


@given(st.dictionaries(st.text(max_size=3), _PLAIN), st.dictionaries(st.text(max_size=3), _PLAIN))
def test_recipes_are_equal_when_their_counted_parts_are(
    one: dict[str, object], other: dict[str, object]
) -> None:
    one.pop("places", None)
    other.pop("places", None)
    same = digest_of(one) == digest_of(other)

    assert same is (repr(_sorted(one)) == repr(_sorted(other)))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_a_value_without_a_digest_gives_no_key() -> None:
    assert key_of("r", {"x": Ref("stream", "", 0)}) == ""


def test_secret_values_are_told_apart_and_not_told() -> None:
    one = shown_values({"DB_PASSWORD": "alpha-secret", "N": "1"})
    other = shown_values({"DB_PASSWORD": "beta-secret", "N": "1"})

    assert one["N"] == "1"
    assert "alpha" not in str(one)
    assert one != other


def test_a_key_costs_less_than_25_microseconds() -> None:
    arguments = {f"port{n}": Ref("json", sha256(bytes([n])).hexdigest(), 3) for n in range(4)}
    recipe = "0" * 64
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(1000):
            key_of(recipe, arguments)
        best = min(best, time.perf_counter() - began)

    assert best / 1000 < 25e-6
