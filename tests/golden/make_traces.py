"""Makes the samples under traces/: small runs, written in the forms of other systems.

    python tests/golden/make_traces.py

All of them are made up here, after the published forms, but parsl.db: that is the monitoring
database of a real run of Parsl 2026.10, with the names of its machine replaced.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from lamina.records.exports.chrome import trace_document
from lamina.records.exports.wfformat import instance_of
from lamina.testing.exporters import made

HERE = Path(__file__).resolve().parent / "traces"
BEGIN = 1_767_323_045
"""2026-01-02T03:04:05Z."""

SHORT = (
    "type", "ready", "pre_script_start", "pre_script_end", "submit", "execute_start",
    "execute_end", "post_script_start", "post_script_end", "wms_delay", "pre_script_delay",
    "queue_delay", "runtime", "post_script_delay", "stage_in_delay", "stage_out_delay",
)  # fmt: skip
MIDDLE = (
    *SHORT, "is_clustered", "stage_in_bytes", "stage_out_bytes", "kickstart_user",
    "kickstart_site", "kickstart_hostname", "kickstart_transformations", "kickstart_executables",
    "kickstart_executables_argv", "kickstart_executables_cpu_time", "kickstart_status",
    "kickstart_executables_exitcode",
)  # fmt: skip
LONG = (
    *MIDDLE, "anomaly_type", "stage_in_start", "stage_in_end", "stage_in_effective_bytes_per_sec",
    "stage_out_start", "stage_out_end", "stage_out_effective_bytes_per_sec",
    "kickstart_online_iowait", "kickstart_online_bytes_read", "kickstart_online_bytes_written",
    "kickstart_online_read_system_calls", "kickstart_online_write_system_calls",
    "kickstart_online_utime", "kickstart_online_stime", "kickstart_online_bytes_read_per_second",
    "kickstart_online_bytes_written_per_second",
)  # fmt: skip

JOBS = {
    "create_dir_toy-20260102T030405Z_0_condorpool": (0, 4, 2, 3, None, None),
    "grind_ID0000001": (14, 5, 11, 40, 6, 4),
    "grind_ID0000002": (14, 5, 12, 44, 7, 4),
    "brew_ID0000003": (80, 6, 3, 20, 2, 2),
    "cleanup_toy-20260102T030405Z_0_condorpool": (120, 5, 0, 5, None, None),
}
"""Job -> ready, WMS delay, queue delay, runtime, stage in, stage out; the runtime is the whole."""
PARENTS = {
    "grind_ID0000001": ["create_dir_toy-20260102T030405Z_0_condorpool"],
    "grind_ID0000002": ["create_dir_toy-20260102T030405Z_0_condorpool"],
    "brew_ID0000003": ["grind_ID0000001", "grind_ID0000002"],
    "cleanup_toy-20260102T030405Z_0_condorpool": ["brew_ID0000003"],
}


def tables() -> None:
    """A labelled collection: three runs in the three forms of the table of jobs."""
    _table("toy/normal/toy-20260102T030405Z-run0001.csv", MIDDLE, 1.0)
    _table("toy/cpu_2/toy-20260103T030405Z-run0001.csv", LONG, 1.5)
    _table("toy/cpu_2/toy-20260103T030405Z-run0002.csv", SHORT, 1.6)
    children: dict[str, list[str]] = {}
    for job, above in PARENTS.items():
        for parent in above:
            children.setdefault(parent.replace("20260102", "20250101"), []).append(
                job.replace("20260102", "20250101")
            )
    folder = HERE / "labelled" / "adjacency_list_dags"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "toy.json").write_text(json.dumps(children, indent=1) + "\n")


def _table(name: str, columns: tuple[str, ...], slower: float) -> None:
    path = HERE / "labelled" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("", *columns))
        for place, (job, told) in enumerate(JOBS.items()):
            ready, wms, queue, runtime, into, back = told
            runtime = round(runtime * slower) if into else runtime
            submit = BEGIN + ready + wms
            start = submit + queue
            # The clock of the worker is two minutes ahead.
            late = start + 125
            row = {
                "type": "compute" if into else "auxiliary", "is_clustered": 0,
                "ready": BEGIN + ready, "submit": submit, "execute_start": start,
                "execute_end": start + runtime, "post_script_start": start + runtime,
                "post_script_end": start + runtime + 5, "wms_delay": wms, "queue_delay": queue,
                "runtime": runtime, "post_script_delay": 5, "stage_in_delay": into,
                "stage_out_delay": back, "stage_in_bytes": into and into * 10_000_000,
                "stage_out_bytes": back and back * 1000, "kickstart_user": "ada",
                "kickstart_site": "condorpool" if into else "local",
                "kickstart_hostname": f"worker-{place}" if into else "master",
                "kickstart_transformations": job.partition("_ID")[0] if into else "pegasus::x",
                "kickstart_executables": "/usr/bin/mill", "kickstart_executables_argv": "-n  3",
                "kickstart_executables_cpu_time": runtime / 2, "kickstart_status": 0,
                "kickstart_executables_exitcode": 0,
                "anomaly_type": "cpu_2" if place == 1 else "None",
                "stage_in_start": into and late, "stage_in_end": into and late + into,
                "stage_out_start": back and late + runtime - 6 - back,
                "stage_out_end": back and late + runtime - 6,
                "kickstart_online_bytes_read": 100, "kickstart_online_bytes_written": 50,
                "kickstart_online_iowait": 0.5,
            }  # fmt: skip
            out.writerow([job, *("" if row.get(c) is None else row[c] for c in columns)])


def instances() -> None:
    """WfFormat in both versions, and as Lamina writes it."""
    seconds = {job: told[3] for job, told in JOBS.items()}
    tasks = [
        {
            "name": job, "id": job, "parents": PARENTS.get(job, []),
            "children": [one for one, above in PARENTS.items() if job in above],
            "inputFiles": [], "outputFiles": [],
        }
        for job in JOBS
    ]  # fmt: skip
    machines = [{"nodeName": "mill-1", "cpu": {"coreCount": 1, "speedInMHz": 2400}}]
    ran = [
        {
            "id": job, "runtimeInSeconds": took, "avgCPU": 90.5, "memoryInBytes": 1 << 20,
            "coreCount": 1, "machines": ["mill-1"],
            "command": {"program": "mill", "arguments": []},
        }
        for job, took in seconds.items()
    ]  # fmt: skip
    head = {"name": "toy-20260102T030405Z-0", "createdAt": "2026-01-02T03:10:00Z"}
    execution = {"makespanInSeconds": 130, "executedAt": "20260102T030405+0000"}
    new = {
        "specification": {"tasks": tasks, "files": []},
        "execution": {**execution, "tasks": ran, "machines": machines},
    }
    _json("wfformat-1.5.json", {**head, "schemaVersion": "1.5", "workflow": new})
    old = {
        **execution,
        "machines": [{"nodeName": "mill-1", "cpu": {"count": 1, "speed": 2400}}],
        "tasks": [
            {
                "name": one["name"], "id": str(one["id"]).rpartition("_")[2],
                "type": "compute", "category": str(one["name"]).partition("_ID")[0],
                "parents": one["parents"], "machine": "mill-1", "cores": 1,
                "runtimeInSeconds": seconds[str(one["name"])], "files": [],
            }
            for one in tasks
        ],
    }  # fmt: skip
    wms = {"name": "Pegasus", "version": "5.0"}
    _json("wfformat-1.4.json", {**head, "schemaVersion": "1.4", "wms": wms, "workflow": old})
    _json("wfformat-lamina.json", instance_of(made("retried")))
    _json("chrome-lamina.json", trace_document(made("retried")))
    _json(
        "chrome.json",
        [
            {"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": {"name": "browser"}},
            {"ph": "M", "name": "thread_name", "pid": 1, "tid": 7, "args": {"name": "main"}},
            {"ph": "X", "name": "load", "cat": "io", "pid": 1, "tid": 7, "ts": 1000, "dur": 9000},
            {"ph": "X", "name": "read", "cat": "io", "pid": 1, "tid": 7, "ts": 2000, "dur": 500},
            {"ph": "B", "name": "draw", "pid": 1, "tid": 7, "ts": 12_000},
            {"ph": "E", "pid": 1, "tid": 7, "ts": 15_000},
            {"ph": "X", "name": "load", "cat": "io", "pid": 1, "tid": 8, "ts": 500, "dur": 100},
            {"ph": "C", "name": "memory", "pid": 1, "ts": 900, "args": {"mb": 3}},
        ],
    )


def _json(name: str, document: object) -> None:
    (HERE / name).write_text(json.dumps(document, indent=1) + "\n")


LOG = """\
{0} INTERNAL *** MONITORD_STARTED ***
{0} INTERNAL *** DAGMAN_STARTED 7.0 ***
{1} create_dir_toy_0_local SUBMIT 8.0 local - 1
{3} create_dir_toy_0_local EXECUTE 8.0 local - 1
{6} create_dir_toy_0_local JOB_TERMINATED 8.0 local - 1
{8} create_dir_toy_0_local JOB_SUCCESS 0 local - 1
{8} create_dir_toy_0_local POST_SCRIPT_STARTED 8.0 local - 1
{10} create_dir_toy_0_local POST_SCRIPT_TERMINATED 8.0 local - 1
{11} create_dir_toy_0_local POST_SCRIPT_SUCCESS 0 local - 1
{15} grind_ID0000001 SUBMIT 9.0 condorpool - 2
{15} plan_inner PRE_SCRIPT_STARTED - local - 3
{18} plan_inner PRE_SCRIPT_TERMINATED - local - 3
{18} plan_inner PRE_SCRIPT_SUCCESS 0 local - 3
{20} plan_inner SUBMIT 10.0 local - 3
{21} plan_inner EXECUTE 10.0 local - 3
{25} grind_ID0000001 EXECUTE 9.0 condorpool - 2
{30} grind_ID0000001 JOB_TERMINATED 9.0 condorpool - 2
{31} grind_ID0000001 JOB_FAILURE 2 condorpool - 2
{31} grind_ID0000001 POST_SCRIPT_STARTED 9.0 condorpool - 2
{32} grind_ID0000001 POST_SCRIPT_TERMINATED 9.0 condorpool - 2
{33} grind_ID0000001 POST_SCRIPT_FAILURE 1 condorpool - 2
{35} grind_ID0000001 SUBMIT 11.0 condorpool - 4
{40} grind_ID0000001 EXECUTE 11.0 condorpool - 4
{42} grind_ID0000001 JOB_HELD 11.0 condorpool - 4
{60} grind_ID0000001 JOB_RELEASED 11.0 condorpool - 4
{62} grind_ID0000001 EXECUTE 11.0 condorpool - 4
{80} grind_ID0000001 JOB_TERMINATED 11.0 condorpool - 4
{81} grind_ID0000001 JOB_SUCCESS 0 condorpool - 4
{81} grind_ID0000001 POST_SCRIPT_STARTED 11.0 condorpool - 4
{83} grind_ID0000001 POST_SCRIPT_SUCCESS 0 condorpool - 4
{90} plan_inner JOB_TERMINATED 10.0 local - 3
{90} plan_inner JOB_SUCCESS 0 local - 3
{95} INTERNAL *** DAGMAN_FINISHED 0 ***
{96} INTERNAL *** MONITORD_FINISHED 0 ***
"""
DAG = """\
# made up
MAXJOBS registration 1
JOB create_dir_toy_0_local 00/00/create_dir_toy_0_local.sub
SCRIPT POST create_dir_toy_0_local /usr/bin/pegasus-exitcode .//00/00/create_dir_toy_0_local.out
RETRY create_dir_toy_0_local 1
JOB grind_ID0000001 00/00/grind_ID0000001.sub
SUBDAG EXTERNAL plan_inner inner.dag
PARENT create_dir_toy_0_local CHILD grind_ID0000001 plan_inner
"""
RECORD = """\
- invocation: True
  version: 3.0
  start: 2026-01-02T03:04:{start:02d}.500+00:00
  duration: {seconds}
  transformation: "toy::grind:1.0"
  derivation: "ID0000001"
  resource: "condorpool"
  hostname: {host}
  pid: 4711
  mainjob:
    start: 2026-01-02T03:04:{start:02d}.600+00:00
    duration: {seconds}
    pid: 4712
    usage:
      utime: 1.500
      stime: 0.250
      maxrss: 2048
    status:
      raw: {raw}
      regular_exitcode: {code}
    executable:
      file_name: /usr/bin/mill
  cwd: /scratch
  usage:
    utime: 0.024
    maxrss: 2672
  files:
    $stdout:
      data: |
        mainjob: not a field
