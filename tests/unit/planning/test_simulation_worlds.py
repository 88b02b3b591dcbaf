"""Worlds: equal for all policies, with faults, regimes, and recorded traces in them."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.errors import DataError, LaminaError, UnknownNameError, UsageError
from lamina.planning.placement.words import Runtime
from lamina.planning.policies import made
from lamina.planning.simulation.clock import Simulator
from lamina.planning.simulation.faults import Calendar, Faults, Outage
from lamina.planning.simulation.laws import stream
from lamina.planning.simulation.scenarios import PAPER_RUNTIMES, Scenario
from lamina.planning.simulation.traces import (
    PlayedLink,
    Series,
    played,
    read_bandwidth,
    read_deployments,
    read_workload,
)
from lamina.planning.simulation.world import World

CLOUD = ("cpu", "gpu1", "gpu2")


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    asked=st.lists(
        st.tuples(
            st.integers(0, 9), st.sampled_from(sorted(PAPER_RUNTIMES)), st.integers(1, 20),
            st.floats(0.0, 1e5),
        ),
        max_size=20,
    ),
)  # fmt: skip
def test_what_is_met_does_not_depend_on_what_was_asked_before(
    seed: int, asked: list[tuple[int, str, int, float]]
) -> None:
    scenario = Scenario(batches=10, faults=Faults(failures=0.2, hangs=0.1, breaks=0.3, away=0.1))
    one, other = scenario.world(seed), scenario.world(seed)
    first = [one.draw(*question) for question in asked]
    again = [other.draw(*question) for question in reversed(asked)]
    assert first == again[::-1]
    assert one.jobs == other.jobs


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    regime=st.sampled_from(["calm", "usual", "busy", "calm>busy>usual"]),
    clock=st.sampled_from(["ours", "paper"]),
)
def test_all_times_are_times(seed: int, regime: str, clock: str) -> None:
    world = Scenario(batches=20, regime=regime, clock=clock).world(seed)
    for place, job in enumerate(world.jobs):
        assert 1 <= job.items <= 2450
        for name in world.runtimes:
            draw = world.draw(place, name, 1, job.ready)
            assert draw.item > 0.0
            assert min(draw.upload, draw.deploy, draw.warm, draw.start, draw.fetch) >= 0.0
            assert draw.total(job.items) < inf
            assert (draw.warm > 0.0) == (clock == "ours" and name != "edge")


def test_more_runtimes_change_nothing_for_those_that_were_there() -> None:
    few = Scenario(runtimes={n: PAPER_RUNTIMES[n] for n in ("edge", "gpu1")}).world(4)
    many = Scenario().world(4)
    for place, job in enumerate(few.jobs):
        for name in ("edge", "gpu1"):
            assert few.draw(place, name, 1, job.ready) == many.draw(place, name, 1, job.ready)


def test_runtimes_of_other_names_are_drawn_too() -> None:
    runtimes = {
        "barn": Runtime("barn", standby=True, capacity=1),
        "four": Runtime("four", devices=4),
        "plain": Runtime("plain"),
    }
    world = Scenario(runtimes=runtimes, batches=5).world(0)
    assert set(world.truth(0)) == set(runtimes)
    assert world.draw(0, "barn", 1, 0.0).deploy == 0.0 < world.draw(0, "four", 1, 0.0).deploy


def test_the_papers_clock_adds_up_what_ours_overlaps() -> None:
    paper = Scenario(clock="paper").world(1).draw(0, "gpu1", 1, 0.0)
    ours = Scenario().world(1).draw(0, "gpu1", 1, 0.0)
    assert (paper.upload, paper.deploy) == (ours.upload, ours.deploy)
    assert paper.up == paper.upload + paper.deploy and paper.warm == paper.fetch == 0.0
    assert ours.up == ours.deploy and ours.warm > 20.0 and ours.fetch > 0.0


def test_warm_up_takes_its_median_of_28_to_41_seconds() -> None:
    world = Scenario(batches=2000).world(0)
    found = [
        float(np.median([world.draw(job, name, 1, 0.0).warm for job in range(2000)]))
        for name in CLOUD
    ]
    assert found == sorted(found)
    assert 27.0 < found[0] < 29.0 and 40.0 < found[-1] < 42.0


def deployments(world: World, begin: int, end: int) -> float:
    """Mean seconds that probes of some minutes see."""
    found = [world.probe(name, 60.0 * m) or 600.0 for name in CLOUD for m in range(begin, end)]
    return float(np.mean(found))


def test_a_busy_cloud_takes_longer_than_a_calm_one() -> None:
    means = [
        deployments(Scenario(regime=one).world(0), 0, 1000) for one in ("calm", "usual", "busy")
    ]
    assert means[0] < 0.9 * means[1] < 0.7 * means[2]


def test_a_regime_changes_during_the_run() -> None:
    world = Scenario(regime="calm>busy").world(3)
    assert deployments(world, 0, 700) < 0.7 * deployments(world, 780, 1400)


def test_failures_hangs_and_breaks_come_as_often_as_they_are_asked_for() -> None:
    faults = Faults(failures=0.2, hangs=0.1, breaks=0.3)
    world = Scenario(batches=3000, faults=faults).world(0)
    draws = [world.draw(job, "gpu1", 1, 0.0) for job in range(3000)]
    refused = np.mean([one.refused < inf for one in draws])
    hung = np.mean([one.deploy == inf and one.refused == inf for one in draws])
    broken = [one.breaks / (one.start + one.item * world.jobs[place].items)
              for place, one in enumerate(draws) if one.breaks < inf]  # fmt: skip
    assert refused == pytest.approx(0.2, abs=0.03)
    assert hung == pytest.approx(0.1, abs=0.03)
    assert len(broken) / 3000 == pytest.approx(0.3, abs=0.03)
    assert np.mean(broken) == pytest.approx(0.5, abs=0.05), "at any moment of the work"


def test_an_outage_refuses_at_once_or_hangs_until_it_is_over() -> None:
    outages = (Outage("gpu1", 100.0, 5000.0), Outage("gpu2", 100.0, 5000.0, hangs=True))
    world = Scenario(faults=Faults(outages=outages)).world(0)
    usual = Scenario().world(0)
    refused, hung = (world.draw(1, name, 1, 200.0) for name in ("gpu1", "gpu2"))
    assert refused.refused < 1.0 and refused.deploy == inf
    assert hung.deploy == pytest.approx(4800.0 + usual.draw(1, "gpu2", 1, 200.0).deploy)
    assert world.draw(1, "gpu1", 1, 5000.0) == usual.draw(1, "gpu1", 1, 5000.0)
    assert world.probe("gpu1", 200.0) is None
    assert (world.probe("gpu2", 200.0) or 0.0) > 4800.0


def test_a_calendar_finds_the_outage_that_ends_last() -> None:
    long, short = Outage("a", 0.0, 1000.0), Outage("a", 10.0, 20.0)
    calendar = Calendar([short, long])
    assert [calendar.at(now) for now in (-1.0, 15.0, 500.0, 1000.0)] == [None, long, long, None]


def test_runtimes_are_away_for_the_part_of_the_time_that_is_asked_for() -> None:
    scenario = Scenario(faults=Faults(away=0.1, spell=1800.0))
    away = []
    for seed in range(30):
        world = scenario.world(seed)
        found = [world.probe("gpu1", 60.0 * minute) for minute in range(1400)]
        away.append(np.mean([seconds is None or seconds > 200.0 for seconds in found]))
    assert np.mean(away) == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize("hangs", [False, True])
def test_share_and_the_selector_survive_an_outage_of_all_of_the_cloud(hangs: bool) -> None:
    outages = tuple(Outage(name, 3000.0, 9000.0, hangs) for name in CLOUD)
    scenario = Scenario(workload=[120], batches=25, faults=Faults(outages=outages))
    for name in ("share", "stoic-selector"):
        world = scenario.world(0)
        outcomes = Simulator(world, made(name)).run().outcomes
        assert len(outcomes) == 25 and not any(one.failed for one in outcomes.values())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"clock": "theirs"}, "'theirs'"),
        ({"batches": 0}, "0 batches"),
        ({"period": -1.0}, "-1.0"),
        ({"regime": "wild"}, "'wild'"),
        ({"workload": []}, "without a batch"),
        ({"deployments": {"tpu": Path("x")}}, "'tpu'"),
        ({"deployments": {"edge": Path("x")}}, "'edge'"),
        ({"faults": Faults(outages=(Outage("tpu", 0.0, 1.0),))}, "'tpu'"),
    ],
)
def test_a_scenario_that_is_none_says_what_is_wrong(settings: dict[str, object], said: str) -> None:
    with pytest.raises((UsageError, UnknownNameError), match=said):
        Scenario(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [{"failures": 1.0}, {"breaks": -0.1}, {"failures": 0.6, "hangs": 0.6}, {"spell": 0.0}],
)
def test_faults_that_are_none_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="faults"):
        Faults(**settings)  # type: ignore[arg-type]


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("reader", "name", "text", "said"),
    [
        (read_workload, "w.csv", "size\n3\n", r"w\.csv, line 1: no column images, but size"),
        (read_workload, "w.csv", "images\n3\n0\n", r"w\.csv, line 3: images is '0'"),
        (read_workload, "w.csv", "images\n3.5\n", r"line 2: images is '3\.5', not a whole"),
        (read_workload, "w.csv", "images\n", "holds no row"),
        (read_workload, "w.csv", "", "no column images, but nothing"),
        (read_deployments, "d.csv", "epoch,deploy_s\n0,1\n60,x\n", "line 3: deploy_s is 'x'"),
        (read_deployments, "d.csv", "epoch,deploy_s\n0,-1\n", "line 2: deploy_s is '-1'"),
        (read_deployments, "d.csv", "epoch,deploy_s\n60,1\n60,1\n", "line 3: epoch is '60', not"),
        (read_deployments, "d.csv", "epoch,deploy_s\n0,nan\n", "deploy_s is 'nan'"),
        (read_bandwidth, "b.csv", "epoch,mbit_s\n0,5\n1,-5\n", "line 3: mbit_s is '-5'"),
        (read_bandwidth, "b.json", "[1, 2", r"b\.json, line 1"),
        (read_bandwidth, "b.json", "{}", "holds no list"),
        (read_bandwidth, "b.json", '[{"duration_ms": 5}]', "measurement 1: bandwidth_kbps is None"),
        (read_bandwidth, "b.json", '[{"duration_ms": 5, "bandwidth_kbps": 0}]', "nothing ever"),
    ],
)  # fmt: skip
def test_bad_files_are_told_by_file_line_and_value(
    tmp_path: Path, reader: object, name: str, text: str, said: str
) -> None:
    assert callable(reader)
    with pytest.raises(DataError, match=said) as caught:
        reader(written(tmp_path, name, text))
    assert caught.value.way_out


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(LaminaError, match="nowhere"):
        Scenario(workload="nowhere.csv").world(0)


def test_a_workload_file_is_played_in_its_order_and_again(tmp_path: Path) -> None:
    file = written(tmp_path, "w.csv", "images,hour\n5,0\n7,1\n\n9,2\n")
    assert [job.items for job in Scenario(workload=file, batches=5).world(0).jobs] == [
        5,
        7,
        9,
        5,
        7,
    ]


def test_a_link_moves_bytes_as_its_log_does(tmp_path: Path) -> None:
    rows = [
        {"duration_ms": 1000, "bandwidth_kbps": rate, "latency_ms": 20} for rate in (8000, 0, 16000)
    ]
    link = PlayedLink([written(tmp_path, "b.json", json.dumps(rows))], stream(0, "x"))
    link._begins = 0.0
    assert link.seconds(0.0, 0.0) == 0.0
    assert link.seconds(500e3, 0.0) == pytest.approx(0.52)
    assert link.seconds(1.5e6, 0.0) == pytest.approx(2.25 + 0.02), "the stall counts"
    assert link.seconds(6e6, 0.0) == pytest.approx(6.0 + 0.02), "and again from the beginning"
    assert link.seconds(1e6, 1.5) == pytest.approx(1.0 + 0.02)


def series(begin: int, values: list[float]) -> Series:
    at = 60.0 * np.arange(begin, begin + len(values))
    return Series(Path("x"), at, np.array(values))


def test_what_was_slow_together_is_slow_together_when_it_is_played_again() -> None:
    one = list(np.arange(600.0))
    found = played(
        {"a": series(0, one), "b": series(0, [v + 0.5 for v in one])}, 5000, stream(0, "p")
    )
    for minute in range(0, 5000, 7):
        at = 60.0 * minute
        assert found["b"].probe(at) == found["a"].probe(at) + 0.5
        assert found["b"].of(3, 1, at) == found["b"].probe(at + 60.0), "the next, not this one"


def test_blocks_keep_their_order_and_never_span_a_gap() -> None:
    values = list(np.arange(200.0))
    gap = Series(
        Path("x"), np.concatenate([60.0 * np.arange(100), 36_000 + 60.0 * np.arange(100)]),
        np.array(values),
    )  # fmt: skip
    found = played({"a": gap}, 4000, stream(0, "p"))["a"]
    seen = [found.probe(60.0 * minute) for minute in range(4000)]
    steps = np.diff(seen)
    assert np.mean(steps == 1.0) > 0.9
    together = [s for s, v in zip(steps, seen, strict=False) if s == 1.0 and v == 99.0]
    assert not together, "the values on either side of the gap do not hang together"


def test_runtimes_that_were_measured_at_other_times_are_drawn_each_for_itself() -> None:
    found = played({"a": series(0, [1.0] * 50), "b": series(9000, [2.0] * 50)}, 200, stream(0, "p"))
    assert {found["a"].probe(60.0 * m) for m in range(200)} == {1.0}
    assert {found["b"].probe(60.0 * m) for m in range(200)} == {2.0}


def test_recorded_deployments_take_the_place_of_the_law_for_their_runtime_only(
    tmp_path: Path,
) -> None:
    rows = "\n".join(f"{60 * m},{3 + m % 2}" for m in range(200))
    file = written(tmp_path, "d.csv", f"epoch,deploy_s\n{rows}\n")
    world, law = Scenario(deployments={"gpu1": file}).world(0), Scenario().world(0)
    assert {world.draw(j, "gpu1", 1, 600.0 * j).deploy for j in range(40)} <= {3.0, 4.0}
    assert world.draw(3, "gpu2", 1, 0.0) == law.draw(3, "gpu2", 1, 0.0)
