"""`lamina ls`, `status`, `logs`, `stats`, `trace`, `diff`, `lineage` on recorded runs."""

from __future__ import annotations

import csv
import json
import os
import platform
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from commandline import done, run

from lamina.execution.lock import RunLock
from lamina.records.store import RunRecord, Store
from lamina.testing.runs import RUNS
from lamina.testing.stores import story
from lamina.workflow import log
from lamina.workspace import history, logs
from lamina.workspace.project import Project

SESSION = {"host": platform.node(), "pid": os.getpid()}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a run that failed (older) and one that retried (newer)."""
    monkeypatch.setenv("LAMINA_PROJECT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = Project(tmp_path / ".lamina")
    for place, kind in enumerate(("failed", "retried")):
        made, identity = RUNS[kind](), f"{place + 1:010x}"
        created = made.record.created + 3600 * place
        record = replace(made.record, id=identity, name=f"{kind}-run", created=created)
        found.store.create(record)
        found.store.append(identity, made.events)
    return found


def begin(project: Project, name: str = "live-run") -> str:
    """A run that goes on, driven by this process as far as the record says."""
    record = RunRecord("00000000ee", name, "w", created=4e9, host=platform.node(), pid=os.getpid())
    project.store.create(record)
    project.store.append(
        record.id,
        [
            log.RunStarted(time.time() - 60, 1, "w", 3, SESSION),
            log.AttemptStarted(
                time.time() - 50, "train", 2, time.time() - 51, reason="retry: lost"
            ),
            log.AttemptProgressed(time.time() - 40, "train", 2, {"epochs": 100}),
            log.AttemptProgressed(time.time() - 30, "train", 2, {"epoch": 0, "loss": 1.0}),
            log.AttemptProgressed(time.time(), "train", 2, {"epoch": [30], "loss": [0.125]}),
        ],
    )
    return record.id


def test_runs_are_listed_newest_first(project: Project) -> None:
    lines = done("ls").out.splitlines()
    assert lines[0].split() == ["NAME", "RUN", "WORKFLOW", "STATUS", "DONE", "BEGAN", "TOOK"]
    assert [line.split()[0] for line in lines[1:]] == ["retried-run", "failed-run"]
    told = done("ls", "--json", "-n", "1").json["runs"]
    assert [(one["name"], one["status"]) for one in told] == [("retried-run", "succeeded")]


def test_what_is_shown_fits_a_terminal(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [
        ("ls", []),
        ("status", ["failed-run"]),
        ("status", ["failed-run/count[2]"]),
        ("stats", ["retried-run", "-s", "tasks"]),
        ("stats", ["retried-run", "-s", "transfer"]),
        ("trace", ["retried-run"]),
        ("lineage", ["retried-run"]),
        ("diff", ["failed-run", "retried-run"]),
    ]
    for verb in ("ls", "stats", "trace", "diff", "lineage"):
        monkeypatch.setattr(f"lamina.cli.{verb}.room", lambda: 80)
    for verb, arguments in shown:
        lines = done(verb, *arguments).out.splitlines()
        assert max(map(len, lines)) <= 80, (verb, max(lines, key=len))


def test_a_pipe_gets_whole_lines_without_colours(project: Project) -> None:
    environment = {**os.environ, "COLUMNS": "20", "TERM": "xterm-256color"}
    for verb in (["ls"], ["status"], ["trace"], ["timeline"]):
        told = subprocess.run(
            [sys.executable, "-m", "lamina", *verb],
            capture_output=True, text=True, check=True, env=environment,
        ).stdout  # fmt: skip
        assert "\x1b" not in told
        assert "retried-run" in told or verb == ["trace"]


def test_a_terminal_shows_how_runs_ended_in_colours(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty

    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as stdout:
        command = [sys.executable, "-m", "lamina", "ls"]
        subprocess.run(command, stdout=stdout, check=True, env={**os.environ, "TERM": "xterm"})
        told = os.read(ours, 65536).decode()
    os.close(ours)
    assert "\x1b[31mfailed\x1b[0m" in told
    assert "\x1b[32msucceeded\x1b[0m" in told


def test_looking_where_nothing_ran_makes_nothing_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "lamina run FILE" in done("ls").out
    for verb in ("status", "logs", "stats", "trace", "lineage"):
        refused = run(verb, *(["last"] if verb == "lineage" else []))
        assert (refused.code, "no run is recorded here" in refused.err) == (2, True), verb
    assert "no run 'calm-moss'" in run("timeline", "calm-moss").err
    assert list(tmp_path.iterdir()) == []


def test_the_status_is_the_line_of_counts(project: Project) -> None:
    lines = done("status", "failed-run").out.splitlines()
    heads = "UNREADY READY PRE QUEUED POST SUCCESS FAILURE %DONE RUNNING"
    assert lines[1].split() == heads.split()
    assert lines[2].split() == ["2", "0", "0", "0", "0", "4", "1", "57", "0"]
    assert lines[3] == "failed"
    assert lines[4].startswith("  count[2]: ")
    assert "lamina logs failed-run --failed" in lines[-2]
    assert "lamina resume failed-run" in lines[-1]


def test_the_status_tells_epochs_and_the_time_that_is_left(project: Project) -> None:
    identity = begin(project)
    with RunLock(project.run_folder(identity)):
        shown = done("status").out
        told = done("status", "--json").json
    assert "train" in shown
    assert "attempt 2  epoch 31/100  loss 0.125  left 1 m 09 s" in shown
    (running,) = told["running"]
    assert running["values"] == {"epochs": 100, "epoch": 30, "loss": 0.125}
    assert 65 < running["left"] < 71
    assert told["counts"]["running"] == 1


def test_a_run_whose_engine_is_gone_is_interrupted(project: Project) -> None:
    identity = begin(project)
    assert "interrupted" in done("status").out
    assert "lamina resume live-run" in done("status").out
    assert done("ls", "--json").json["runs"][0]["status"] == "interrupted"
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    about = {**SESSION, "pid": int(gone.stdout)}
    project.store.append(identity, [log.RunStarted(time.time(), 2, "w", 3, about)])
    assert "interrupted" in done("status").out


def test_an_interrupted_run_is_drawn_until_its_last_event(project: Project) -> None:
    record = RunRecord("00000000ee", "gone-run", "w", created=4e9)
    project.store.create(record)
    about = {"host": platform.node(), "pid": 2**22}
    begun = time.time() - 7200
    started = log.AttemptStarted(begun + 1, "train", 1, begun + 1)
    told = log.AttemptProgressed(begun + 3, "train", 1, {"epoch": 1})
    project.store.append(record.id, [log.RunStarted(begun, 1, "w", 1, about), started, told])
    assert "interrupted" in done("timeline").out.splitlines()[0]
    assert done("timeline", "--json").json["seconds"] == pytest.approx(3)
    done("report", "-o", "r.html")
    assert '"status":"interrupted"' in Path("r.html").read_text("utf-8")


def test_watching_ends_with_the_run(project: Project) -> None:
    identity = begin(project)

    def drive() -> None:
        time.sleep(0.4)
        other = Store(project.store.url)
        other.append(identity, [log.AttemptEnded(time.time(), "train", 2, "succeeded")])
        time.sleep(0.3)
        other.append(identity, [log.RunFinished(time.time(), "succeeded")])
        other.close()

    driver = threading.Thread(target=drive)
    with RunLock(project.run_folder(identity)):
        driver.start()
        shown = done("status", "-w", "--every", "0.05").out.splitlines()
        driver.join()
    counts = [line.split() for line in shown if line.split()[0].isdigit()]
    assert [row[5] for row in counts] == ["0", "1", "1"]
    assert "succeeded" in shown[-3]
    lines = done("status", "-w", "--json").out.splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["succeeded"]


@pytest.mark.parametrize("verb", ["status", "logs", "stats", "trace", "lineage"])
def test_an_unknown_run_is_told_with_a_near_one(project: Project, verb: str) -> None:
    refused = run(verb, "faild-run")
    assert refused.code == 2
    assert "unknown run 'faild-run'" in refused.err
    assert "did you mean 'failed-run'?" in refused.err


@pytest.mark.parametrize("verb", ["logs", "stats", "trace", "lineage"])
def test_an_unknown_task_is_told_with_a_near_one(project: Project, verb: str) -> None:
    refused = run(verb, "last/splt")
    assert refused.code == 2
    assert "unknown task of run retried-run 'splt'" in refused.err
    assert "did you mean 'split'?" in refused.err


@pytest.fixture
def printed(project: Project) -> Project:
    """What two attempts of the failed run printed."""
    store = project.store
    record = RunRecord("00000000cc", "loud-run", "w", created=5e9)
    store.create(record)
    folder = project.run_folder(record.id)
    for task, stream, text in (
        ("a", "stdout", "one\ntwo\n"),
        ("b.0", "stderr", "oh no\n"),
        ("b.0", "pre_script.stdout", "before\n"),
    ):
        place = folder / "attempts" / f"{task}~1"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{stream}.txt").write_text(text)
    error = {
        "cause": "ValueError: no\ngood",
        "details": "Traceback\nValueError: no",
        "way_out": "mend",
    }
    store.append(
        record.id,
        [
            log.RunStarted(1.0, 1, "w", 2),
            log.AttemptStarted(1.0, "a", 1, 1.0),
            log.AttemptEnded(2.0, "a", 1, "succeeded", folder="attempts/a~1"),
            log.AttemptStarted(2.0, "b[0]", 1, 2.0),
            log.AttemptEnded(3.0, "b[0]", 1, "failed", folder="attempts/b.0~1", error=error),
            log.RunFinished(3.0, "failed"),
        ],
    )
    return project


def test_what_tasks_printed_stands_under_their_names(printed: Project) -> None:
    assert done("logs").out.splitlines() == [
        "== a~1  succeeded  stdout ==",
        "one",
        "two",
        "== b[0]~1  failed  pre_script.stdout ==",
        "before",
        "== b[0]~1  failed  stderr ==",
        "oh no",
        "-- failed: ValueError: no",
        "   | Traceback",
        "   | ValueError: no",
        "   way out: mend",
    ]
    assert done("logs", "last/a").out.splitlines()[1:] == ["one", "two"]
    assert "== a~1" not in done("logs", "last", "--failed").out
    told = done("logs", "last/b", "--json").json["logs"]
    assert [(one["stream"], one["text"]) for one in told] == [
        ("pre_script.stdout", "before\n"),
        ("stderr", "oh no\n"),
    ]
    assert "nothing was printed" in done("logs", "retried-run").err
    assert "no attempt failed" in done("logs", "last/a", "--failed").err


def test_following_prints_lines_as_they_come(project: Project) -> None:
    identity = begin(project)
    place = project.run_folder(identity) / "attempts" / "train~2"
    place.mkdir(parents=True)
    heard: list[str] = []

    def follow() -> None:
        heard.extend(one.text for one in logs.follow("last", project, every=0.02))

    with RunLock(project.run_folder(identity)):
        follower = threading.Thread(target=follow)
        follower.start()
        with (place / "stdout.txt").open("w") as file:
            for text in ("epoch 1\nep", "och 2\n", "the end"):
                file.write(text)
                file.flush()
                time.sleep(0.06)
        assert heard == ["epoch 1", "epoch 2"]
        store = Store(project.store.url)
        store.append(identity, [log.RunFinished(time.time(), "succeeded")])
        store.close()
        follower.join(10)
    assert heard == ["epoch 1", "epoch 2", "the end"]
    printed = done("logs", "last", "-f").out.splitlines()
    assert printed[0] == "train~2 stdout | epoch 1"


def test_figures_are_told_in_all_forms(project: Project) -> None:
    assert "repeat an earlier one" in done("stats").out
    for form in ("tasks", "runtimes", "transfer"):
        heads, *rows = done("stats", "-s", form).out.splitlines()
        assert heads.split()[0] == ("ATTEMPT" if form == "tasks" else "TASK")
        assert rows
    told = done("stats", "-s", "runtimes", "--json").json
    assert told["name"] == "retried-run"
    assert {row["task"] for row in told["runtimes"]} == {"split", "count", "shuffle", "join"}
    assert done("stats", "last/count", "--json").json["summary"]["tasks"] == 4
    assert "artifacts made" in done("stats", "-s", "integrity", "--json").json["integrity"]
    assert run("stats", "-s", "colours").code == 2


def test_attempts_are_traced_by_fields_and_filters(project: Project) -> None:
    shown = done("trace", "--fields", "unit,attempt,status", "--filter", "status=lost").out
    assert shown.splitlines() == [
        "UNIT      ATTEMPT  STATUS",
        "count[3]        1  lost",
        "count[3]        2  lost",
    ]
    given = ("--filter", "task=count and attempt>1", "--filter", "status=succeeded")
    told = done("trace", "--fields", "unit", *given, "--json").json
    assert [one["unit"] for one in told["attempts"]] == ["count[0]", "count[1]", "count[3]"]
    rows = list(csv.DictReader(done("trace", "--format", "csv").out.splitlines()))
    assert len(rows) == 11
    assert float(rows[0]["run"]) > 0
    refused = run("trace", "--filter", "__import__('os').system('true')")
    assert (refused.code, "cannot be understood" in refused.err) == (2, True)
    assert "memory" in done("trace", "--list").out


def test_two_runs_are_compared(project: Project) -> None:
    shown = done("diff", "failed-run", "retried-run").out
    assert shown.startswith("failed-run -> retried-run")
    assert "failed -> succeeded" in shown
    told = done("diff", "failed-run", "--json").json
    assert told["second"] == "retried-run"
    assert "tasks: 7 the same, 0 differ" in done("diff", "last", "last").out


@pytest.mark.parametrize("target", ["", "missing.csv"])
def test_the_lineage_of_a_file_that_is_not_there_is_told_so(project: Project, target: str) -> None:
    refused = run("lineage", target)
    assert (refused.code, f"there is no file {target!r}" in refused.err) == (2, True)


def test_a_file_is_traced_to_its_run(project: Project, tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("hello")
    refused = run("lineage", "out.txt")
    assert (refused.code, "made or read the bytes" in refused.err) == (2, True)
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    project.store.wrote("0000000002", {digest: "result"})
    for target in ("out.txt", digest, digest[:12]):
        assert "retried-run output result" in done("lineage", target).out
    assert done("lineage", "last/join", "--json").json["made"][0]["name"] == "join~1"
    assert "retried-run/split~1" in done("lineage", "last").out


def test_a_look_at_a_large_run_reads_one_row_and_the_newest_events(project: Project) -> None:
    record = RunRecord("00000000dd", "large-run", "w", created=6e9)
    project.store.create(record)
    events = story(3000)
    for start in range(0, len(events), 500):
        project.store.append(record.id, events[start : start + 500])
    seen = []
    project.store.events = lambda *told: seen.append(told) or iter(())  # type: ignore
    assert history.standing("large-run", project).done == 100
    assert [after for _, after in seen] == [len(events)]