"""


def submit_directories() -> None:
    """A run with a failure, a job that was held, and a sub-workflow; with and without database."""
    for name in ("pegasus", "pegasus-database"):
        outputs = HERE / name / "00" / "00"
        outputs.mkdir(parents=True, exist_ok=True)
        (HERE / name / "jobstate.log").write_text(LOG.format(*range(BEGIN, BEGIN + 100)))
        (HERE / name / "toy-0.dag").write_text(DAG)
        (HERE / name / "braindump.yml").write_text(
            'user: "ada"\ndax_label: "toy"\npegasus_wf_name: "toy-0"\nplanner_version: "5.0.5"\n'
        )
        for number, (start, seconds, raw) in enumerate([(26, 2.5, 512), (63, 14.0, 0)]):
            start, host = (start, "worker-1") if start < 60 else (start - 60, "worker-2")
            text = RECORD.format(start=start, seconds=seconds, raw=raw, code=raw >> 8, host=host)
            (outputs / f"grind_ID0000001.out.{number:03d}").write_text(text)
    _stampede(HERE / "pegasus-database" / "toy-0.stampede.db")


SCHEMA = """
CREATE TABLE workflow (wf_id INTEGER PRIMARY KEY, wf_uuid TEXT, dag_file_name TEXT,
    timestamp NUMERIC, dax_label TEXT, parent_wf_id INTEGER, root_wf_id INTEGER);
