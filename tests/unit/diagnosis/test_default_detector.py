"""The default detector: what batches have in common does not count, what anomalies do does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lamina.diagnosis.detectors.base import Fitting
from lamina.diagnosis.detectors.default import Default, columns_of
from lamina.diagnosis.detectors.default_batches import Clouds, batches_of
from lamina.diagnosis.runs import Collection, Floats, Run
from lamina.diagnosis.severity import INSIDE, Severities, severities_of
from lamina.diagnosis.statistics import layout_of
from lamina.errors import BundleError
from lamina.testing.detectors import made_run, made_runs


def clouded(seed: int, batches: int = 4, each: int = 12) -> tuple[Collection, Floats]:
    """Two classes that differ by 1 in the second column; batches differ by far more in the first,
    and in both columns together."""
    generator = np.random.default_rng(seed)
    runs: list[Run] = []
    rows: list[Floats] = []
    for label in ("normal", "cpu"):
        for batch in range(batches):
            shift = 5.0 * generator.standard_normal()
            for number in range(each):
                runs.append(made_run(label, f"{label}{batch}", number, jobs=1))
                noise = 0.2 * generator.standard_normal(2)
                rows.append(np.array([shift, shift + (label == "cpu")]) + noise)
    return Collection(tuple(runs), ("normal", "cpu")), np.array(rows)


def test_directions_in_which_batches_differ_count_little() -> None:
    runs, rows = clouded(0)
    held = np.array([batch in ("normal1", "cpu1") for batch in runs.batches])
    shape = Clouds(shrink_within=0.0, shrink_between=0.0)
    clouds = batches_of(runs.taken(np.flatnonzero(~held)), rows[~held], shape)
    said = clouds.judged(rows[held])[0].argmax(axis=1)
    assert (said == runs.targets[held]).mean() >= 0.9


def test_the_nearest_batch_alone_would_be_wrong_there() -> None:
    runs, rows = clouded(0)
    held = np.array([batch in ("normal1", "cpu1") for batch in runs.batches])
    clouds = batches_of(runs.taken(np.flatnonzero(~held)), rows[~held])
    bare = replace(clouds, within=np.eye(2), between=np.eye(2) * 1e-6)
    said = bare.judged(rows[held])[0].argmax(axis=1)
    assert (said == runs.targets[held]).mean() < 0.8


def test_a_run_of_a_batch_that_was_learnt_from_is_known_as_one() -> None:
    runs, rows = clouded(0)
    clouds = batches_of(runs, rows)
    assert np.median(clouds.judged(rows)[1]) > 0
    assert clouds.judged(rows + np.array([0.0, 7.0]))[1].max() < -5


def test_columns_that_are_not_told_do_not_count() -> None:
    runs, rows = clouded(0)
    clouds = batches_of(runs, rows)
    bare = rows[:1].copy()
    bare[0, 0] = np.nan
    scores, _ = clouds.judged(np.concatenate([bare, bare * np.nan]))
    assert np.isfinite(scores).all()
    assert scores[1, 0] == pytest.approx(scores[1, 1])


def test_half_way_between_two_levels_is_the_same_anomaly() -> None:
    runs = made_runs(("normal", "cpu_2", "cpu_8"), each=6)
    rows = np.where(runs.targets == 1, runs.levels, 0.0)[:, None]
    rows = rows + 0.05 * np.random.default_rng(0).standard_normal((len(runs), 1))
    clouds = batches_of(runs, np.concatenate([rows, rows], axis=1))
    middle = clouds.centre + clouds.scale * clouds.means[clouds.real :]
    np.testing.assert_allclose(middle, [[5.0, 5.0]], atol=0.1)
    assert clouds.of[clouds.real :].tolist() == [1]


def test_runs_like_those_known_to_be_good_are_normal() -> None:
    runs, rows = clouded(1)
    clouds = batches_of(runs, rows)
    generator = np.random.default_rng(5)
    good = np.array([12.0, 13.0]) + 0.2 * generator.standard_normal((25, 2))
    assert (clouds.judged(good[5:])[0].argmax(axis=1) == 1).all()
    assert (clouds.with_good(good[:5]).judged(good[5:])[0].argmax(axis=1) == 0).all()


def test_runs_unlike_those_known_to_be_good_are_judged_as_before() -> None:
    runs, rows = clouded(1)
    clouds = batches_of(runs, rows)
    far = clouds.with_good(rows[:5] + np.array([0.0, 60.0]))
    said = clouds.judged(rows)[0].argmax(axis=1)
    assert (far.judged(rows)[0].argmax(axis=1) == said).all()


def test_one_odd_column_does_not_make_a_run_a_stranger() -> None:
    runs, rows = clouded(0)
    wide = np.concatenate([rows, np.random.default_rng(1).standard_normal((len(rows), 4))], axis=1)
    clouds = batches_of(runs, wide)
    odd = wide.copy()
    odd[:, 5] += 100.0
    assert (clouds.judged(odd)[0].argmax(axis=1) == runs.targets).mean() > 0.95


def test_a_reference_changes_what_is_said() -> None:
    runs = made_runs()
    fitted = Default().fit(runs, None, Fitting())
    some = runs.runs[:2]
    assert not np.allclose(fitted.scores(some), fitted.scores(some, runs.runs[:5]))


def test_runs_that_each_are_a_batch_are_taken_together_by_label() -> None:
    runs = made_runs(each=5)
    single = tuple(replace(run, batch=f"{k}") for k, run in enumerate(runs))
    fitted = Default().fit(Collection(single, runs.classes), None, Fitting())
    unseen = made_runs(each=3, seed=60)
    assert (fitted.scores(unseen.runs).argmax(axis=1) == unseen.targets).mean() >= 0.75


def test_columns_are_chosen_by_what_they_are_not_by_how_they_did() -> None:
    layout = layout_of(made_runs(each=2).runs)
    names = [layout.names[place] for place in columns_of(layout)]
    assert "align.slowness.mean" in names
    assert "align.stage_in.least" in names
    assert "*.submit.mean" in names
    assert len(names) == len(set(names))


def test_a_detector_without_its_trees_is_refused() -> None:
    document, arrays = Default().fit(made_runs(each=4), None, Fitting()).to_parts()
    with pytest.raises(BundleError, match="value"):
        Default().restore(document, {k: a for k, a in arrays.items() if k != "trees.value"})


def levelled() -> Collection:
    labels = ("normal", "cpu_1", "cpu_2", "cpu_4")
    return made_runs(labels, batches=3, each=6)


def test_levels_are_told_between_the_least_and_the_most_that_was_learnt() -> None:
    severities = severities_of(levelled())
    assert severities is not None
    for level in (1.0, 2.0, 4.0):
        run = made_run(f"cpu_{level:g}", "cpu-new", 70)
        found = severities.of([run], "cpu")[0]
        assert found is not None
        assert found.level == pytest.approx(level, abs=0.7)
        assert found.low <= found.level <= found.high


def test_ranges_hold_what_they_promise_on_batches_that_are_unseen() -> None:
    runs = levelled()
    severities = severities_of(runs)
    assert severities is not None
    unseen = [
        made_run(label, f"{label}-new{batch}", 90 + batch)
        for label in ("cpu_1", "cpu_2", "cpu_4")
        for batch in range(8)
    ]
    inside = [
        found is not None and found.low <= float(run.label[4:]) <= found.high
        for run, found in zip(unseen, severities.of(unseen, "cpu"), strict=True)
    ]
    assert np.mean(inside) >= INSIDE - 0.1


def test_normal_runs_have_no_level() -> None:
    severities = severities_of(levelled())
    assert severities is not None
    assert severities.of([made_run("normal", "n", 1)], "normal") == [None]


def test_nothing_tells_levels_where_there_are_none() -> None:
    assert severities_of(made_runs()) is None


def test_severities_survive_their_parts() -> None:
    severities = severities_of(levelled())
    assert severities is not None
    runs = [made_run("cpu_2", "x", 1)]
    again = Severities.from_parts(*severities.to_parts())
    assert again.of(runs, "cpu") == severities.of(runs, "cpu")


def _partly(seeds: range) -> Collection:
    """Runs of one batch, whatever happened in them: some of the jobs computed or staged in longer,
    more of them or fewer, much or little."""
    runs = []
    for seed in seeds:
        for label, place in (("normal", 0), ("cpu", 4), ("hdd", 3)):
            run = made_run("normal", "one", 17 * seed + place, jobs=18)
            begin, end = run.table.phase_begin.copy(), run.table.phase_end.copy()
            if place:
                order = np.random.default_rng([seed, place]).permutation(18)
                hit = order[: (1, 5, 10)[seed % 3]]
                more = np.zeros(18)
                more[hit] = (1.0, 3.0)[seed % 2] * (end - begin)[hit, place]
                end[:, place:] += more[:, None]
                begin[:, place + 1 :] += more[:, None]
            table = replace(run.table, phase_begin=begin, phase_end=end)
            runs.append(replace(run, label=label, batch="all", table=table, anomalies=()))
    return Collection(tuple(runs), ("normal", "cpu", "hdd"))


def test_where_no_label_has_two_batches_the_clouds_do_not_stand_in_the_way() -> None:
    """They would be wrong of a fifth: all runs of a label make one wide cloud."""
    fitted = Default().fit(_partly(range(18)), None, Fitting())
    unseen = _partly(range(50, 62))
    assert (fitted.scores(unseen.runs).argmax(axis=1) == unseen.targets).mean() >= 0.9
    document, arrays = fitted.to_parts()
    again = Default().restore(document, arrays)
    np.testing.assert_array_equal(again.scores(unseen.runs), fitted.scores(unseen.runs))
