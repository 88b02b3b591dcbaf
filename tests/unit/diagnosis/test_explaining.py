"""Explanations of runs whose disturbance is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest

from lamina.diagnosis.explain.explaining import explain
from lamina.diagnosis.explain.explanation import (
    FOLLOWS,
    LARGER,
    MORE,
    SLIGHT,
    SLOWER,
    WAITED,
    Explanation,
    Finding,
    level_text,
    seconds_text,
    span_text,
    times_text,
)
from lamina.diagnosis.explain.findings import cost_text
from lamina.diagnosis.explain.occlusion import Judging
from lamina.diagnosis.explain.text import explanation_lines
from lamina.diagnosis.runs import Floats, Run
from lamina.diagnosis.usual import usual_of
from lamina.diagnosis.verdict import Severity, Verdict
from lamina.testing.disturbed import Disturbance, made_run, made_runs, slower

USUAL = usual_of(made_runs(12))


def told(disturbance: Disturbance | None = None, seed: int = 100) -> Explanation:
    return explain(made_run(disturbance, seed), USUAL)


def slow(found: Explanation) -> list[Finding]:
    return [one for one in found.findings if one.kind == SLOWER]


def likely(found: Explanation) -> list[str]:
    return [one.cause for one in found.considered if one.likely]


@pytest.mark.parametrize("seed", range(100, 108))
def test_a_run_as_usual_has_no_likely_cause(seed: int) -> None:
    found = told(seed=seed)
    assert likely(found) == []
    assert sum(one.cost for one in slow(found)) < 0.05 * found.seconds
    assert sum(found.phases.values()) < 0.05 * found.seconds


def test_cores_that_are_taken_make_runs_longer_and_nothing_else() -> None:
    found = told(slower(2.0, "run"))
    assert {one.phase for one in slow(found)} == {"run"}
    assert {kind for one in slow(found) for kind in one.kinds} >= {"fetch", "merge", "count"}
    assert likely(found) == ["cpu"]
    assert "1.00x the usual seconds of CPU" in found.considered[0].reasons[1]
    assert found.longer is not None
    assert sum(one.cost for one in slow(found)) == pytest.approx(found.longer, rel=0.1)


def test_lost_packets_make_stage_in_longer() -> None:
    found = told(slower(4.0, "stage_in"))
    first = slow(found)[0]
    assert (first.phase, first.kinds) == ("stage_in", ("fetch",))
    assert first.times == pytest.approx(4.0, rel=0.1)
    assert likely(found) == ["loss"]
    assert "stage in" in found.share


def test_a_busy_disk_is_told_by_submission_and_runs_that_move_much() -> None:
    def factor(kind: str, host: str, phase: str, at: float) -> float:
        del host, at
        return 6.0 if phase == "submit" else 1.6 if (phase, kind) == ("run", "fetch") else 1.0

    assert likely(told(Disturbance(factor))) == ["hdd"]


def test_jobs_that_compute_most_of_the_time_cannot_be_slowed_by_a_disk_alone() -> None:
    found = told(slower(3.0, "run", kind="fetch"))
    assert likely(found) == ["cpu"]
    disk = next(one for one in found.considered if one.cause == "hdd")
    assert disk.reasons == ("jobs that mostly compute are slower as well, so not the disk alone",)


def test_a_disk_that_slows_runs_and_stage_in_alike_is_no_network() -> None:
    def factor(kind: str, host: str, phase: str, at: float) -> float:
        del host, at
        return {"stage_in": 2.0, "stage_out": 4.0, "run": 1.3}.get(phase, 1.0) if kind in (
            "fetch", "merge",
        ) else 1.0  # fmt: skip

    assert likely(told(Disturbance(factor)))[0] == "hdd"


def test_what_is_slow_on_one_host_is_told_of_that_host() -> None:
    found = told(slower(4.0, "stage_in", host="worker-3"))
    first = slow(found)[0]
    assert first.hosts == ("worker-3",)
    assert "host" in likely(found)
    assert any("run again without worker-3" in line for line in found.advice)
    assert "on worker-3 only" in found.share
    line = first.text
    assert line.startswith("stage in ") and " usual " in line and "on worker-3" in line
    assert "over 12 runs), costs +" in line and "of the run's +" in line


def test_a_disturbance_for_a_time_is_told_with_the_time() -> None:
    def factor(kind: str, host: str, phase: str, at: float) -> float:
        del kind, host
        return 5.0 if phase == "submit" and at < 60 else 1.0

    found = told(Disturbance(factor))
    assert slow(found) and all(one.window is None or one.window[1] < 200 for one in slow(found))


def test_one_slow_job_is_named() -> None:
    run = made_run(seed=100)
    row = run.table.tasks.index("merge_1")
    table = run.table
    later = {name: getattr(table, name).copy() for name in ("phase_begin", "phase_end", "end")}
    later["phase_end"][row, 4] += 60.0
    later["phase_begin"][row, 5:] += 60.0
    later["phase_end"][row, 5:] += 60.0
    later["end"][row] += 60.0
    found = explain(replace(run, table=replace(table, **later)), USUAL)
    assert [one.jobs for one in slow(found)] == [("merge_1",)]
    assert "of merge_1 on worker-" in slow(found)[0].text


def test_a_larger_input_is_called_that_and_no_anomaly() -> None:
    found = told(Disturbance(larger=4.0))
    larger = [one for one in found.findings if one.kind == LARGER]
    assert {one.phase for one in larger} == {"stage_in", "run"}
    assert not any(one.anomalous for one in larger)
    assert slow(found) == []
    assert likely(found) == ["size"]
    assert "4.0x the usual bytes" in larger[0].text or "4.0x the usual computing" in larger[0].text
    assert found.headline.startswith("likely a larger input")


def test_jobs_of_different_sizes_are_no_larger_input_of_a_run_alone() -> None:
    found = explain(made_run(Disturbance(larger=4.0), 100))
    assert likely(found) == []
    size = next(one for one in found.considered if one.cause == "size")
    assert size.reasons == ("no other run tells how large its input usually is",)


def test_more_jobs_than_usual_are_told_as_more_to_do() -> None:
    found = told(Disturbance(more=2))
    (more,) = [one for one in found.findings if one.kind == MORE]
    assert more.text.startswith("32 jobs of fetch, usually 16")
    assert not more.anomalous


def test_waits_that_follow_from_others_are_no_cause() -> None:
    usual = usual_of(made_runs(12, Disturbance(places=3)))
    run = made_run(Disturbance(slower(5.0, "stage_in", kind="fetch").slow, places=3), 100)
    found = explain(run, usual)
    follows = [one for one in found.findings if one.kind == FOLLOWS]
    assert follows and follows[0].phase == "queue"
    assert likely(found) == ["loss"]
    workers = next(one for one in found.considered if one.cause == "workers")
    assert "follow from jobs that held workers longer" in workers.reasons[0]


def test_a_run_alone_is_compared_with_itself_and_says_so() -> None:
    found = explain(made_run(slower(6.0, "stage_in", host="worker-2"), 100), given=3)
    assert not found.enough and found.usually is None
    assert found.notes[0] == "3 of 5 runs needed to know what is usual: plain checks only"
    assert slow(found)[0].hosts == ("worker-2",)
    assert "of its type in this run" in slow(found)[0].text
    assert "name 5 good runs or more with --against" in explain(made_run()).notes[0]


def test_a_run_that_waits_for_places_is_told_to_get_more() -> None:
    found = explain(made_run(Disturbance(places=1), 100))
    (waited,) = [one for one in found.findings if one.kind == WAITED]
    assert "for one of 4 places" in waited.text
    assert waited.cost > 0.1 * found.seconds
    assert likely(found) == ["workers"]


def test_a_graph_that_a_trace_does_not_tell_is_taken_from_good_runs() -> None:
    run = made_run(slower(4.0, "stage_in"), 100)
    bare = explain(replace(run, table=replace(run.table, parents={})), USUAL)
    assert bare.notes == ("the trace does not tell what reads what: that is taken from good runs",)
    assert bare.findings == explain(run, USUAL).findings


def test_usual_runs_of_another_workflow_are_not_used() -> None:
    run = made_run()
    table = run.table
    names, kinds = (tuple(f"other {one}" for one in told) for told in (table.tasks, table.kinds))
    found = explain(replace(run, table=replace(table, tasks=names, kinds=kinds)), USUAL)
    assert not found.enough
    assert "types that the usual runs do not have" in found.notes[0]


def test_a_run_without_jobs_is_explained() -> None:
    empty = made_run().table.taken([])
    found = explain(replace(made_run(), table=replace(empty, seconds=0.0)), USUAL)
    assert found.findings == ()


def test_an_explanation_is_plain_values_and_lines() -> None:
    found = told(slower(2.0, "run"))
    again = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert again["headline"] == found.headline
    assert again["findings"][0]["text"] == found.findings[0].text
    lines = explanation_lines(found, 80)
    assert lines[0].startswith("likely cores taken from the jobs; took ")
    assert max(map(len, lines)) <= 80
    assert {"findings", "in common", "because", "put back", "try"} <= set(lines)


def test_a_run_of_57_jobs_is_explained_in_a_fraction_of_a_second() -> None:
    run = made_run(slower(2.0, "run"), 100)
    begun = perf_counter()
    explain(run, USUAL, judging=judged(run))
    assert perf_counter() - begun < 1.0


def judged(run: Run) -> Judging:
    """A detector of two classes that goes by the seconds of runs beside what is usual."""

    def ask(runs: Sequence[Run]) -> Floats:
        ratios = [float(one.table.spent[:, 4].sum()) / 1700.0 for one in runs]
        cpu = 1 / (1 + np.exp(-12 * (np.array(ratios) - 1.4)))
        return np.stack([1 - cpu, cpu], axis=1)

    normal, cpu = ask([run])[0].tolist()
    return Judging(Verdict(run.name, {"normal": normal, "cpu": cpu}), ask)


def test_a_detector_answer_is_told_first_with_what_it_rests_on() -> None:
    run = made_run(slower(2.0, "run"), 100)
    found = explain(run, USUAL, judging=judged(run))
    assert found.headline.startswith("cpu (1.00): cores taken from the jobs; took ")
    assert found.considered[0].cause == "cpu" and found.considered[0].probability is not None
    assert {one.phase for one in found.saliency if one.odds > 0.5} == {"run"}
    assert {one.kind for one in found.saliency[:2]} == {"count", "fetch"}
    assert max(found.without, key=lambda name: found.without[name]) == "normal"


def test_what_speaks_for_a_cause_that_is_put_back_is_told_with_what_put_it_back() -> None:
    def ask(runs: Sequence[Run]) -> Floats:
        return np.repeat([[0.0, 0.1, 0.9]], len(runs), axis=0)

    run = made_run(slower(2.0, "run"), 100)
    verdict = Verdict("r", {"normal": 0.0, "cpu": 0.1, "hdd": 0.9})
    found = explain(run, USUAL, judging=Judging(verdict, ask))
    (cpu,) = [one for one in found.considered if one.cause == "cpu"]
    assert not cpu.likely
    assert cpu.reasons[-1] == "but the detector says hdd"
    (network,) = [one for one in found.considered if one.cause == "loss"]
    assert not any("but the detector" in reason for reason in network.reasons)


def test_what_a_detector_sees_within_the_usual_range_is_told_as_well() -> None:
    run = made_run(seed=100)
    place = run.table.tasks.index("report_0")
    middle = float(USUAL.rows(run.table)[place, 4, 1])

    def ask(runs: Sequence[Run]) -> Floats:
        more = np.array([one.table.spent[place, 4] - middle for one in runs])
        odd = 1 / (1 + np.exp(-20 * (more - 0.1)))
        return np.stack([1 - odd, odd], axis=1)

    table = run.table
    later = {name: getattr(table, name).copy() for name in ("phase_begin", "phase_end", "end")}
    shift = middle + 0.5 - table.spent[place, 4]
    later["phase_end"][place, 4:] += shift
    later["phase_begin"][place, 5:] += shift
    later["end"][place] += shift
    run = replace(run, table=replace(table, **later))
    normal, odd = ask([run])[0].tolist()
    assert odd > 0.9
    found = explain(run, USUAL, judging=Judging(Verdict("r", {"normal": normal, "odd": odd}), ask))
    (slight,) = [one for one in found.findings if one.kind == SLIGHT]
    assert (slight.jobs, slight.phase) == (("report_0",), "run")
    assert "the detector's answer rests on it" in slight.text
    assert found.without["normal"] > 0.5


def test_an_answer_that_no_phase_explains_is_told_as_such() -> None:
    def ask(runs: Sequence[Run]) -> Floats:
        return np.repeat([[0.1, 0.9]], len(runs), axis=0)

    run = made_run(seed=100)
    verdict = Verdict("r", {"normal": 0.1, "loss": 0.9})
    found = explain(run, USUAL, judging=Judging(verdict, ask))
    assert found.without == {} and found.saliency == ()
    assert "the detector still says loss" in found.notes[-1]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.424, "0.42 s"), (4.34, "4.3 s"), (26.4, "26 s"), (90.5, "91 s"), (1131.2, "1131 s")],
)
def test_seconds_are_told_as_people_compare_them(value: float, text: str) -> None:
    assert seconds_text(value) == text


@pytest.mark.parametrize(
    ("level", "text"),
    [
        ((4.7008, 4.26, 5.0), "4.7 (4.3 to 5)"),
        ((75.2, 55.0, 96.2), "75 (55 to 96)"),
        ((0.889, 0.2125, 1.76), "0.89 (0.21 to 1.8)"),
        ((100.0, 100.0, 100.0), "100 (100 to 100)"),
    ],
)
def test_levels_are_told_no_finer_than_they_are_known(
    level: tuple[float, float, float], text: str
) -> None:
    assert level_text(Severity(*level)) == text


@pytest.mark.parametrize(
    ("cost", "total", "text"),
    [
        (20.0, 23.0, ", costs +20 s of the run's +23 s"),
        (1917.0, 1684.0, ", costs +1917 s, more than the run's +1684 s"),
        (30.0, 5.0, ", costs +30 s"),
        (23.4, 23.1, ", costs +23 s of the run's +23 s"),
        (0.0, 5.0, ", costs the run nothing"),
    ],
)
def test_a_part_is_never_said_to_be_of_less_than_it(cost: float, total: float, text: str) -> None:
    assert cost_text(cost, total) == text


def test_ranges_and_times_are_short() -> None:
    assert span_text(4.0, 9.0) == "4-9 s"
    assert span_text(5.0, 5.0) == "5 s"
    assert (times_text(4.31), times_text(1.02), times_text(33.4)) == ("4.3x", "1.02x", "33x")
