"""Sets that scikit-learn ships: read from its files, as its loaders give them."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from lamina.data import shipped as shipped_files
from lamina.data.recipes import LIBRARY
from lamina.data.shipped import FILES, shipped


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_files_hold_what_the_loaders_give(name: str) -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    found = shipped(name)
    assert found is not None
    load = LIBRARY.get(name)
    bunch = load(scaled=False) if name == "diabetes" else load()
    np.testing.assert_array_equal(found[0], bunch.data)
    wanted = bunch.target
    assert found[1] == (bunch.target_names[wanted] if name == "iris" else wanted).tolist()


def test_reading_a_shipped_set_loads_neither_scikit_learn_nor_pandas() -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    program = (
        "import sys\n"
        "from lamina.data.sources import load\n"
        "load('breast-cancer')\n"
        "print(sorted({'sklearn', 'scipy', 'pandas'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["[]"]


@pytest.mark.parametrize("content", [b"", b"150,4,a\n1,2,x\n", b"150,4,a\n1,2\n1,2,3\n"])
def test_files_of_another_form_are_left_to_the_loader(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "datasets" / "data"
    folder.mkdir(parents=True)
    (folder / "iris.csv").write_bytes(content)
    spec = ModuleSpec("sklearn", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(shipped_files, "find_spec", lambda name: spec)
    assert shipped("iris") is None
    assert shipped("digits") is None