CREATE TABLE workflowstate (wf_id INTEGER, state TEXT, timestamp NUMERIC, restart_count INTEGER,
    status INTEGER, reason TEXT);
CREATE TABLE host (host_id INTEGER PRIMARY KEY, wf_id INTEGER, site TEXT, hostname TEXT);
CREATE TABLE job (job_id INTEGER PRIMARY KEY, wf_id INTEGER, exec_job_id TEXT, type_desc TEXT);
CREATE TABLE job_edge (wf_id INTEGER, parent_exec_job_id TEXT, child_exec_job_id TEXT);
CREATE TABLE job_instance (job_instance_id INTEGER PRIMARY KEY, job_id INTEGER, host_id INTEGER,
    job_submit_seq INTEGER, site TEXT, subwf_id INTEGER, exitcode INTEGER);
CREATE TABLE jobstate (job_instance_id INTEGER, state TEXT, timestamp NUMERIC,
    jobstate_submit_seq INTEGER, reason TEXT);
CREATE TABLE invocation (invocation_id INTEGER PRIMARY KEY, wf_id INTEGER, job_instance_id INTEGER,
    task_submit_seq INTEGER, start_time NUMERIC, remote_duration NUMERIC, remote_cpu_time NUMERIC,
    exitcode INTEGER, transformation TEXT, maxrss INTEGER);
