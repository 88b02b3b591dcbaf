"""`lamina diagnose RUN`: the answer, why, a report; and answers to it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commandline import done, record, run

from lamina.testing.disturbed import made_run, slower, write_csv
from lamina.testing.runs import RUNS, MadeRun
from lamina.workflow.log import AttemptEnded, AttemptStarted
from lamina.workspace import timelines

CLASSES = (
    ("normal", None), ("cpu", slower(1.7, "run")), ("loss", slower(3.0, "stage_in")),
)  # fmt: skip


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    for label, disturbance in CLASSES:
        for number in range(10):
            made = made_run(disturbance, number, label)
            write_csv(replace(made, batch=f"{label}{number % 2}"), tmp_path / "learn", number)
    file = tmp_path / "small.detector"
    done("diagnose", "train", "--traces", tmp_path / "learn", "--detector", "nearest", "-o", file)
    return file


def test_the_first_line_is_the_answer_and_the_findings_tell_cost_and_range(
    good: Path, bad: Path
) -> None:
    told = done("diagnose", bad, "--against", good).out
    assert told.startswith(
        "likely a slow network, as where packets are lost and a slow host; took "
    )
    line = re.sub(r"\s+", " ", told)
    assert re.search(
        r"stage in 4\.\dx usual on worker-3 \(\d+ jobs\): 2\d\d s, usually 5\d s "
        r"\(\d+-\d+ s over 12 runs\), costs \+\d+ s(, more than|"
        r" of) the run's \+\d+ s",
        line,
    )
    assert "run again without worker-3" in told


def test_few_good_runs_are_said_to_be_few(good: Path, bad: Path) -> None:
    few = sorted(good.rglob("*.csv"))[:2]
    told = done("diagnose", "run", bad, "--against", few[0], "--against", few[1], "--json").json
    assert told["class"] is None
    assert not told["explanation"]["enough"]
    assert told["explanation"]["notes"][0].startswith("2 of 5 runs needed to know what is usual")


def test_labelled_runs_that_are_not_normal_and_the_run_itself_are_not_good(
    good: Path, bad: Path
) -> None:
    told = done("diagnose", bad, "--against", good, "--against", bad.parent.parent, "--json").json
    assert told["explanation"]["compared"] == "with 12 good runs"


def test_a_detector_answers_first_and_says_what_that_rests_on(
    detector: Path, tmp_path: Path
) -> None:
    lost = write_csv(made_run(slower(3.5, "stage_in"), 100, "loss", "all"), tmp_path)
    told = done("diagnose", lost, "--detector", detector, "--json").json
    why = told["explanation"]
    assert told["class"] == "loss"
    assert why["compared"] == "with 10 good runs that the detector learnt from"
    assert why["headline"].startswith("loss (")
    assert why["saliency"][0]["phase"] == "stage_in"
    assert max(why["without"], key=lambda name: float(why["without"][name])) == "normal"


def test_a_detector_that_calls_a_run_normal_that_lost_much_is_contradicted(
    detector: Path, bad: Path
) -> None:
    told = done("diagnose", bad, "--detector", detector, "--json").json
    assert told["class"] == "normal"
    headline = told["explanation"]["headline"]
    assert "to the detector, but likely " in headline and "a slow host" in headline


def test_a_detector_that_does_not_know_such_jobs_is_refused(detector: Path) -> None:
    made = RUNS["chain"]()
    record(Path(), made)
    ran = run("diagnose", "last", "--detector", detector)
    assert ran.code == 2
    assert "whose jobs are others than those of" in ran.err


def data_of(page: Path) -> Any:
    (text,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8")
    )
    return json.loads(text)


def test_a_report_is_one_file_without_addresses(good: Path, bad: Path, tmp_path: Path) -> None:
    told = done("diagnose", bad, "--against", good, "-o", "why.html")
    assert told.out.splitlines()[-1] == "why.html"
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|\bsrc=\"|@import|url\(", page.replace("\\u003c", ""))
    data = data_of(tmp_path / "why.html")
    assert data["added"]["findings"][0]["hosts"] == ["worker-3"]
    marked = {int(index) for index in data["added"]["marks"]}
    names = {data["tasks"][data["attempts"]["task"][index]] for index in marked}
    assert names >= set(data["added"]["findings"][0]["jobs"])
    assert data["usual_from"] == 12


def test_a_report_tells_how_strange_the_run_is_and_beside_enough_good_ones(
    good: Path, bad: Path
) -> None:
    done("diagnose", bad, "--against", good, "-o", "why.html")
    told = done("diagnose", bad, "--against", good, "--json").json
    added = data_of(Path("why.html"))["added"]
    assert added["novelty"] == told["novelty"]
    assert added["novelty"]["strange"] and added["novelty"]["runs"] == 12
    assert added["jobs"] == []
    few = [part for file in sorted(good.rglob("*.csv"))[:6] for part in ("--against", str(file))]
    done("diagnose", bad, *few, "-o", "few.html")
    assert data_of(Path("few.html"))["added"]["novelty"] is None


def test_a_report_under_another_ending_is_refused(good: Path, bad: Path) -> None:
    ran = run("diagnose", bad, "--against", good, "-o", "why.pdf")
    assert ran.code == 2 and "cannot be written as .pdf" in ran.err
    assert not ran.out


def slow_copy(made: MadeRun, name: str, at: float, factor: float) -> MadeRun:
    """The same run under another name, later, whose last task ran longer."""
    begin = made.record.created
    ended = [one for one in made.events if isinstance(one, AttemptEnded)]
    last = ended[-1]
    events = []
    for event in made.events:
        moved = replace(event, time=event.time + at)
        if isinstance(moved, AttemptStarted):
            moved = replace(moved, ready=moved.ready + at)
        if isinstance(moved, AttemptEnded):
            phases = {key: (a + at, b + at) for key, (a, b) in moved.phases.items()}
            if event is last:
                a, b = phases["run"]
                phases["run"] = (a, a + factor * (b - a))
            moved = replace(moved, phases=phases)
        events.append(moved)
    record_ = replace(made.record, id=name, name=f"run-{name}", created=begin + at)
    return MadeRun(record_, tuple(events))


def test_a_recorded_run_is_compared_with_earlier_good_ones_unasked(tmp_path: Path) -> None:
    made = RUNS["scatter"]()
    for number in range(6):
        record(tmp_path, slow_copy(made, f"{number:010x}", 100.0 * number, 1.0))
    told = done("diagnose", "last", "--json").json["explanation"]
    assert told["compared"] == "with 5 good runs"
    assert told["enough"]


def test_answers_are_kept_and_the_last_one_counts(detector: Path, bad: Path) -> None:
    kept = done("diagnose", "answer", bad, "wrong", "--label", "loss_3", "--detector", detector)
    assert kept.out.endswith("wrong, label loss_3\n")
    done("diagnose", "answer", bad, "expected", "--detector", detector)
    lines = Path(".lamina/answers.jsonl").read_text().splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["loss_3", "normal"]
    ran = run("diagnose", "answer", bad, "expected", "--label", "cpu")
    assert ran.code == 2 and "what is expected is normal" in ran.err


def test_answers_to_one_trace_under_two_paths_are_about_the_same(detector: Path, bad: Path) -> None:
    done("diagnose", "answer", bad, "wrong", "--label", "loss_3", "--detector", detector)
    (bad.parent / "x").mkdir()
    again = bad.parent / "x" / ".." / bad.name
    done("diagnose", "answer", again, "wrong", "--detector", detector)
    kept = [json.loads(line) for line in Path(".lamina/answers.jsonl").read_text().splitlines()]
    assert kept[0]["source"] == kept[1]["source"] == str(bad)


def write_graph(folder: Path) -> None:
    """Which made job follows on which, as collections of traces tell it."""
    children: dict[str, list[str]] = {}
    for task, parents in made_run().table.parents.items():
        for one in parents:
            children.setdefault(one.replace("_", "_ID"), []).append(task.replace("_", "_ID"))
    folder.mkdir()
    (folder / "made.json").write_text(json.dumps(children))


def test_what_reads_what_is_taken_from_the_detector_where_good_runs_do_not_tell(
    detector: Path, good: Path, bad: Path, tmp_path: Path
) -> None:
    def notes() -> str:
        told = done("diagnose", bad, "--against", good, "--detector", detector, "--json").json
        return " ".join(told["explanation"]["notes"])

    assert "costs are an estimate" in notes()
    shutil.copytree(tmp_path / "learn", tmp_path / "told")
    write_graph(tmp_path / "told" / "adjacency_list_dags")
    done("diagnose", "train", "--traces", tmp_path / "told", "--detector", "nearest",
         "-o", detector)  # fmt: skip
    assert "costs are an estimate" not in notes()
    assert "that is taken from good runs" in notes()


def test_a_training_learns_from_answers(detector: Path, bad: Path, tmp_path: Path) -> None:
    done("diagnose", "answer", bad, "wrong", "--label", "loss_3", "--detector", detector)
    told = done(
        "diagnose", "train", "--traces", tmp_path / "learn", "--answers", "--detector", "nearest",
        "--json", "-o", "again.detector",
    ).json  # fmt: skip
    assert told["labels"]["loss_3"] == 1
    bad.unlink()
    ran = done("diagnose", "train", "--traces", tmp_path / "learn", "--answers",
               "--detector", "nearest", "-o", "again.detector")  # fmt: skip
    assert "left out: " in ran.err


def test_the_label_of_an_answer_takes_the_place_of_the_one_that_was_learnt_from(
    detector: Path, tmp_path: Path
) -> None:
    mistaken = sorted((tmp_path / "learn").rglob("*.csv"))[0]
    done("diagnose", "answer", mistaken, "wrong", "--label", "loss_3", "--detector", detector)
    ran = done(
        "diagnose", "train", "--traces", tmp_path / "learn", "--answers", "--detector", "nearest",
        "--json", "-o", "again.detector",
    )  # fmt: skip
    assert ran.json["runs"] == 30
    assert ran.json["labels"]["loss_3"] == 1
    assert "given more than once: 1 of the runs; each counts once" in ran.err


def test_runs_that_are_named_twice_are_learnt_from_once(tmp_path: Path, detector: Path) -> None:
    both = ("--traces", tmp_path / "learn", "--traces", tmp_path / "learn")
    told = done("diagnose", "train", *both, "--detector", "nearest", "--json").json
    assert told["runs"] == 30
    told = done("diagnose", "evaluate", detector, *both, "--json").json
    assert told["n"] == 30
    assert "given more than once: 30 of the runs" in told["warning"]


def test_figures_of_runs_that_a_detector_learnt_from_or_cannot_judge_are_said_to_mean_little(
    detector: Path, tmp_path: Path
) -> None:
    ran = done("diagnose", "evaluate", detector, "--traces", tmp_path / "learn")
    assert "warning: the detector learnt from these very runs" in ran.err
    ran = done("diagnose", "evaluate", "--traces", tmp_path / "learn")
    assert "warning: 30 of 30 runs are unlike those that the detector learnt from" in ran.err
    assert "1000genome" in ran.err


def test_some_runs_that_a_detector_learnt_from_are_counted_under_any_name(
    detector: Path, tmp_path: Path
) -> None:
    learnt = sorted((tmp_path / "learn").rglob("normal/*.csv"))[:3]
    for number, path in enumerate(learnt):
        target = tmp_path / "others" / "mill" / "normal" / f"copy-run{number:04d}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    write_csv(replace(made_run(None, 77, "normal"), workflow="mill"), tmp_path / "others", 9)
    ran = done("diagnose", "evaluate", detector, "--traces", tmp_path / "others")
    assert "warning: the detector learnt from 3 of these 4 runs" in ran.err


def test_a_run_that_is_still_going_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    made = RUNS["chain"]()
    record(Path(), made)
    shown = timelines.trace("last")
    going = replace(shown, status="running")
    monkeypatch.setattr(timelines, "trace_or_run", lambda name, until=None: going)
    assert "the run is still going" in done("diagnose", "last").out


def test_a_device_that_there_is_not_is_refused_whatever_learns(tmp_path: Path) -> None:
    ran = run("diagnose", "train", "--traces", tmp_path, "--detector", "nearest",
              "--device", "tpu")  # fmt: skip
    assert ran.code == 2 and "there is no device 'tpu'" in ran.err


def test_a_training_without_runs_is_refused() -> None:
    ran = run("diagnose", "train", "-o", "x.detector")
    assert ran.code == 2 and "there is nothing to learn from" in ran.err
