"""Jobs and how often a measurement is repeated."""

from __future__ import annotations

from lamina.benchmark.jobs import Job, Task, enough


def test_a_job_comes_back_from_its_line() -> None:
    job = Job("peer", "sklearn", 1, (Task("pima", "pima.npz", "II", 100, 3, 7),), "cpu")
    assert Job.from_json(job.to_json()) == job
    assert "\n" not in job.to_json()


def test_a_label_says_threads_when_there_are_several() -> None:
    assert Job("engine", "fused", 1, ()).label == "fused"
    assert Job("engine", "fused", 2, ()).label == "fused-2threads"


def test_cheap_measurements_are_repeated_and_dear_ones_are_not() -> None:
    assert not enough([0.1] * 4, most=5)
    assert enough([0.1] * 5, most=5)
    assert not enough([4.0, 4.0], most=5)
    assert enough([4.0, 4.0, 4.0], most=5)
    assert enough([300.0], most=5)