"""


def _stampede(path: Path) -> None:
    path.unlink(missing_ok=True)
    base = sqlite3.connect(path)
    base.executescript(SCHEMA)
    base.executemany(
        "INSERT INTO workflow VALUES (?,?,?,?,?,?,?)",
        [(1, "u1", "toy-0.dag", BEGIN, "toy", None, 1), (2, "u2", "in.dag", BEGIN, "in", 1, 1)],
    )
    base.executemany(
        "INSERT INTO workflowstate VALUES (?,?,?,0,?,NULL)",
        [
            (1, "WORKFLOW_STARTED", BEGIN, None), (1, "WORKFLOW_TERMINATED", BEGIN + 95, 0),
            (2, "WORKFLOW_STARTED", BEGIN + 22, None), (2, "WORKFLOW_TERMINATED", BEGIN + 89, 0),
        ],
    )  # fmt: skip
    base.executemany(
        "INSERT INTO host VALUES (?,1,?,?)",
        [(1, "local", "master"), (2, "condorpool", "worker-1"), (3, "condorpool", "worker-2")],
    )
    base.executemany(
        "INSERT INTO job VALUES (?,?,?,?)",
        [
            (1, 1, "create_dir_toy_0_local", "create-dir"), (2, 1, "grind_ID0000001", "compute"),
            (3, 1, "plan_inner", "dax"), (4, 2, "brew_ID0000001", "compute"),
        ],
    )  # fmt: skip
    base.executemany(
        "INSERT INTO job_edge VALUES (1,?,?)",
        [("create_dir_toy_0_local", "grind_ID0000001"), ("create_dir_toy_0_local", "plan_inner")],
    )
    base.executemany(
        "INSERT INTO job_instance VALUES (?,?,?,?,?,?,?)",
        [
            (1, 1, 1, 1, "local", None, 0), (2, 2, 2, 2, "condorpool", None, 512),
            (3, 3, None, 3, "local", 2, 0), (4, 2, 3, 4, "condorpool", None, 0),
            (5, 4, 3, 1, "condorpool", None, 0),
        ],
    )  # fmt: skip
    rows: list[tuple[int, str, int, int, str | None]] = []
    of = {1: 1, 2: 2, 3: 3, 4: 4}
    for line in LOG.format(*range(BEGIN, BEGIN + 100)).splitlines():
        words = line.split()
        if words[1] != "INTERNAL":
            reason = "no room on the disk" if words[2] == "JOB_HELD" else None
            rows.append((of[int(words[-1])], words[2], int(words[0]), len(rows), reason))
    inner = [("SUBMIT", 23), ("EXECUTE", 30), ("JOB_TERMINATED", 85), ("JOB_SUCCESS", 86)]
    rows += [(5, state, BEGIN + at, n, None) for n, (state, at) in enumerate(inner)]
    base.executemany("INSERT INTO jobstate VALUES (?,?,?,?,?)", rows)
    base.executemany(
        "INSERT INTO invocation VALUES (?,?,?,?,?,?,?,?,?,?)",
        [
            (1, 1, 2, 1, BEGIN + 26, 2.5, 1.75, 512, "toy::grind:1.0", 2048),
            (2, 1, 2, -2, BEGIN + 31, 2, 2, 256, "dagman::post", None),
            (3, 1, 4, 1, BEGIN + 63, 14, 1.75, 0, "toy::grind:1.0", 2048),
            (4, 2, 5, 1, BEGIN + 31, 50, 40, 0, "toy::brew:1.0", 4096),
        ],
    )
    base.commit()
    base.execute("VACUUM")
    base.close()


XML = """\
Prologue of a batch system: nodes n1 n2
<?xml version="1.0" encoding="ISO-8859-1"?>
<invocation xmlns="http://pegasus.isi.edu/schema/invocation" version="2.0" \
start="2026-01-02T03:04:05.432-08:00" duration="12.5" transformation="toy::grind:1.0" \
derivation="ID0000001" resource="pool" hostaddr="10.0.0.7" hostname="worker-1" pid="42">
  <prejob start="2026-01-02T03:04:05.532-08:00" duration="1.0" pid="43">
    <usage utime="0.500" stime="0.100"/>
    <status raw="0"><regular exitcode="0"/></status>
  </prejob>
  <mainjob start="2026-01-02T03:04:06.632-08:00" duration="11.0" pid="44">
    <usage utime="9.000" stime="0.400" maxrss="1024"/>
    <status raw="{raw}">{status}</status>
    <statcall error="0">
      <file name="/bin/mill">7F454C46</file>
    </statcall>
    <argument-vector><arg nr="1">-n</arg></argument-vector>
  </mainjob>
  <cwd>/scratch</cwd>
  <usage utime="0.000" stime="0.001"/>
