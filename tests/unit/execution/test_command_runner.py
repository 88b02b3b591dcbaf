"""Programs as tasks: arguments, files, output, exit codes and last words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from watched_processes import gone

from lamina.errors import TaskFailedError
from lamina.execution import Outcome, run
from lamina.workflow import Step, command, task, workflow

SHOW = "import sys; print('|'.join(sys.argv[1:]))"


def alone(step: Step[..., Any], folder: Path | None = None, **inputs: Any) -> Outcome:
    """Runs one command; its outputs are the workflow's."""
    kinds = {port.name: str(port.type) for port in step.signature.inputs}
    with workflow("alone") as w:
        found = step(**{name: w.input(name, kinds[name]) for name in inputs})
        for port in step.signature.outputs:
            w.output(port.name, getattr(found, port.name))
    return run(w.workflow, inputs, folder=folder)


def show(*argv: str, **inputs: str) -> Step[..., Any]:
    """A command that prints its arguments into a text port."""
    return command([sys.executable, "-c", SHOW, *argv], inputs, {"said": "str"}, stdout="said")


def test_places_become_values_and_no_shell_sees_them() -> None:
    step = show("{text}", "--n={n}", "{{x}}", "{on}", "$HOME; ls *", text="str", n="int", on="bool")
    assert alone(step, text="a 'b' $(c)", n=3, on=True)["said"] == (
        "a 'b' $(c)|--n=3|{x}|true|$HOME; ls *\n"
    )


def test_a_list_alone_becomes_one_argument_per_item() -> None:
    assert alone(show("{items}", "end", items="list[int]"), items=[1, 2])["said"] == "1|2|end\n"
    assert alone(show("{items}", "end", items="list[int]"), items=[])["said"] == "end\n"


def test_files_come_in_and_go_out_by_absolute_paths(tmp_path: Path) -> None:
    text = tmp_path / "in put.txt"
    text.write_text("b\na\n")
    step = command(["sort", "{text}", "-o", "{ordered}"], paths={"ordered": "sub/o.txt"})
    outcome = alone(step, tmp_path / "run", text=text)
    assert outcome["ordered"] == tmp_path / "run" / "sort" / "sub" / "o.txt"
    assert outcome["ordered"].read_text() == "a\nb\n"
    assert outcome.folder == tmp_path / "run"


def test_standard_input_and_output_are_files(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("abc")
    step = command(["tr", "a-z", "A-Z"], stdin="text", stdout="upper")
    assert alone(step, text=tmp_path / "t")["upper"].read_text() == "ABC"


def test_without_a_standard_input_a_program_reads_nothing() -> None:
    assert alone(command(["cat"], stdout="out"))["out"].read_text() == ""


def test_the_environment_is_added_to() -> None:
    step = command(
        ["sh", "-c", "echo $GREETING $HOME"], stdout="out", environment={"GREETING": "hi"}
    )
    assert alone(step)["out"].read_text().startswith("hi /")


def test_a_folder_can_be_an_output() -> None:
    step = command(["mkdir", "{made}"], outputs={"made": "folder"})
    assert alone(step)["made"].is_dir()


def test_each_run_of_a_scatter_has_a_folder_of_its_own(tmp_path: Path) -> None:
    step = command(["sh", "-c", "echo {n} > out"], {"n": "int"}, {"out": "file"}, name="write")
    with workflow("w") as w:
        w.output("files", step.map(w.input("n", "list[int]")))
    files = run(w.workflow, {"n": [7, 8, 9]}, folder=tmp_path)["files"]
    assert [file.read_text() for file in files] == ["7\n", "8\n", "9\n"]
    assert [file.parent.name for file in files] == ["write.0", "write.1", "write.2"]


def test_a_second_run_in_one_folder_disturbs_nothing(tmp_path: Path) -> None:
    step = command(["date", "+%N"], stdout="out")
    first, second = alone(step, tmp_path)["out"], alone(step, tmp_path)["out"]
    assert first != second
    assert first.read_text()


def test_a_failing_program_tells_its_exit_code_and_last_words() -> None:
    step = command(["sh", "-c", "for i in $(seq 30); do echo line $i >&2; done; exit 7"])
    with pytest.raises(TaskFailedError) as caught:
        alone(step)
    error = caught.value
    assert error.cause == "sh ended with exit code 7: line 30"
    assert error.details.splitlines() == [f"line {number}" for number in range(11, 31)]
    assert "run it by hand: sh -c 'for i in" in error.way_out


def test_a_program_ended_by_a_signal_says_which() -> None:
    with pytest.raises(TaskFailedError, match=r"ended by signal 9 \(SIGKILL\)"):
        alone(command(["sh", "-c", "kill -9 $$"]))


def test_an_output_that_was_not_written_is_a_failure() -> None:
    with pytest.raises(TaskFailedError, match=r"did not write out\.txt \(port 'out'\)"):
        alone(command(["true"], paths={"out": "out.txt"}))


def test_output_that_is_no_text_does_no_harm() -> None:
    step = command(["sh", "-c", "printf '\\377\\376' >&2; exit 1"])
    with pytest.raises(TaskFailedError) as caught:
        alone(step)
    assert caught.value.details == "\ufffd\ufffd"


def test_a_program_that_cannot_be_started_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("no program")
    with pytest.raises(TaskFailedError, match="cannot be started: Permission denied"):
        alone(command([str(tmp_path / "tool")]))


def test_a_temporary_folder_goes_unless_an_output_lies_in_it() -> None:
    @task
    def size(path: Path) -> list[str]:
        return [str(path), path.read_text()]

    step = command(["echo", "x"], stdout="out")
    with workflow("w") as w:
        w.output("seen", size(step()))
    outcome = run(w.workflow)
    assert outcome["seen"][1] == "x\n"
    assert outcome.folder is None
    assert not Path(outcome["seen"][0]).exists()
    kept = alone(step)
    assert kept.folder is not None
    assert kept["out"].is_relative_to(kept.folder)


def test_children_left_behind_by_a_good_program_are_ended(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/pid"
    alone(command(["sh", "-c", script]))
    pid = int((tmp_path / "pid").read_text())
    assert gone(pid)


def test_a_great_deal_of_output_does_not_stop_a_program() -> None:
    script = "import sys; sys.stderr.write('e' * 3000000); sys.stdout.write('o' * 3000000)"
    step = command([sys.executable, "-c", script], stdout="out")
    assert alone(step)["out"].stat().st_size == 3_000_000
