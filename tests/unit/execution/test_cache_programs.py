"""What counts of a command: its arguments, its program, the project's files that it names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lamina.execution.cache import programs, recipes
from lamina.execution.cache.keys import digest_of
from lamina.execution.cache.recipes import Recipe, Recipes
from lamina.workflow.actions.command import CommandAction
from lamina.workflow.graph import Task
from lamina.workflow.ports import Port


def recipe(folder: Path, *argv: str, **more: Any) -> Recipe:
    """The recipe of a command in a folder."""
    action = CommandAction(argv, **more)
    signature = action.signature()
    return Recipes(folder).of(Task("c", action, signature.inputs, signature.outputs))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Scripts, a module and a file of settings."""
    (tmp_path / "count.py").write_text("import low\nprint(low.go())\n")
    (tmp_path / "low.py").write_text("def go():\n    return 1\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\necho 1\n")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "settings.yaml").write_text("level: 1\n")
    return tmp_path


def test_arguments_count(project: Path) -> None:
    one = recipe(project, "sort", "-n", "{x}").digest

    assert recipe(project, "sort", "-n", "{x}").digest == one
    assert recipe(project, "sort", "-r", "{x}").digest != one
    assert recipe(project, "sort", "-n", "{x}", stdout="y").digest != one
    assert recipe(project, "sort", "-n", "{x}", environment={"LC_ALL": "C"}).digest != one


@pytest.mark.parametrize(
    ("argv", "file", "text"),
    [
        (("./run.sh", "{x}"), "run.sh", "#!/bin/sh\necho 2\n"),
        (("sh", "run.sh"), "run.sh", "#!/bin/sh\necho 2\n"),
        (("sort", "--config=settings.yaml"), "settings.yaml", "level: 2\n"),
        (("sort", "-c", "settings.yaml"), "settings.yaml", "level: 2\n"),
        (("python3", "count.py"), "count.py", "import low\nprint(-low.go())\n"),
        (("python3", "count.py"), "low.py", "def go():\n    return 2\n"),
        (("python3", "-m", "low"), "low.py", "def go():\n    return 2\n"),
    ],
)
def test_files_of_the_project_count_by_their_content(
    project: Path, argv: tuple[str, ...], file: str, text: str
) -> None:
    before = recipe(project, *argv).digest
    os.utime(project / file, (1, 1))
    assert recipe(project, *argv).digest == before

    (project / file).write_text(text)

    assert recipe(project, *argv).digest != before


def test_folders_of_the_project_count_by_what_is_in_them(project: Path) -> None:
    data = project / "data"
    (data / "deep").mkdir(parents=True)
    (data / "deep/a.txt").write_text("a")
    for argv in (("du", str(data)), ("du", f"--in={data}"), ("python3", "-m", "x", f"{data}/")):

        def digest(argv: tuple[str, ...] = argv) -> str:
            return recipe(project, *argv).digest

        before = digest()
        os.utime(data / "deep/a.txt", (1, 1))
        (data / "__pycache__").mkdir(exist_ok=True)
        (data / "__pycache__/x.pyc").write_text(argv[0])
        assert digest() == before
        (data / "deep/b.txt").write_text("b")
        more = digest()
        (data / "deep/b.txt").write_text("c")
        other = digest()
        (data / "deep/b.txt").rename(data / "deep/c.txt")
        assert len({before, more, other, digest()}) == 4
        (data / "deep/c.txt").unlink()
        assert digest() == before


def test_a_folder_that_changes_while_a_run_goes_makes_its_recipe_stale(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "data").mkdir()
    (project / "data/a").write_text("a")
    monkeypatch.setattr(recipes, "_PAUSE", 0.0)
    action = CommandAction(("du", str(project / "data")), stdout="x")
    signature = action.signature()
    made = Recipes(project)
    made.of(Task("c", action, signature.inputs, signature.outputs))
    assert not made.stale()
    (project / "data/b").write_text("b")
    assert made.stale()


