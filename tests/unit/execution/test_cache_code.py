"""Fingerprints of functions: what changes them, and what does not."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lamina.errors import UsageError
from lamina.execution.cache.code import Analysis, Code

TRAIN = '''
"""Trains."""
import numpy as np
import helpers
from functools import partial
from helpers import normalise as norm, Model

SCALE = 3
UNUSED = 4
TABLE = []
TABLE.append(1)
half = partial(norm, 0.5)


def fit(x, k=SCALE):
    """Fits."""
    model = Model()
    model.fit(TABLE)
    return half(np.sum(x)) + helpers.third + inner()(k)


def inner():
    from helpers import deep as below

    def call(k):
        return below(k)

    return call


def other():
    return UNUSED


if __name__ == "__main__":
    print(fit(3))
'''

HELPERS = """
import os
from math import floor
from sub import *


def normalise(a, b):
    return a * b + starred()


def deep(x):
    return floor(x)


third = 3


def decorator(function):
    return function


class Base:
    def go(self):
        return deeper()


class Model(Base):
    width = 3

    @decorator
    def fit(self, t):
        return self.width


def deeper():
    return 5


def unused():
    return os.sep
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A function, and modules of the project around it."""
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "helpers.py").write_text(HELPERS)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "__init__.py").write_text("from .inner import starred\n")
    (tmp_path / "sub" / "inner.py").write_text("def starred():\n    return 3\n")
    return tmp_path


def code(folder: Path, function: str = "train.py:fit") -> Code:
    """The code of a function, with nothing remembered about where modules are."""
    return Analysis(folder).function(function, folder)


def changed(folder: Path, file: str, old: str, new: str) -> set[str]:
    """Places that a change of a file touches."""
    before = code(folder)
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    after = code(folder)
    names = {*before.names, *after.names}
    different = {name for name in names if before.names.get(name) != after.names.get(name)}
    return {(after.places | before.places)[name].rpartition("(")[2][:-1] for name in different}


@pytest.mark.parametrize(
    ("file", "old", "new", "touched"),
    [
        ("train.py", "x, k=SCALE", "x, k=SCALE + 1", {"fit"}),
        ("train.py", "SCALE = 3", "SCALE = 4", {"SCALE"}),
        ("train.py", "TABLE.append(1)", "TABLE.append(2)", {"TABLE"}),
        ("train.py", "TABLE = []", "TABLE = [0]", {"TABLE"}),
        ("train.py", "partial(norm, 0.5)", "partial(norm, 0.25)", {"half"}),
        ("train.py", "return below(k)", "return below(k + 1)", {"inner"}),
        ("helpers.py", "return a * b", "return b * a", {"normalise"}),
        ("helpers.py", "return floor(x)", "return floor(x) + 1", {"deep"}),
        ("helpers.py", "third = 3", "third = 33", {"third"}),
        ("helpers.py", "return function", "return print or function", {"decorator"}),
        ("helpers.py", "return deeper()", "return deeper", {"Base.go"}),
        ("helpers.py", "width = 3", "width = 4", {"Model"}),
        ("helpers.py", "return self.width", "return -self.width", {"Model.fit"}),
        ("helpers.py", "    @decorator\n", "", {"Model.fit", "decorator"}),
        ("helpers.py", "return 5", "return 6", {"deeper"}),
        ("helpers.py", "from math import floor", "from math import ceil as floor", {"deep"}),
        ("sub/inner.py", "return 3", "return 4", {"starred"}),
        ("sub/__init__.py", "from .inner", "starred = len\nfrom .other", {"starred", "normalise"}),
        ("train.py", "import numpy as np", "import math as np", {"fit"}),
        ("train.py", "normalise as norm", "deep as norm", {"half", "normalise", "starred"}),
        ("train.py", "TABLE = []", "TABLE = []\nnp.random.seed(3)", {"fit", "np"}),
    ],
)
def test_a_change_of_what_the_function_uses_changes_it(
    project: Path, file: str, old: str, new: str, touched: set[str]
) -> None:
    assert changed(project, file, old, new) == touched


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("train.py", '"""Fits."""', '"""Fits a model\n    to data."""'),
        ("train.py", '    """Fits."""\n', ""),
        ("train.py", "    model = Model()\n", "    # a model\n\n    model = (Model())  # new\n"),
        ("train.py", "def fit(x, k=SCALE):", "def fit(\n    x,\n    k=SCALE,\n):"),
        ("train.py", "UNUSED = 4", "UNUSED = 5\n\n\ndef more():\n    return 1\n"),
        ("train.py", "return UNUSED", "return UNUSED + 1"),
        ("train.py", "import helpers\n", "import json\nimport helpers\n"),
        ("train.py", "    print(fit(3))", "    print(fit(4))"),
        ("helpers.py", "return os.sep", "return os.pathsep"),
        ("helpers.py", "def unused():", "def never():"),
        ("helpers.py", "import os\n", "import os\nimport sys\nprint(sys.path)\n"),
    ],
)
def test_comments_formatting_and_what_it_does_not_use_do_not(
    project: Path, file: str, old: str, new: str
) -> None:
    assert changed(project, file, old, new) == set()


def test_a_changed_time_of_a_file_does_not_matter(project: Path) -> None:
    before = code(project).names
    os.utime(project / "train.py", (1, 1))

    assert code(project).names == before


def test_a_place_names_file_line_and_name(project: Path) -> None:
    places = code(project).places

    assert places["train:fit"] == "train.py:15 (fit)"
    assert places["helpers:Model.fit"] == "helpers.py:31 (Model.fit)"
    assert places["sub.inner:starred"] == f"{Path('sub') / 'inner.py'}:1 (starred)"


def test_a_moved_project_has_the_same_code(project: Path, tmp_path: Path) -> None:
    before = code(project).names
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for name in ("train.py", "helpers.py", "sub"):
        (tmp_path / name).rename(copy / name)

    assert code(copy).names == before


def test_installed_packages_count_by_version_and_python_by_its_own(project: Path) -> None:
    import numpy

    recipe = code(project).to_recipe()

    assert recipe["packages"] == {"numpy": numpy.__version__}
    assert recipe["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_nothing_is_imported_or_run(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "import quiet\nopen('ran', 'w').close()\nraise SystemExit(3)\n\n\n"
        "def work(x):\n    return quiet.helper(x)\n"
    )
    (tmp_path / "quiet.py").write_text("open('ran', 'w').close()\n\ndef helper(x):\n    return x\n")
    (tmp_path / "conftest.py").write_text("raise SystemExit(4)\n")
    program = """
        import sys
        from pathlib import Path
        from lamina.execution.cache.code import Analysis
        code = Analysis(Path()).function("loud.py:work", Path())
        assert "quiet:helper" in code.names, code.names
        assert "quiet" not in sys.modules and "loud" not in sys.modules
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, check=False, timeout=60
    )

    assert done.returncode == 0
    assert not (tmp_path / "ran").exists()


