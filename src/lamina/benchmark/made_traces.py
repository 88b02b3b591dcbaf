"""Traces of every format that no system left behind, as large as is asked for: to time readers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

BEGIN = 1_767_323_045
"""2026-01-02T03:04:05Z."""
_WIDE = 50
"""Tasks that run at the same time; each reads the one that is as many before it."""
_RUNTIMES = (3, 5, 8, 13)


def made_trace(form: str, folder: Path, tasks: int) -> Path:
    """One run of so many tasks in a format; the path to be read.

    Args:
        form: one of FORMS.
        folder: to write into.
        tasks: how many.
    """
    return FORMS[form](folder, tasks)


def _seconds(number: int) -> int:
    return _RUNTIMES[number % len(_RUNTIMES)]


def _begin(number: int) -> int:
    return BEGIN + 20 * (number // _WIDE)


def _table(folder: Path, tasks: int) -> Path:
    """28 columns, of which 24 are filled, as in the collections."""
    head = (
        ",type,ready,pre_script_start,pre_script_end,submit,execute_start,execute_end,"
        "post_script_start,post_script_end,wms_delay,pre_script_delay,queue_delay,runtime,"
        "post_script_delay,stage_in_delay,stage_in_bytes,stage_in_effective_bandwidth,"
        "stage_out_delay,stage_out_bytes,stage_out_effective_bandwidth,kickstart_user,"
        "kickstart_site,kickstart_hostname,kickstart_transformations,kickstart_executables,"
        "kickstart_executables_exitcode,kickstart_executables_cpu_time"
    )
    rows = [head]
    for number in range(tasks):
        ready, took = _begin(number), _seconds(number)
        start, end = ready + 4, ready + 9 + took
        rows.append(
            f"grind_ID{number:07d},compute,{ready},,,{ready + 1},{start},{end},{end},{end + 1},1,,"
            f"3,{5 + took},1,3,{1000 + number},0.2,2,{900 + number},0.1,me,pool,"
            f"worker-{number % 4},grind,/bin/grind,0,{took}.25"
        )
    return _written(folder / "grind-A-run0001.csv", "\n".join(rows) + "\n")


def _wfformat(folder: Path, tasks: int) -> Path:
    """A schedule has to be made up."""
    ids = [f"grind_ID{number:07d}" for number in range(tasks)]
    described = [
        {
            "name": id, "id": id, "parents": ids[max(n - _WIDE, 0) : n : _WIDE], "children": [],
            "inputFiles": [f"in{n}"], "outputFiles": [f"out{n}"],
        }
        for n, id in enumerate(ids)
    ]  # fmt: skip
    ran = [
        {"id": id, "runtimeInSeconds": _seconds(n), "coreCount": 1, "machines": ["worker-1"]}
        for n, id in enumerate(ids)
    ]
    machines = [{"nodeName": "worker-1", "cpu": {"coreCount": 64}}]
    workflow = {
        "specification": {"tasks": described, "files": []},
        "execution": {"makespanInSeconds": 1, "tasks": ran, "machines": machines},
    }
    return _json(folder, {"name": "grind", "schemaVersion": "1.5", "workflow": workflow})


def _nextflow(folder: Path, tasks: int) -> Path:
    head = (
        "task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\tduration\trealtime\t%cpu\tpeak_rss\t"
        "peak_vmem\trchar\twchar"
    )
    rows = [head]
    for number in range(tasks):
        clock = f"2026-01-02 {3 + number % 9:02}:{number % 60:02}:05.{number % 1000:03}"
        took = _seconds(number)
        rows.append(
            f"{number}\tab/{number:06x}\t{9000 + number}\tGRIND ({number})\tCOMPLETED\t0\t{clock}\t"
            f"{took + 1}.3s\t{took}.1s\t95.{number % 10}%\t2.{number % 10} GB\t3 GB\t"
            f"{1 + number % 900} MB\t{1 + number % 90} KB"
        )
    return _written(folder / "trace.txt", "\n".join(rows) + "\n")


def _parsl(folder: Path, tasks: int) -> Path:
    """The tables of monitoring.db, with the five states that a task goes through."""
    place = folder / "monitoring.db"
    schema = """
    CREATE TABLE workflow (run_id TEXT, workflow_name TEXT, time_began DATETIME,
        time_completed DATETIME, tasks_failed_count INTEGER);
    CREATE TABLE task (task_id INTEGER, run_id TEXT, task_depends TEXT, task_func_name TEXT,
        task_time_invoked DATETIME, task_time_returned DATETIME);
    CREATE TABLE try (try_id INTEGER, task_id INTEGER, run_id TEXT, hostname TEXT,
        task_executor TEXT, task_try_time_launched DATETIME, task_try_time_running DATETIME,
        task_try_time_returned DATETIME, task_fail_history TEXT);
    CREATE TABLE status (task_id INTEGER, task_status_name TEXT, timestamp DATETIME, run_id TEXT,
        try_id INTEGER);
    """
    states = ("pending", "launched", "running", "running_ended", "exec_done")
    with closing(sqlite3.connect(place)) as base, base:
        base.executescript(schema)
        base.execute(
            "INSERT INTO workflow VALUES ('r', 'grind', ?, ?, 0)", (_date(0), _date(tasks))
        )
        base.executemany(
            "INSERT INTO task VALUES (?, 'r', ?, 'grind', ?, ?)",
            (
                (n, str(n - _WIDE) if n >= _WIDE else "", _date(n), _date(n + _WIDE))
                for n in range(tasks)
            ),
        )
        base.executemany(
            "INSERT INTO try VALUES (0, ?, 'r', ?, 'htex', ?, ?, ?, '')",
            ((n, f"worker-{n % 4}", _date(n), _date(n, 0.5), _date(n, 5.25)) for n in range(tasks)),
        )
        base.executemany(
            "INSERT INTO status VALUES (?, ?, ?, 'r', 0)",
            (
                (n, state, _date(n, place * 1.25))
                for n in range(tasks)
                for place, state in enumerate(states)
            ),
        )
    return place


def _date(number: int, more: float = 0.0) -> str:
    """As SQLAlchemy writes it."""
    at = number // _WIDE * 20
    return (
        f"2026-01-{2 + at // 86400 % 27:02} {at // 3600 % 24:02}:{at // 60 % 60:02}:"
        f"{at % 60 / 2 + more:09.6f}"
    )


def _chrome(folder: Path, tasks: int) -> Path:
    """Calls of 50 threads, each with one inside."""
    events = []
    for number in range(tasks):
        at, took = 20_000_000 * (number // _WIDE), _seconds(number) * 1_000_000
        row = {"cat": "grind", "ph": "X", "pid": 1, "tid": number % _WIDE}
        events.append({"name": "grind", **row, "ts": at, "dur": took})
        events.append({"name": "turn", **row, "ts": at + 9, "dur": took - 99})
    return _json(folder, {"traceEvents": events})


def _chrome_ours(folder: Path, tasks: int) -> Path:
    """What `lamina traces write --as chrome` makes of the table."""
    from lamina.workspace.traces import write

    return write([str(_table(folder, tasks))], folder / "ours.json", "chrome")


def _wfformat_ours(folder: Path, tasks: int) -> Path:
    """What `lamina traces write` makes of the table."""
    from lamina.workspace.traces import write

    return write([str(_table(folder, tasks))], folder / "ours.json", "wfformat")


def _pegasus(folder: Path, tasks: int) -> Path:
    """jobstate.log and the .dag; kickstart's outputs are files of their own, and are left out."""
    place = folder / "submit"
    place.mkdir()
    (place / "braindump.yml").write_text('dax_label: "grind"\npegasus_wf_name: "grind-0"\n')
    dag = [f"JOB grind_ID{number:07d} 00/00/grind_ID{number:07d}.sub" for number in range(tasks)]
    dag += [
        f"PARENT grind_ID{number - _WIDE:07d} CHILD grind_ID{number:07d}"
        for number in range(_WIDE, tasks)
    ]
    _written(place / "grind-0.dag", "\n".join(dag) + "\n")
    log = [f"{BEGIN} INTERNAL *** DAGMAN_STARTED 7.0 ***"]
    for number in range(tasks):
        log += [
            f"{time} grind_ID{number:07d} {state} {code} pool - {number + 1}"
            for time, state, code in _states(number)
        ]
    log.append(f"{_begin(tasks) + 99} INTERNAL *** DAGMAN_FINISHED 0 ***")
    _written(place / "jobstate.log", "\n".join(log) + "\n")
    return place