def test_names_that_a_program_gives_in_its_own_folder_do_not_count(project: Path) -> None:
    before = recipe(project, "mkdir", "out").digest
    (project / "out").mkdir()
    (project / "out/a").write_text("a")
    assert recipe(project, "mkdir", "out").digest == before
    # Nor does the project's folder as a whole, in which results may be written.
    whole = recipe(project, "ls", str(project)).digest
    (project / "new").write_text("new")
    assert recipe(project, "ls", str(project)).digest == whole


def test_a_very_large_folder_counts_by_sizes_and_times(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "data").mkdir()
    for number in range(5):
        (project / f"data/{number}").write_text("x")
    monkeypatch.setattr(programs, "_MANY", 4)
    before = recipe(project, "du", str(project / "data")).digest
    os.utime(project / "data/3", (1, 1))
    assert recipe(project, "du", str(project / "data")).digest != before


@pytest.mark.parametrize("argv", [("python3", "main.py"), ("python3", "-m", "main")])
def test_what_a_script_does_as_a_program_counts(project: Path, argv: tuple[str, ...]) -> None:
    main = project / "main.py"
    main.write_text("def go():\n    return 1\n\nif __name__ == '__main__':\n    print(go())\n")
    before = recipe(project, *argv).digest
    main.write_text(main.read_text().replace("print(go())", "print(-go())"))
    assert recipe(project, *argv).digest != before


def test_a_package_that_is_run_counts_by_its_main_module(project: Path) -> None:
    (project / "pack").mkdir()
    (project / "pack/__init__.py").write_text("")
    (project / "pack/__main__.py").write_text("from .low import go\nprint(go())\n")
    (project / "pack/low.py").write_text("def go():\n    return 1\n")
    before = recipe(project, "python3", "-m", "pack").digest
    (project / "pack/low.py").write_text("def go():\n    return 2\n")
    after = recipe(project, "python3", "-m", "pack").digest
    (project / "pack/__main__.py").write_text("from .low import go\nprint(-go())\n")
    assert len({before, after, recipe(project, "python3", "-m", "pack").digest}) == 3


def test_comments_in_a_python_script_do_not_count(project: Path) -> None:
    before = recipe(project, "python3", "count.py").digest
    (project / "count.py").write_text('"""Counts."""\nimport low\n\nprint(low.go())  # one\n')

    assert recipe(project, "python3", "count.py").digest == before


def test_an_installed_program_counts_by_its_place_and_size(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    before = recipe(project, "tool")
    assert before.body["program"].startswith(f"{program} ")

    program.write_text("#!/bin/sh\necho more\n")

    assert recipe(project, "tool").digest != before.digest


def test_a_program_that_is_not_there_is_said_to_be_absent(project: Path) -> None:
    assert recipe(project, "no-such-program-anywhere").body["program"] == "absent"
    assert recipe(project, "{program}").body["program"] == "given"


def test_secrets_in_variables_are_not_told(project: Path) -> None:
    found = recipe(project, "sort", environment={"API_TOKEN": "tell-nobody", "LEVEL": "1"})

    assert "tell-nobody" not in str(found.body)
    assert found.body["variables"]["LEVEL"] == "1"


def test_a_folder_as_an_argument_is_no_trap(project: Path) -> None:
    assert recipe(project, "ls", ".", "/", "--", "", "a\0b", "x" * 5000).digest


def test_outputs_count(project: Path) -> None:
    action = CommandAction(("touch", "{x}"))
    tasks = [Task("c", action, (), (Port("x", kind),)) for kind in ("file", "folder")]

    first, second = (Recipes(project).of(task).digest for task in tasks)

    assert first != second


def test_places_are_told_and_do_not_count() -> None:
    assert digest_of({"a": 1, "places": {"a": "f.py:1"}}) == digest_of({"a": 1})