def test_a_module_imported_for_its_effects_counts(project: Path) -> None:
    (project / "effects.py").write_text("import numpy\nLEVEL = 1\nnumpy.seterr(all='raise')\n")
    text = (project / "train.py").read_text()
    (project / "train.py").write_text(f"import effects\n{text}")

    assert changed(project, "effects.py", "LEVEL = 1", "LEVEL = 2") == {"LEVEL"}


def test_a_module_used_as_a_whole_counts_as_a_whole(project: Path) -> None:
    old, new = "helpers.third", "getattr(helpers, 'third')"
    assert {"fit", "unused"} <= changed(project, "train.py", old, new)
    assert changed(project, "helpers.py", "return os.sep", "return os.pathsep") == {"unused"}


def test_a_module_imported_by_a_call_counts(project: Path) -> None:
    (project / "late.py").write_text("LEVEL = 1\n")
    old, new = "model = Model()", "import importlib\n    importlib.import_module('late')"
    assert "LEVEL" in changed(project, "train.py", old, new)


def test_relative_imports_and_submodules_of_packages_are_followed(tmp_path: Path) -> None:
    package = tmp_path / "pack" / "deep"
    package.mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("from ..base import low\n")
    (tmp_path / "pack" / "base.py").write_text("from . import deep\n\ndef low():\n    return 1\n")
    (package / "work.py").write_text("from . import low\nfrom .. import base as b\nLOW = b.low\n")
    (tmp_path / "main.py").write_text(
        "import pack.deep.work\n\ndef go():\n    return pack.deep.work.LOW()\n"
    )

    found = code(tmp_path, "main.py:go")

    assert set(found.names) == {"main:go", "pack.base:low", "pack.deep.work:LOW"}


def test_functions_of_modules_on_the_path_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onpath").mkdir()
    (tmp_path / "onpath" / "__init__.py").write_text("")
    (tmp_path / "onpath" / "steps.py").write_text("from .low import f\ndef go(): return f()\n")
    (tmp_path / "onpath" / "low.py").write_text("def f(): return 1\n")
    monkeypatch.syspath_prepend(tmp_path)

    found = Analysis(tmp_path).function("onpath.steps:go", None)

    assert set(found.names) == {"onpath.steps:go", "onpath.low:f"}


def test_names_imported_by_each_other_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from b import x\ndef f(): return x + y\nfrom b import *\n")
    (tmp_path / "b.py").write_text("from a import x\nfrom a import *\n")

    assert set(code(tmp_path, "a.py:f").names) == {"a:f"}


def test_local_names_are_not_taken_for_those_of_the_module(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(
        textwrap.dedent(
            """
            a = b = c = d = e = g = h = k = m = n = p = 1

            def f(a, *c, **d):
                b = 1
                with open(b) as e, e:
                    g = [h for h in c if h]
                try:
                    for k in d: pass
                except OSError as m:
                    print(m)
                match g:
                    case [n, *rest]: return n, rest, (lambda p: p)(1)
                return k, a
            """
        )
    )

    assert set(code(tmp_path, "f.py:f").names) == {"f:f"}


def test_what_a_workflow_in_the_same_file_says_does_not_matter(tmp_path: Path) -> None:
    text = textwrap.dedent(
        """
        import lamina
        from lamina.workflow import workflow

        @lamina.task
        def double(x: int) -> int:
            return 2 * x

        with workflow("w") as w:
            n = w.input("n", "int", default=1)
            w.output("total", double(n))
        lamina.run(w.workflow, {"n": 3})
        double.map([1, 2])
        """
    )
    (tmp_path / "f.py").write_text(text)
    before = code(tmp_path, "f.py:double")
    (tmp_path / "f.py").write_text(text.replace("default=1", "default=2").replace("3}", "4}"))

    after = code(tmp_path, "f.py:double")

    assert after.names == before.names
    assert after.packages == {}


def test_what_is_read_is_told_and_watched(project: Path) -> None:
    found = code(project)
    assert found.fresh

    (project / "sub" / "inner.py").write_text("def starred():\n    return 30\n")

    assert not found.fresh


@pytest.mark.parametrize("text", ["def f(:\n", "x = '\0'\n"])
def test_text_that_is_no_python_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "f.py").write_text(text)

    with pytest.raises(UsageError, match="not Python"):
        code(tmp_path, "f.py:f")


def test_a_function_that_is_not_there_is_said(project: Path) -> None:
    with pytest.raises(UsageError, match="no function"):
        code(project, "train.py:gone")
