"""The command line's frame: help, versions, unknown verbs, start-up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lamina.cli.main import VERBS, main


def code_of(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(str(ended.value.code))


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(verb in printed for verb in VERBS)


def test_an_unknown_verb_is_named_with_its_neighbour(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(["trian"]) == 2
    said = capsys.readouterr().err
    assert "'trian'" in said
    assert "did you mean 'train'" in said


def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(["doctor", "--jsn"]) == 2
    assert "--jsn" in capsys.readouterr().err


def test_every_verb_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        assert code_of([verb, "--help"]) == 0
        assert "Usage: lamina" in capsys.readouterr().out


def test_import_and_help_load_no_heavy_library() -> None:
    program = (
        "import sys, lamina\n"
        "from lamina.cli.main import lamina as group\n"
        "group.main(['--help'], standalone_mode=False)\n"
        "heavy = {'torch', 'llvmlite', 'numpy', 'pyarrow', 'sklearn', 'matplotlib', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_of_plain_values_loads_little(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("def same(value: int) -> int:\n    return value\n")
    tasks = {"one": {"do": "python", "function": "tasks.py:same", "with": {"value": 1}}}
    document = {"lamina": "workflow/1", "name": "w", "tasks": tasks, "outputs": {"one": "one"}}
    (tmp_path / "w.json").write_text(json.dumps(document))
    program = (
        "import sys; sys.argv = ['lamina', 'run', '-q', 'w.json', '-o', 'out']\n"
        "from lamina.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'http', 'lamina.nets', 'sqlalchemy.dialects.postgresql'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
    assert (tmp_path / "out" / "one.json").read_text() == "1\n"
