"""What to try, for each cause."""

from __future__ import annotations

from lamina.diagnosis.explain.explanation import FAILED, RETRIED, names_text
from lamina.diagnosis.explain.facts import Facts


def _on(facts: Facts) -> str:
    hosts = facts.hosts
    return f"on {names_text(hosts)}" if hosts else "on the workers"


def for_cpu(facts: Facts) -> tuple[str, ...]:
    found = [f"look what else takes cores {_on(facts)}: more processes than cores, or other guests"]
    if not facts.hosts and len(set(facts.deviations.table.hosts)) > 2:
        found.append(
            "all workers are affected: look for a limit set on all of them, or a machine beneath"
        )
    return (*found, "give jobs whole cores, or fewer places to each worker, and run again")


def for_disk(facts: Facts) -> tuple[str, ...]:
    found = [f"look what else writes to the disks {_on(facts)} (iostat -x 5)"]
    if facts.ratios["submit"] > 1.3:
        found.append("submission is slow: look at the disk of the submit host as well")
    return (*found, "put the work folders on another or a local disk, and run again")


def for_loss(facts: Facts) -> tuple[str, ...]:
    return (
        f"measure the path from the inputs' place to the jobs {_on(facts)} (mtr, iperf3): "
        "a few percent of lost packets make transfers many times slower",
        "keep a copy of the inputs near the workers, or stage them in once for each worker",
    )


def for_host(facts: Facts) -> tuple[str, ...]:
    names = names_text(facts.hosts) or "that host"
    return (
        f"run again without {names}",
        f"compare {names} with another worker: disk, cores, network",
    )


def for_size(facts: Facts) -> tuple[str, ...]:
    del facts
    return (
        "nothing to mend: there was more to do; if that stays so, say so: "
        "lamina diagnose answer RUN expected",
    )


def for_workers(facts: Facts) -> tuple[str, ...]:
    del facts
    return (
        "give the run more workers, or more places on each; or let the longest jobs begin first",
    )


def for_failures(facts: Facts) -> tuple[str, ...]:
    found = [one for one in facts.findings if one.kind in (FAILED, RETRIED)]
    first = (
        [f"read what {found[0].jobs[0]} printed last; then let the run go on where it ended"]
        if found
        else []
    )
    hosts = {host for one in found for host in one.hosts}
    if not set(facts.deviations.table.hosts) - hosts - {""}:
        hosts = set()  # there is no other to run on
    return (
        *first,
        *([f"leave out {names_text(sorted(hosts))}: failures stand there only"] if hosts else []),
    )


def for_machines(facts: Facts) -> tuple[str, ...]:
    del facts
    return ("compare with runs of the same machines: lamina diagnose run RUN --against RUNS",)
