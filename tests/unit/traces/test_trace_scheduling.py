"""Schedules that are made up where a trace tells no times."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.traces.readers.scheduling import Work, schedule


def test_tasks_wait_for_what_they_read_and_for_a_core() -> None:
    work = {
        "a": Work(3),
        "b": Work(2),
        "c": Work(1, parents=("a", "b")),
        "d": Work(5, parents=("a",)),
    }
    found = schedule(work, {"h": 1})
    assert [(name, one.begin, one.end) for name, one in found.items()] == [
        ("a", 0, 3), ("b", 8, 10), ("c", 10, 11), ("d", 3, 8),
    ]  # fmt: skip
    assert found["b"].ready == 0
    assert found["c"].ready == 10


def test_without_hosts_nothing_waits() -> None:
    found = schedule({"a": Work(3), "b": Work(2), "c": Work(1, parents=("a", "b"))}, {})
    assert [one.begin for one in found.values()] == [0, 0, 3]


def test_tasks_run_on_the_host_that_is_named() -> None:
    work = {"a": Work(3, host="x"), "b": Work(3, host="x"), "c": Work(3)}
    found = schedule(work, {"x": 1, "y": 1})
    assert {name: (one.host, one.begin) for name, one in found.items()} == {
        "a": ("x", 0), "b": ("x", 3), "c": ("y", 0),
    }  # fmt: skip


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^[ab]$"):
        schedule({"a": Work(1, parents=("b",)), "b": Work(1, parents=("a",))}, {})


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Work], dict[str, int]]:
    hosts = draw(st.dictionaries(st.sampled_from("xyz"), st.integers(1, 4)))
    count = draw(st.integers(1, 12))
    work = {
        str(n): Work(
            draw(st.integers(0, 9)),
            draw(st.integers(1, 6)),
            draw(st.sampled_from(["", "x", "q"])),
            [str(p) for p in draw(st.sets(st.integers(0, 11), max_size=3)) if p < n],
        )
        for n in range(count)
    }
    return work, hosts


@given(graphs())
def test_every_schedule_keeps_graph_and_cores(made: tuple[dict[str, Work], dict[str, int]]) -> None:
    work, hosts = made
    found = schedule(work, hosts)
    assert list(found) == list(work)
    for name, one in found.items():
        assert one.end == one.begin + work[name].seconds
        assert one.begin >= one.ready == max((found[p].end for p in work[name].parents), default=0)
        if hosts:
            assert one.host in hosts
    for host, cores in hosts.items():
        here = [(name, one) for name, one in found.items() if one.host == host]
        for _, now in here:
            at = [
                min(work[name].cores, cores)
                for name, one in here
                if one.begin <= now.begin < one.end
            ]
            assert sum(at) <= cores


def test_a_hundred_thousand_tasks_are_scheduled_at_once() -> None:
    work = {
        f"t{n}": Work(n % 7, parents=(f"t{n - 100}",) if n >= 100 else ()) for n in range(50_000)
    }
    begun = time.process_time()
    schedule(work, {f"h{n}": 8 for n in range(20)})
    assert time.process_time() - begun < 3
