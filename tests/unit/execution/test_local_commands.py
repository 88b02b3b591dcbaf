"""Programs in workers: files in and out, folders, output, exit codes, scripts before and after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attempts_by_hand import Hands

from lamina.execution.runtimes.base import AFTER, BEFORE
from lamina.workflow import Step, command
from lamina.workflow.needs import Care, Needs

SHOW = "import sys; print('|'.join(sys.argv[1:]))"


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hands]:
    """A runtime for the whole file."""
    found = Hands(tmp_path_factory.mktemp("commands"))
    yield found
    found.runtime.close()


def show(*argv: str, **inputs: str) -> Step[..., Any]:
    """A command that prints its arguments into a text port."""
    return command([sys.executable, "-c", SHOW, *argv], inputs, {"said": "str"}, stdout="said")


def said(hands: Hands, step: Step[..., Any], **arguments: Any) -> str:
    """What such a command prints."""
    return str(hands.value(hands.do(step, **arguments), "said"))


def test_places_become_values_and_no_shell_sees_them(hands: Hands) -> None:
    step = show("{text}", "--n={n}", "{{x}}", "{on}", "$HOME; ls *", text="str", n="int", on="bool")
    found = said(hands, step, text="a 'b' $(c)", n=3, on=True)
    assert found == "a 'b' $(c)|--n=3|{x}|true|$HOME; ls *\n"


def test_a_list_alone_becomes_one_argument_per_item(hands: Hands) -> None:
    step = show("{items}", "end", items="list[int]")
    assert said(hands, step, items=[1, 2]) == "1|2|end\n"
    assert said(hands, step, items=[]) == "end\n"


def test_files_lie_in_the_folder_under_their_own_names(hands: Hands, tmp_path: Path) -> None:
    (tmp_path / "in put.txt").write_text("b\na\n")
    step = command(["sort", "{text}", "-o", "{ordered}"], paths={"ordered": "sub/o.txt"})
    assignment = hands.start(step, text=tmp_path / "in put.txt")
    ordered = hands.value(hands.ended(assignment), "ordered")
    assert ordered.read_text() == "a\nb\n"
    assert ordered.name == "o.txt"
    assert (assignment.folder / "work" / "in put.txt").read_text() == "b\na\n"
    assert (assignment.folder / "work" / "sub" / "o.txt").read_text() == "a\nb\n"


def test_files_of_one_name_do_not_meet(hands: Hands, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.txt").write_text(name)
    step = command(
        ["sh", "-c", 'cat "$@" > t.txt', "sh", "{one}", "{more}"],
        {"one": "file", "more": "list[file]"},
        {"out": "file"},
        paths={"out": "t.txt"},
    )
    more = [tmp_path / "b" / "t.txt", tmp_path / "c" / "t.txt"]
    ended = hands.do(step, one=tmp_path / "a" / "t.txt", more=more)
    assert hands.value(ended, "out").read_text() == "abc"
    assert (tmp_path / "a" / "t.txt").read_text() == "a"


def test_files_of_tasks_reach_programs(hands: Hands) -> None:
    first = hands.do(command(["sh", "-c", "echo abc > {made}"], outputs={"made": "file"}))
    step = command(["tr", "a-z", "A-Z"], stdin="text", stdout="upper")
    assert hands.value(hands.do(step, text=first.outputs["made"]), "upper").read_text() == "ABC\n"


def test_without_a_standard_input_a_program_reads_nothing(hands: Hands) -> None:
    assert hands.value(hands.do(command(["cat"], stdout="out")), "out").read_text() == ""


def test_the_environment_is_added_to_and_names_the_attempt(hands: Hands) -> None:
    step = command(
        ["sh", "-c", "echo $GREETING $LAMINA_RUN $LAMINA_TASK $OMP_NUM_THREADS"],
        stdout="out",
        environment={"GREETING": "hi"},
    )
    assignment = hands.start(step, needs=Needs(cpus=2))
    told = hands.value(hands.ended(assignment), "out").read_text()
    assert told == f"hi run-1 {assignment.name} 2\n"


def test_a_folder_can_be_an_output(hands: Hands) -> None:
    step = command(["sh", "-c", "mkdir {made} && echo x > {made}/f"], outputs={"made": "folder"})
    made = hands.value(hands.do(step), "made")
    assert [file.read_text() for file in made.iterdir()] == ["x\n"]


def test_a_failing_program_tells_its_exit_code_and_last_words(hands: Hands) -> None:
    step = command(["sh", "-c", "for i in $(seq 30); do echo line $i >&2; done; exit 7"])
    assignment = hands.start(step)
    ended = hands.ended(assignment)
    assert (ended.status, ended.exit) == ("failed", 7)
    assert ended.error["cause"] == "sh ended with exit code 7: line 30"
    assert ended.error["last"] == [f"line {number}" for number in range(11, 31)]
    assert f"run it by hand: {assignment.folder}/run.sh" in ended.error["way_out"]


def test_the_folder_says_what_ran_and_runs_it_again(hands: Hands, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("word")
    step = command(
        ["sh", "-c", "cat; echo $WHO; exit 3"], stdin="text", environment={"WHO": "it's me"}
    )
    assignment = hands.start(step, text=tmp_path / "in.txt")
    assert hands.ended(assignment).exit == 3
    folder = assignment.folder
    assert (folder / "stdout.txt").read_text() == "wordit's me\n"
    assert (folder / "command").read_text() == "sh -c 'cat; echo $WHO; exit 3'\n"
    again = subprocess.run([folder / "run.sh"], capture_output=True, text=True, cwd="/")
    assert (again.returncode, again.stdout) == (3, "wordit's me\n")
    meta = json.loads((folder / "meta.json").read_text())
    assert (meta["status"], meta["exit"], meta["task"]) == ("failed", 3, assignment.name)
    assert json.loads((folder / "environment.json").read_text())["WHO"] == "it's me"


def test_secrets_stand_in_no_file_of_the_folder(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = command(["sh", "-c", "echo {code} $KEY_OF_MINE"], {"code": "str"}, {},
                   environment={"KEY_OF_MINE": "swordfish"})  # fmt: skip
    secret = hands.task(step, Care(secrets=("code", "KEY_OF_MINE")))
    assignment = hands.start(secret, code="open-sesame")
    assert hands.ended(assignment).status == "succeeded"
    for file in assignment.folder.iterdir():
        if file.is_file():
            assert "sesame" not in file.read_text(), file
            assert "swordfish" not in file.read_text(), file


def test_a_program_ended_by_its_own_mistake_is_a_failure(hands: Hands) -> None:
    ended = hands.do(command(["sh", "-c", "kill -SEGV $$"]))
    assert (ended.status, ended.exit) == ("failed", -11)
    assert "was ended by signal 11 (SIGSEGV)" in ended.error["cause"]


def test_an_output_that_was_not_written_is_a_failure(hands: Hands) -> None:
    ended = hands.do(command(["true"], paths={"out": "out.txt"}))
    assert ended.status == "failed"
    assert "did not write out.txt (port 'out')" in ended.error["cause"]


@pytest.mark.parametrize(
    "script", ["ln -s /etc/passwd out", "mkdir d; ln -s / d/up; ln -s d/up/etc/passwd out"]
)
def test_an_output_that_leads_out_of_the_folder_is_refused(hands: Hands, script: str) -> None:
    ended = hands.do(command(["sh", "-c", script], outputs={"out": "file"}))
    assert ended.status == "failed"
    assert "leads out of the task's folder" in ended.error["cause"]


def test_a_folder_whose_parent_became_a_link_is_refused(hands: Hands) -> None:
    script = "rmdir sub; ln -s /tmp sub; echo x > sub/lamina-test-out"
    step = command(["sh", "-c", script], outputs={"out": "file"},
                   paths={"out": "sub/lamina-test-out"})  # fmt: skip
    ended = hands.do(step)
    Path("/tmp/lamina-test-out").unlink()
    assert "leads out of the task's folder" in ended.error["cause"]


def test_output_that_is_no_text_does_no_harm(hands: Hands) -> None:
    ended = hands.do(command(["sh", "-c", "printf '\\377\\376' >&2; exit 1"]))
    assert ended.error["last"] == ["\ufffd\ufffd"]


def test_a_program_that_cannot_be_started_is_a_failure(hands: Hands, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("no program")
    assert (
        "cannot be started: Permission denied"
        in (hands.do(command([str(tmp_path / "tool")])).error["cause"])
    )
    assert "cannot be started" in hands.do(command(["no-such-program-here"])).error["cause"]
    beside = hands.do(command(["./tool"])).error["cause"]
    assert beside.endswith(
        "No such file or directory in the task's own folder, in which commands run"
    )


def test_the_use_of_a_program_is_measured(hands: Hands) -> None:
    code = "x = b'x' * 150_000_000; open('/dev/null', 'wb').write(x); sum(range(3_000_000))"
    for _ in range(2):
        usage = hands.do(command([sys.executable, "-c", code])).usage
    assert usage["cpu"] > 0.02
    assert usage["memory_peak"] > 150_000_000
    assert usage["bytes_written"] >= 150_000_000
    assert hands.do(command(["true"])).usage["memory_peak"] < 100_000_000


def test_the_program_hears_a_closed_pipe_as_ever(hands: Hands) -> None:
    step = command(["bash", "-c", "set -o pipefail; yes | head -1; exit 0"], stdout="out")
    assert hands.value(hands.do(step), "out").read_text() == "y\n"


def test_scripts_run_before_and_after_a_task(hands: Hands) -> None:
    care = Care(
        before=("sh", "-c", "echo before $LAMINA_TASK {n}"),
        after=("sh", "-c", "echo after $LAMINA_STATUS $LAMINA_EXIT; exit 4"),
    )
    step = hands.task(command(["true"], {"n": "int"}, {}), care)
    before = hands.start(step, part=BEFORE, n=5)
    assert hands.ended(before).status == "succeeded"
    told = (before.folder / "pre_script.stdout.txt").read_text()
    assert told == f"before {before.name} 5\n"
    after = hands.start(step, part=AFTER, outcome=("failed", 9), n=5)
    ended = hands.ended(after)
    assert (ended.status, ended.exit) == ("failed", 4)
    assert (after.folder / "post_script.stdout.txt").read_text() == "after failed 9\n"


def test_a_script_can_be_run_again_by_hand(hands: Hands) -> None:
    says = "echo $LAMINA_TASK $LAMINA_STATUS $LAMINA_EXIT; exit 4"
    care = Care(before=("sh", "-c", "exit 3"), after=("sh", "-c", says))
    step = hands.task(command(["true"], {}, {}), care)
    ends = [
        hands.ended(assignment)
        for assignment in (
            hands.start(step, part=BEFORE),
            hands.start(step, part=AFTER, outcome=("failed", 9)),
        )
    ]
    codes = []
    for end in ends:
        told = end.error["way_out"].rpartition("by hand: ")[2]
        codes.append(subprocess.run([told], capture_output=True, text=True, check=False))
    assert [one.returncode for one in codes] == [3, 4]
    assert codes[1].stdout.split()[1:] == ["failed", "9"]
    assert codes[1].stdout.split()[0].strip()


def test_a_script_may_take_as_long_as_its_task(hands: Hands) -> None:
    care = Care(needs=Needs(time=0.3), before=("sleep", "600"), after=("sleep", "600"))
    step = hands.task(command(["true"], {}, {}), care)
    for part in (BEFORE, AFTER):
        end = hands.ended(hands.start(step, part=part, needs=care.needs))
        assert end.status == "timeout"
        assert "0.3 s" in end.error["cause"]


def test_a_worker_for_programs_is_used_again(hands: Hands) -> None:
    parents = {said(hands, show_parent()) for _ in range(3)}
    assert len(parents) == 1
    assert parents != {str(os.getpid())}


def show_parent() -> Step[..., Any]:
    """A command that prints the number of its worker."""
    return command(
        [sys.executable, "-c", "import os; print(os.getppid())"],
        outputs={"said": "str"},
        stdout="said",
    )
