"""What is usual in runs of a workflow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lamina.diagnosis.usual import (
    MEASURES,
    QUEUE,
    RUN,
    Usual,
    measured,
    usual_of,
    usual_of_itself,
)
from lamina.errors import BundleError
from lamina.testing.disturbed import made_run, made_runs, slower


def test_the_range_of_a_job_is_the_central_one_over_the_runs() -> None:
    runs = made_runs(11)
    usual = usual_of(runs)
    row = runs[0].table.tasks.index("count_3")
    spent = sorted(float(measured(run.table)[row, RUN]) for run in runs)
    told = usual.rows(runs[0].table)[row, RUN]
    assert told == pytest.approx([spent[1], spent[5], spent[9]])
    assert usual.runs == 11 and usual.told == "over 11 runs"


def test_a_job_whose_name_is_new_is_compared_with_its_type() -> None:
    usual = usual_of(made_runs(6))
    table = made_run().table
    renamed = replace(table, tasks=tuple(f"new_{row}" for row in range(len(table))))
    place = usual.kinds.index("count")
    row = table.kinds.index("count")
    assert usual.rows(renamed)[row] == pytest.approx(usual.of_kinds[place], nan_ok=True)
    strange = replace(table, tasks=renamed.tasks, kinds=("unheard",) * len(table))
    assert np.isnan(usual.rows(strange)).all()


def test_what_is_usual_goes_through_plain_parts() -> None:
    usual = usual_of(made_runs(6), "training")
    document, arrays = usual.to_parts()
    again = Usual.from_parts(document, arrays)
    assert (again.kinds, again.tasks, again.runs) == (usual.kinds, usual.tasks, usual.runs)
    assert again.of_tasks == pytest.approx(usual.of_tasks, rel=1e-6, nan_ok=True)
    assert again.within == pytest.approx(usual.within, rel=1e-5, abs=1e-5)
    assert again.parents == usual.parents
    assert again.parents["report_0"] == tuple(f"count_{n}" for n in range(12))
    assert sum(array.nbytes for array in arrays.values()) < 60_000
    with pytest.raises(BundleError, match="within"):
        Usual.from_parts(document, {k: v for k, v in arrays.items() if k != "within"})
    with pytest.raises(BundleError, match="other measures"):
        Usual.from_parts({**document, "measures": ["run"]}, arrays)


def test_few_slow_jobs_do_not_make_themselves_usual() -> None:
    table = made_run(slower(6.0, "run", host="worker-3")).table
    usual = usual_of_itself(table)
    low, middle, high = usual.of_kinds[usual.kinds.index("count"), RUN]
    assert 70 < low < middle < high < 110
    assert not usual.known
    assert "prepare" not in usual.kinds


def test_time_in_which_nothing_is_told_of_a_ready_job_counts_as_queue() -> None:
    table = made_run().table
    later = replace(table, ready=table.ready - 7.0)
    assert (measured(later)[:, QUEUE] - measured(table)[:, QUEUE]) == pytest.approx(7.0)


def test_uses_that_nobody_told_stay_unknown() -> None:
    table = replace(made_run().table, used={})
    assert np.isnan(measured(table)[:, MEASURES.index("cpu")]).all()
    usual = usual_of([replace(run, table=replace(run.table, used={})) for run in made_runs(5)])
    assert np.isnan(usual.rows(table)[:, MEASURES.index("stage_in_bytes")]).all()
