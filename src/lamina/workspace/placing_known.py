"""What is known of runtimes before a job is placed: from a log, from a placing run, from a law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lamina.errors import DataError, LaminaError
from lamina.estimates.placement_log import Placed, read_log
from lamina.estimates.stages import Load, RuntimeEstimates
from lamina.planning.placement import log as placing_log
from lamina.planning.placement.learning import fresh
from lamina.planning.placement.policy import Policy
from lamina.planning.placement.retelling import Told, retold, told
from lamina.planning.placement.words import Runtime
from lamina.planning.simulation.laws import IMAGE_BYTES
from lamina.planning.simulation.scenarios import Scenario
from lamina.workspace.project import project

_TOLD = ("upload", "deployment", "processing")
"""Stages that rows tell; others take no time there."""
LOG = "placing.jsonl"
"""Name of the log of a placing run, in its folder."""


@dataclass(frozen=True)
class Known:
    """What is known.

    Args:
        runtimes: name -> runtime.
        estimates: runtime -> what was learnt, with the predictors of a policy.
        source: where from, in words.
        now: seconds of the clock by which was learnt.
    """

    runtimes: Mapping[str, Runtime]
    estimates: Mapping[str, RuntimeEstimates]
    source: str
    now: float = 0.0


def known(policy: Policy, log: Path | None, run: str, scenario: Scenario) -> Known:
    """From a log of placed tasks, else from a placing run, else from two runs of a scenario.

    Args:
        policy: whose predictors learn.
        log: CSV file in the STOIC authors' format; None for none.
        run: file or name of a placing run; empty for none.
        scenario: whose runtimes are taken where there is neither.

    Raises:
        DataError: a file is none of its kind.
    """
    if log is not None:
        return from_rows(policy, read_log(log), str(log))
    if run:
        parts = run_log(run)
        dispatcher = retold(parts, policy)
        about = f"{len(parts.outcomes)} jobs of placing run {run}"
        return Known(dispatcher.runtimes, dispatcher.learner.estimates, about, parts.end)
    return _from_scenario(policy, scenario)


def _from_scenario(policy: Policy, scenario: Scenario) -> Known:
    world = scenario.world(0)
    estimates = fresh(policy, world.runtimes)
    for name in world.runtimes:
        for stage, size, seconds in world.history(name):
            if stage in estimates[name].stages:
                estimates[name].update(stage, Load(size, size, size), seconds)
    about = f"two made-up runs of each runtime, {scenario.regime} (name --log or --run for others)"
    return Known(world.runtimes, estimates, about)


def from_rows(policy: Policy, rows: Sequence[Placed], name: str) -> Known:
    """What the rows of a log teach; a runtime that is never deployed there stands ready."""
    by_name: dict[str, list[Placed]] = {}
    for row in rows:
        by_name.setdefault(row.runtime, []).append(row)
    runtimes = {one: runtime_of(one, own) for one, own in by_name.items()}
    estimates = {
        one: RuntimeEstimates({s: p for s, p in all_.stages.items() if s in _TOLD}, all_.overlaps)
        for one, all_ in fresh(policy, runtimes).items()
    }
    for row in rows:
        one, load = estimates[row.runtime], load_of(row)
        one.finished(load, total_of(row, runtimes[row.runtime].standby, one.overlaps))
        for stage, seconds in stages_of(row).items():
            if stage in one.stages:
                one.update(stage, load, seconds)
    return Known(runtimes, estimates, f"{len(rows)} rows of {name}", rows[-1].at)


def runtime_of(name: str, rows: Sequence[Placed]) -> Runtime:
    """A runtime as its rows let it look: its devices are the number behind "gpu"."""
    if all(row.deployment == 0.0 for row in rows):
        return Runtime(name, standby=True, capacity=1)
    count = name.removeprefix("gpu") if name.startswith("gpu") else ""
    return Runtime(name, devices=int(count) if count.isdigit() else int(name.startswith("gpu")))


def load_of(row: Placed) -> Load:
    """The load of a row; logs tell no bytes, and pictures are of the paper's size."""
    return Load(row.items, row.items * IMAGE_BYTES, 0.0, row.at)


def stages_of(row: Placed) -> dict[str, float]:
    """Stage -> seconds."""
    return {"upload": row.transfer, "deployment": row.deployment, "processing": row.processing}


def total_of(row: Placed, standby: bool, overlaps: bool) -> float:
    """From ready to done: what stands ready has its data, elsewhere that travels meanwhile."""
    if standby:
        return row.processing
    apart = row.transfer + row.deployment
    return (max(row.transfer, row.deployment) if overlaps else apart) + row.processing


def run_log(run: str) -> Told:
    """The log of a placing run, by its file, its folder or its name in this project.

    Raises:
        DataError: there is none, or it is none.
    """
    file = _file(run)
    return told(placing_log.read_log(file), str(file))


def _file(run: str) -> Path:
    given = Path(run)
    if given.is_file():
        return given
    if (given / LOG).is_file():
        return given / LOG
    home = project()
    try:
        record = home.store.find(run)
    except LaminaError as error:
        raise DataError(
            f"there is no placing run {run!r}",
            f"name a run of `lamina place run` (lamina ls), its folder, or its {LOG}",
        ) from error
    found = home.run_folder(record.id) / LOG
    if not found.is_file():
        raise DataError(
            f"run {run!r} has no log of placing: {str(found)!r} is not there",
            "name a run of `lamina place run`",
        )
    return found
