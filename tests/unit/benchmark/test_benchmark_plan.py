"""What a benchmark measures, and who is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.benchmark.peers import CARDS, PEERS, Card
from lamina.benchmark.plan import Options, jobs
from lamina.errors import UnknownNameError, UsageError

FILES = {"breast-cancer": Path("a.npz"), "bank-marketing": Path("b.npz")}


def test_the_full_form_measures_all_groups_and_repeats() -> None:
    found, _ = jobs(Options(), FILES)
    fused = [job for job in found if job.name == "fused"]
    assert {task.group for job in fused for task in job.tasks} == {"I", "II", "III"}
    assert {task.epochs for job in fused for task in job.tasks} == {1000}
    assert all(task.repeats == 5 for job in fused for task in job.tasks)


def test_the_quick_form_takes_at_most_a_hundred_epochs() -> None:
    assert Options(quick=True).epochs == 100
    assert Options(epochs=20, quick=True).epochs == 20
    found, _ = jobs(Options(quick=True), FILES)
    loader = next(job for job in found if job.name == "torch-loader")
    assert {task.epochs for task in loader.tasks} == {2}


def test_the_loader_runs_in_group_one_only_and_last() -> None:
    found, _ = jobs(Options(loader_epochs=50), FILES)
    assert found[-1].name == "torch-loader"
    assert {(task.group, task.epochs) for task in found[-1].tasks} == {("I", 50)}


def test_the_loader_never_runs_more_epochs_than_the_others() -> None:
    assert Options(epochs=10, loader_epochs=50).epochs_of("torch-loader") == 10


def test_a_peer_without_its_library_is_absent_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CARDS, "elsewhere", Card("Elsewhere", "no_such_library"))
    with PEERS.having("elsewhere", "no_such_library:Elsewhere"):
        found, absent = jobs(Options(peers=("elsewhere", "sklearn")), FILES)
    assert "no_such_library is not installed" in absent["elsewhere"]
    assert "elsewhere" not in {job.name for job in found}
    assert "sklearn" in {job.name for job in found}


def test_without_pictures_the_two_forms_are_not_measured() -> None:
    found, _ = jobs(Options(sets=("breast-cancer",)), FILES)
    assert "vectorised" not in {job.kind for job in found}


def test_unknown_peers_and_sets_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="torch-memory"):
        Options(peers=("keras",))
    with pytest.raises(UnknownNameError, match="banknote"):
        Options(sets=("banknotes",))
    with pytest.raises(UsageError, match="epochs = 0"):
        Options(epochs=0)
