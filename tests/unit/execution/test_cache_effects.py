"""What happens while modules are loaded counts where it changes what a function uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.execution.cache.code import Analysis

Files = dict[str, str]
INIT = "STATE = 1\ndef init():\n    global STATE\n    STATE = 5\n{}init()\ndef t(x): return STATE\n"
REGISTER = "TABLE = {}\ndef keep(f):\n    TABLE[f.__name__] = f\n    return f\n"
FACTORY = (
    "TABLE = {}\ndef keep(name):\n    def inner(f):\n        TABLE.setdefault(name, []).append(f)\n"
    "        return f\n    return inner\n"
)
USE = "def t(x): return TABLE['a']\n"
BASE = (
    "class Base:\n    KINDS = {}\n    def __init_subclass__(cls): Base.KINDS[cls.__name__] = cls\n"
)

CHANGES: dict[str, tuple[Files, str, str, str]] = {
    "a function that sets a global": ({"f.py": INIT.format("")}, "f.py", "5", "6"),
    "called as a part of something": ({"f.py": INIT.format("x = 3 + ")}, "f.py", "5", "6"),
    "through another function": (
        {"f.py": INIT.format("def both(): init()\nboth(); ")},
        "f.py",
        "5",
        "6",
    ),
    "a decorator that keeps": (
        {"f.py": REGISTER + "@keep\ndef a(): return 1\n" + USE},
        "f.py",
        "return 1",
        "return 2",
    ),
    "a decorator that is made": (
        {"f.py": FACTORY + "@keep('a')\ndef a(): return 1\n" + USE},
        "f.py",
        "return 1",
        "return 2",
    ),
    "a class that is kept": (
        {"f.py": REGISTER + "@keep\nclass A:\n    one = 1\n" + USE},
        "f.py",
        "one = 1",
        "one = 2",
    ),
    "what is kept uses": (
        {"f.py": REGISTER + "K = 1\n@keep\ndef a(): return K\n" + USE},
        "f.py",
        "K = 1",
        "K = 2",
    ),
    "a decorator of another module": (
        {
            "table.py": REGISTER,
            "f.py": "from table import keep, TABLE\n@keep\ndef a(): return 1\n" + USE,
        },
        "f.py",
        "return 1",
        "return 2",
    ),
    "a decorator of a module by its name": (
        {
            "table.py": REGISTER,
            "f.py": "import table\n@table.keep\ndef a(): return 1\ndef t(x): return table.TABLE\n",
        },
        "f.py",
        "return 1",
        "return 2",
    ),
    "a module that is imported for its effects": (
        {
            "table.py": REGISTER,
            "plug.py": "from table import keep\n@keep\ndef a(): return 1\n",
            "f.py": "import plug\nfrom table import TABLE\n" + USE,
        },
        "plug.py",
        "return 1",
        "return 2",
    ),
    "an object that is made": (
        {
            "f.py": "ALL = []\nclass A:\n    def __init__(self, n): ALL.append(n)\nA(1)\n"
            "def t(x): return ALL\n"
        },
        "f.py",
        "A(1)",
        "A(2)",
    ),
    "a subclass that tells its base": (
        {"f.py": BASE + "class A(Base):\n    one = 1\ndef t(x): return Base.KINDS\n"},
        "f.py",
        "one = 1",
        "one = 2",
    ),
    "a subclass of a base elsewhere": (
        {
            "base.py": BASE,
            "f.py": "from base import Base\nclass A(Base):\n    one = 1\n"
            "def t(x): return Base.KINDS\n",
        },
        "f.py",
        "one = 1",
        "one = 2",
    ),
    "subclasses that are asked for": (
        {
            "f.py": "class Base: ...\nclass A(Base): ...\nclass B(A):\n    one = 1\n"
            "def t(x): return [c for b in Base.__subclasses__() for c in b.__subclasses__()]\n"
        },
        "f.py",
        "one = 1",
        "one = 2",
    ),
    "a package around a module": (
        {
            "pack/__init__.py": "from . import inner\ninner.TABLE.append(3)\n",
            "pack/inner.py": "TABLE = []\n",
            "f.py": "from pack.inner import TABLE\ndef t(x): return TABLE\n",
        },
        "pack/__init__.py",
        "3",
        "4",
    ),
    "a name in a test": ({"f.py": "if (K := 3) > 1: pass\ndef t(x): return K\n"}, "f.py", "3", "4"),
    "globals by name": ({"f.py": "K = 1\ndef t(x): return globals()['K']\n"}, "f.py", "1", "2"),
    "text that is evaluated": ({"f.py": "K = 1\ndef t(x): return eval('K')\n"}, "f.py", "1", "2"),
}


def digests(folder: Path) -> dict[str, str]:
    return Analysis(folder).function("f.py:t", folder).names


def write(folder: Path, files: Files) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_a_value_while_modules_are_loaded_counts(tmp_path: Path, what: str) -> None:
    files, file, old, new = CHANGES[what]
    write(tmp_path, files)
    before = digests(tmp_path)
    assert digests(tmp_path) == before
    assert old in files[file]
    write(tmp_path, {file: files[file].replace(old, new)})
    assert digests(tmp_path) != before


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        # Others are kept in another table, or by somebody who keeps nothing.
        (REGISTER + "OTHER = {}\ndef t(x): return OTHER\n@keep\ndef a(): return 1\n", "1", "2"),
        ("def same(f): return f\n@same\ndef a(): return 1\nT = {}\ndef t(x): return T\n", "1", "2"),
        ("import functools\n@functools.cache\ndef a(): return 1\ndef t(x): return 3\n", "1", "2"),
        # A value of a function's own, whose name is that of the module's.
        ("T = {}\ndef go():\n    T = {}\n    T['a'] = 1\ngo()\ndef t(x): return T\n", "1", "2"),
        ("T = {}\ndef go(T):\n    T['a'] = 1\ngo({})\ndef t(x): return T\n", "1", "2"),
        # Base classes that nobody asks for what is below them.
        ("class B: ...\nclass A(B):\n    one = 1\ndef t(x): return B\n", "1", "2"),
    ],
)
def test_what_changes_no_value_that_is_used_does_not(
    tmp_path: Path, text: str, old: str, new: str
) -> None:
    write(tmp_path, {"f.py": text})
    before = digests(tmp_path)
    write(tmp_path, {"f.py": text.replace(old, new)})
    assert digests(tmp_path) == before


def test_functions_that_call_each_other_come_to_an_end(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "f.py": "T = {}\ndef a():\n    b()\ndef b():\n    T['x'] = 1\n    a()\nb()\n"
            "def t(x): return T\n"
        },
    )
    before = digests(tmp_path)
    write(tmp_path, {"f.py": (tmp_path / "f.py").read_text().replace("= 1", "= 2")})
    assert digests(tmp_path) != before