def _states(number: int) -> list[tuple[int, str, str]]:
    """What a job goes through: time, state, exit code or number of HTCondor."""
    at, took, code = _begin(number), _seconds(number), f"{number + 7}.0"
    end = at + 4 + took
    return [
        (at + 1, "SUBMIT", code), (at + 4, "EXECUTE", code), (end, "JOB_TERMINATED", code),
        (end, "JOB_SUCCESS", "0"), (end, "POST_SCRIPT_STARTED", code),
        (end + 1, "POST_SCRIPT_TERMINATED", code), (end + 1, "POST_SCRIPT_SUCCESS", "0"),
    ]  # fmt: skip


def _stampede(folder: Path, tasks: int) -> Path:
    place = folder / "grind-0.stampede.db"
    schema = """
    CREATE TABLE workflow (wf_id INTEGER PRIMARY KEY, dag_file_name TEXT, dax_label TEXT,
        parent_wf_id INTEGER, root_wf_id INTEGER);
    CREATE TABLE workflowstate (wf_id INTEGER, state TEXT, timestamp NUMERIC, status INTEGER);
    CREATE TABLE host (host_id INTEGER PRIMARY KEY, hostname TEXT);
    CREATE TABLE job (job_id INTEGER PRIMARY KEY, wf_id INTEGER, exec_job_id TEXT, type_desc TEXT);
    CREATE TABLE job_edge (wf_id INTEGER, parent_exec_job_id TEXT, child_exec_job_id TEXT);
    CREATE TABLE job_instance (job_instance_id INTEGER PRIMARY KEY, job_id INTEGER,
        host_id INTEGER, job_submit_seq INTEGER, site TEXT, subwf_id INTEGER, exitcode INTEGER);
    CREATE TABLE jobstate (job_instance_id INTEGER, state TEXT, timestamp NUMERIC,
        jobstate_submit_seq INTEGER, reason TEXT);
    CREATE TABLE invocation (invocation_id INTEGER PRIMARY KEY, job_instance_id INTEGER,
        task_submit_seq INTEGER, remote_cpu_time NUMERIC, exitcode INTEGER, transformation TEXT,
        maxrss INTEGER);
    """
    names = [f"grind_ID{number:07d}" for number in range(tasks)]
    many: Mapping[str, Iterable[tuple[Any, ...]]] = {
        "workflow": [(1, "grind-0.dag", "grind", None, 1)],
        "workflowstate": [(1, "WORKFLOW_STARTED", BEGIN, None)],
        "host": [(n, f"worker-{n}") for n in range(4)],
        "job": ((n, 1, name, "compute") for n, name in enumerate(names)),
        "job_edge": ((1, names[n - _WIDE], names[n]) for n in range(_WIDE, tasks)),
        "job_instance": ((n, n, n % 4, n + 1, "pool", None, 0) for n in range(tasks)),
        "jobstate": (
            (n, state, time, place, "")
            for n in range(tasks)
            for place, (time, state, _) in enumerate(_states(n))
        ),
        "invocation": ((n, n, 1, 2.5, 0, "grind", 9000) for n in range(tasks)),
    }
    with closing(sqlite3.connect(place)) as base, base:
        base.executescript(schema)
        for table, rows in many.items():
            for row in rows:
                base.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    return place