</invocation>
"""
TRACE = """\
task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\tduration\trealtime\t%cpu\tpeak_rss\t\
peak_vmem\trchar\twchar
1\t3b/0be0d1\t1001\tTOY:GRIND (one)\tCOMPLETED\t0\t2026-01-02 03:04:05.123\t12.3s\t11s 500ms\t\
95.3%\t2.3 GB\t3 GB\t10 MB\t512 KB
2\t5c/1a2b3c\t1002\tTOY:GRIND (two)\tFAILED\t137\t2026-01-02 03:04:05.200\t1m 3s\t55.1s\t-\t-\t-\t\
-\t-
3\t9f/99aa00\t1003\tTOY:GRIND (two)\tCOMPLETED\t0\t2026-01-02 03:05:09.000\t1m 10s\t1m\t180.0%\t\
4 GB\t5 GB\t20 MB\t1 MB
4\tab/cdef01\t1004\tTOY:REPORT\tCACHED\t0\t2026-01-01 00:00:00.000\t5s\t4.2s\t50.0%\t100 MB\t\
200 MB\t1 KB\t0
5\tcd/ef0123\t1005\tTOY:BREW\tABORTED\t-\t2026-01-02 03:06:30.000\t-\t-\t-\t-\t-\t-\t-
"""


def texts() -> None:
    """Outputs of kickstart, whole and cut, and a trace of Nextflow."""
    good = XML.format(raw=0, status='<regular exitcode="0"/>')
    bad = XML.format(raw=9, status='<signalled signal="9">Killed</signalled>')
    (HERE / "kickstart.out").write_text(good.partition("\n")[2])
    (HERE / "kickstart-two.out").write_text(good + bad.partition("\n")[2])
    (HERE / "kickstart-cut.out").write_text(good[: good.rindex("<status raw")])
    yaml = RECORD.format(start=26, seconds=2.5, raw=0, code=0, host="worker-1")
    (HERE / "kickstart.yml").write_text(yaml)
    (HERE / "kickstart-cut.yml").write_text(yaml[: yaml.index("    status:")])
    (HERE / "kickstart-cluster.out").write_text(
        '[cluster-task id=1, name=ID1, start="2026-01-02T03:04:05.000Z", duration=1.0, status=0, '
        'app="/bin/mill", hostname="n1", slot=1]\n'
        '[cluster-summary stat="failed", tasks=2, succeeded=1, failed=1, extra=0, '
        'start="2026-01-02T03:04:05.000Z", duration=3.0, pid=24586, app="pegasus-mpi-cluster"]\n'
    )
    (HERE / "nextflow.txt").write_text(TRACE)


def logs() -> None:
    """What DAGMan and monitord tell of a run: a script before, a job that was held, a retry."""
    _dagman(HERE / "toy-0.dag.dagman.out")
    _stream(HERE / "toy-0.bp")


def _dagman(path: Path) -> None:
    lines: list[str] = []

    def say(at: int, *texts: str) -> None:
        lines.extend(
            f"{datetime.fromtimestamp(BEGIN + at, UTC):%m/%d/%y %H:%M:%S} {t}" for t in texts
        )

    def event(seen: int, at: int, name: str, job: str, id: int, *more: str) -> None:
        when = f"{datetime.fromtimestamp(BEGIN + at, UTC):%m/%d/%y %H:%M:%S}"
        say(seen, f"Event: ULOG_{name} for HTCondor Node {job} ({id}.0.0) {{{when}}}", *more)

    def script(at: int, job: str, id: int, took: int, code: int) -> None:
        how = f"failed with status {code}" if code else "completed successfully."
        say(at, f"Running POST script of Node {job}...")
        event(at + took + 1, at + took, "POST_SCRIPT_TERMINATED", job, id)
        say(at + took + 1, f"POST Script of node {job} {how}")

    create, grind, brew = "create_dir_toy_0_local", "grind_ID0000001", "brew_ID0000002"
    say(
        0, "*" * 54, "** condor_scheduniv_exec.70.0 (CONDOR_DAGMAN) STARTING UP",
        "** /usr/bin/condor_dagman", "** $CondorVersion: 23.0.1 2023-10-31 $", "*" * 54,
        "Using config source: /etc/condor/condor_config", "DAGMAN_VERBOSITY setting: 3",
    )  # fmt: skip
    lines.append("\ta line of a message that goes on")
    say(1, "Of 3 nodes total:", f"Running PRE script of Node {create}...")
    say(3, f"PRE Script of node {create} completed successfully.")
    say(3, f"Submitting HTCondor Node {create} job(s)...", "\tassigned HTCondor ID (71.0.0)")
    event(5, 3, "SUBMIT", create, 71, "Number of idle job procs: 1")
    event(10, 6, "EXECUTE", create, 71)
    done = "completed successfully."
    event(15, 11, "JOB_TERMINATED", create, 71, f"Node {create} job proc (71.0.0) {done}")
    script(15, create, 71, 2, 0)
    event(22, 20, "SUBMIT", grind, 72)
    event(24, 22, "JOB_HELD", grind, 72, "  Hold reason: the disk of worker-1 is full")
    event(29, 27, "JOB_RELEASED", grind, 72)
    event(34, 30, "EXECUTE", grind, 72)
    event(
        50, 46, "JOB_TERMINATED", grind, 72, f"Node {grind} job proc (72.0.0) failed with status 2."
    )
    script(50, grind, 72, 3, 2)
    say(54, f"Retrying node {grind} (retry #1 of 1)...")
    event(56, 55, "SUBMIT", grind, 73)
    event(61, 58, "EXECUTE", grind, 73)
    event(81, 80, "JOB_TERMINATED", grind, 73, f"Node {grind} job proc (73.0.0) {done}")
    script(81, grind, 73, 2, 0)
    event(86, 85, "SUBMIT", brew, 74)
    event(91, 88, "EXECUTE", brew, 74)
    event(96, 94, "JOB_TERMINATED", brew, 74)
    say(96, f"Node {brew} job proc (74.0.0) failed with signal 9.")
    script(96, brew, 74, 2, 1)
    say(99, "**** condor_scheduniv_exec.70.0 (condor_DAGMAN) pid 4711 EXITING WITH STATUS 1")
    path.write_text("\n".join(lines) + "\n")


def _stream(path: Path) -> None:
    lines: list[str] = []

    def say(at: int, event: str, **told: object) -> None:
        when = f"{datetime.fromtimestamp(BEGIN + at, UTC):%Y-%m-%dT%H:%M:%S}.000000Z"
        fields = " ".join(f"{name.replace('__', '.')}={value}" for name, value in told.items())
        head = f"ts={when} event=stampede.{event} level=Info"
        lines.append(f"{head} {fields} xwf.id=6d0c" if fields else head)

    def ran(job: str, id: int, site: str, times: tuple[int, int, int, int], code: int) -> None:
        submit, start, stop, last = times
        of = {"job__id": job, "job_inst__id": id, "sched__id": f"{id + 70}.0"}
        say(submit, "job_inst.submit.start", js__id=1, **of)
        say(submit, "job_inst.submit.end", js__id=1, status=0, **of)
        say(start, "job_inst.main.start", js__id=2, stdout__file=f"{job}.out", **of)
        say(stop, "job_inst.main.term", js__id=3, status=0, **of)
        say(start, "inv.start", inv__id=1, job__id=job, job_inst__id=id)
        say(
            stop, "inv.end", inv__id=1, job__id=job, job_inst__id=id, exitcode=code,
            transformation=f"toy::{job.partition('_')[0]}:1.0", remote_cpu_time=(stop - start) / 2,
            maxrss=2048, argv='" -n 3 \\"a b\\" exitcode=7"',
        )  # fmt: skip
        host = "master" if site == "local" else f"worker-{id}"
        say(stop, "job_inst.host.info", job__id=job, job_inst__id=id, hostname=host, site=site)
        say(stop, "job_inst.main.end", js__id=4, status=code, exitcode=code, site=site, **of)
        say(stop + 1, "job_inst.post.start", js__id=5, **of)
        say(last, "job_inst.post.term", js__id=6, **of)
        say(last, "inv.end", inv__id=-2, job__id=job, job_inst__id=id, remote_cpu_time=1)
        say(last, "job_inst.post.end", js__id=7, status=code, exitcode=code, **of)

    create, grind = "create_dir_toy_0_local", "grind_ID0000001"
    say(
        0, "wf.plan", dax__label="toy", dag__file__name="toy-0.dag", root__xwf__id="6d0c",
        argv='"--dax toy.dax --submit"', user="ada",
    )  # fmt: skip
    say(0, "static.start")
    say(0, "job.info", job__id=create, type_desc="create-dir", argv='"-u file:///x y"')
    say(0, "job.info", job__id=grind, type_desc="compute", argv='""')
    say(0, "job.edge", parent__job__id=create, child__job__id=grind)
    say(0, "static.end")
    say(1, "xwf.start", restart_count=0)
    ran(create, 1, "local", (4, 9, 13, 18), 0)
    ran(grind, 2, "condorpool", (22, 30, 46, 51), 2)
    ran(grind, 3, "condorpool", (55, 61, 83, 88), 0)
    say(95, "xwf.end", restart_count=0, status=0)
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    tables()
    instances()
    submit_directories()
    texts()
    logs()
