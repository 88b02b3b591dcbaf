"""Two runs side by side: what is told beyond chance, what costs on the path, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from lamina.records.history import Session
from lamina.testing.runs import RUNS
from lamina.traces.comparison import ALONE, BEYOND, CHANCE, FEW, Change, Comparison, compare
from lamina.traces.reading import trace_of
from lamina.traces.trace import Attempt, Phase, Trace
from lamina.traces.verdicts import causes_of, heads, said, tables, to_json, verdict


def made(
    slow: Mapping[str, float] | None = None, seed: int = 0, jobs: int = 20, size: float = 1e6
) -> Trace:
    """Twenty mills on four hosts, then one press that reads them all.

    Args:
        slow: phase -> how many times as long it takes.
        seed: of what scatters.
        jobs: how many mills.
        size: bytes that each reads.
    """
    random, times = np.random.default_rng(seed), dict(slow or {})
    attempts = []
    for number in range(jobs):
        attempts.append(_job(f"mill_{number}", 0.0, random, times, f"h{number % 4}", size))
    ready = max(one.end for one in attempts)
    attempts.append(_job("press_0", ready, random, times, "h0", size))
    names = [f"mill_{number}" for number in range(jobs)]
    return Trace(
        f"r{seed}", "", "w", "succeeded", (Session(0.0, attempts[-1].end),), tuple(attempts),
        parents={"press_0": names}, origin="toy",
    )  # fmt: skip


def _job(
    name: str, ready: float, random: np.random.Generator, times: Mapping[str, float], host: str,
    size: float,
) -> Attempt:  # fmt: skip
    at, phases = ready, []
    for phase, usual in (("queue", 5.0), ("stage_in", 10.0), ("run", 100.0)):
        took = usual * times.get(phase, 1.0) * times.get(f"{phase} {host}", 1.0)
        took *= random.normal(1.0, 0.05)
        phases.append(Phase(phase, at, at + took))
        at += took
    return Attempt(
        name, 1, "succeeded", ready, ready, at, tuple(phases), host, host,
        usage={"stage_in_bytes": size}, kind=name.partition("_")[0],
    )  # fmt: skip


def cell(found: Comparison, phase: str, kind: str) -> Change:
    return next(one for one in found.cells if (one.phase, one.type) == (phase, kind))


def test_runs_that_differ_by_chance_are_said_to_be_alike_and_have_no_tables() -> None:
    found = compare(made(seed=1), made(seed=2))
    assert verdict(found).startswith("B took about as long as A")
    assert verdict(found).endswith("nothing differs beyond chance")
    assert list(tables(found)) == []


def test_the_phase_that_got_slower_is_named_with_seconds_and_times() -> None:
    found = compare(made(seed=1), made({"stage_in": 5.0}, seed=2))
    slow = cell(found, "stage_in", "mill")
    assert slow.verdict == BEYOND
    assert slow.times == pytest.approx(5, rel=0.1)
    assert cell(found, "run", "mill").verdict == CHANCE
    text = verdict(found)
    assert text.startswith("B took 1 m ")
    assert "more than A (+" in text
    assert "stage in of mill +" in text and "(5.0x" in text.replace("4.9x", "5.0x")
    assert "run of" not in text
    assert any(line.startswith("stage in of mill") for line in tables(found))


def test_what_costs_on_the_critical_path_adds_up_to_the_difference_of_makespans() -> None:
    found = compare(made(seed=1), made({"run": 2.0}, seed=2))
    assert found.by_path
    assert sum(one.cost for one in found.cells) == pytest.approx(found.seconds, rel=1e-6)


def test_a_run_that_got_faster_is_said_to_be() -> None:
    found = compare(made({"run": 2.0}, seed=1), made(seed=2))
    assert "less than A (-" in verdict(found)
    assert "run of mill -" in verdict(found)


def test_few_jobs_are_said_to_be_too_few_unless_all_jobs_show_the_same() -> None:
    alone = compare(made(jobs=3, seed=1), made({"run": 2.0}, jobs=3, seed=2))
    assert cell(alone, "run", "mill").verdict == FEW
    assert "3 jobs: may be chance" in verdict(alone)
    found = compare(made(seed=1), made({"run": 2.0}, seed=2))
    press = cell(found, "run", "press")
    assert press.verdict == FEW
    assert press.along == pytest.approx(2, rel=0.1)
    assert "1 job: may be chance" not in verdict(found)


def test_jobs_that_wait_together_count_once() -> None:
    found = compare(made(seed=1), made({"queue": 9.0}, seed=2))
    assert cell(found, "queue", "mill").verdict == FEW
    assert cell(found, "queue", "mill").seen == 1


def test_a_larger_input_is_called_that_where_bytes_tell() -> None:
    found = compare(made(seed=1), made({"run": 4.0, "stage_in": 4.0}, seed=2, size=4e6))
    assert cell(found, "run", "mill").by_input
    assert "for 4.0x the bytes: a larger input" in verdict(found)
    assert "Mostly another size of input" in verdict(found)
    assert any(line.startswith("the input is larger: 21.0 MB -> 84.0 MB") for line in said(found))
    slower = compare(made(seed=1), made({"run": 4.0, "stage_in": 4.0}, seed=2))
    assert "input" not in verdict(slower)


def test_a_host_that_got_slower_is_told_from_the_others() -> None:
    found = compare(made(seed=1, jobs=40), made({"run h2": 2.0}, seed=2, jobs=40))
    told = {one.host: one for one in found.hosts}
    assert told["h2"].verdict == BEYOND
    assert told["h2"].times == pytest.approx(1.9, rel=0.1)
    assert {told[host].verdict for host in ("h0", "h1", "h3")} == {CHANCE}


def test_more_jobs_of_a_type_are_another_size_of_workflow() -> None:
    found = compare(made(seed=1), made(seed=2, jobs=60))
    assert "not the same jobs: mill 20 -> 60" in said(found)
    assert to_json(found, ("a", "b"))["types"][0]["jobs"] == [20, 60]


def test_runs_without_jobs_in_common_are_compared_in_total_only() -> None:
    other = made({"run": 3.0}, seed=2)
    other = replace(
        other,
        workflow="v",
        attempts=tuple(replace(one, task=f"x{one.task}", kind="x") for one in other.attempts),
    )
    found = compare(made(seed=1), other)
    assert "no type of job in common" in verdict(found)
    assert {one.verdict for one in found.types} == {ALONE}
    assert list(tables(found)) == []


def test_without_a_graph_the_seconds_are_those_of_all_jobs_and_it_is_said() -> None:
    bare = [replace(made(slow, seed), parents={}) for slow, seed in (({}, 1), ({"run": 2.0}, 2))]
    found = compare(*bare)
    assert not found.by_path
    assert causes_of(found)[0].cost == pytest.approx(2000, rel=0.1)
    assert "over all jobs together, run of mill" in verdict(found)
    assert any("what waits for what is not told" in line for line in said(found))


def test_made_up_times_failures_and_retries_are_noted() -> None:
    first = replace(made(seed=1), simulated=True)
    bad = replace(first.attempts[0], status="failed", error={"cause": "no room\nat all"})
    again = replace(first.attempts[1], number=2)
    second = replace(made(seed=1), status="failed", attempts=(bad, *first.attempts[1:], again))
    notes = said(compare(first, second))[1:]
    assert any(line.startswith("A is simulated") for line in notes)
    assert "B failed: 1 failed, mill_0: no room" in notes
    assert "retries 0 -> 1" in notes


@pytest.mark.parametrize("kind", sorted(RUNS))
def test_any_two_recorded_runs_can_be_compared(kind: str) -> None:
    traces = [trace_of(one.record, one.events) for one in (RUNS["chain"](), RUNS[kind]())]
    for pair in (traces, traces[::-1], [traces[1], traces[1]]):
        found = compare(*pair)
        lines = [*heads(found, ("a", "b"), 80), *said(found, 80), *tables(found, 80)]
        assert max(map(len, lines)) <= 80
        assert to_json(found, ("a", "b"))["verdict"] == verdict(found)
    same = compare(traces[1], traces[1])
    assert {one.verdict for one in (*same.cells, *same.phases, *same.hosts)} <= {CHANCE, FEW}