def _kickstart(folder: Path, tasks: int) -> Path:
    """The summaries of a program that ran many tasks in one job."""
    lines = [
        f"[cluster-task id={number}, name=grind_ID{number:07d}, "
        f'start="2026-01-02T{3 + number % 9:02}:{number % 60:02}:05.000Z", '
        f'duration={_seconds(number)}.25, status=0, line=1, pid=9, app="/bin/grind", '
        f"hostname=worker-{number % 4}]"
        for number in range(tasks)
    ]
    lines.append(
        f'[cluster-summary stat="ok", lines={tasks}, tasks={tasks}, succeeded={tasks}, failed=0, '
        'extra=0, duration=9.5, start="2026-01-02T03:04:05.000Z"]'
    )
    return _written(folder / "merge.out.000", "\n".join(lines) + "\n")


def _records(folder: Path, tasks: int) -> Path:
    """The store of a project, with one run."""
    from lamina.records.rows import RunRecord
    from lamina.records.store import Store
    from lamina.workflow import log

    place = folder / ".lamina"
    place.mkdir()
    store = Store(f"sqlite:///{place / 'records.sqlite'}")
    store.create(RunRecord("00000000a1", "quiet-fox", "grind", {"tasks": {"grind": {}}}))
    events: list[log.Event] = [log.RunStarted(BEGIN, 1, "grind", tasks, {"host": "here"})]
    for number in range(tasks):
        at, took, unit = _begin(number), _seconds(number), f"grind[{number}]"
        made = {"out": {"codec": "file", "digest": f"{number:064x}", "size": 9}}
        phases = {
            "submit": (at, at + 0.1), "queue": (at + 0.1, at + 0.5),
            "stage_in": (at + 0.5, at + 1.0), "run": (at + 1.0, at + 1.0 + took),
        }  # fmt: skip
        usage = {"cpu": float(took), "memory_peak": 1e7}
        events += [
            log.AttemptStarted(at, unit, 1, at, f"key-{number}", f"{1:064x}", reason="forced"),
            log.AttemptEnded(
                at + 1.0 + took, unit, 1, "succeeded", f"w{number % 4}", "here", 43, phases, usage,
                outputs=made,
            ),
        ]  # fmt: skip
    events.append(log.RunFinished(_begin(tasks) + 99, "succeeded"))
    for first in range(0, len(events), 5000):
        store.append("00000000a1", events[first : first + 5000])
    store.close()
    return place / "records.sqlite"


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _json(folder: Path, document: Any) -> Path:
    return _written(folder / "run.json", json.dumps(document))


FORMS: Mapping[str, Callable[[Path, int], Path]] = {
    "csv": _table,
    "wfformat": _wfformat,
    "wfformat of lamina": _wfformat_ours,
    "nextflow": _nextflow,
    "parsl": _parsl,
    "chrome": _chrome,
    "chrome of lamina": _chrome_ours,
    "pegasus": _pegasus,
    "stampede": _stampede,
    "kickstart": _kickstart,
    "lamina": _records,
}
"""What is timed -> what makes it; the first word is the name of the reader."""
