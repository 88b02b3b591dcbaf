"""The named sets on real files: read, described, prepared; with LAMINA_DATA only."""

from __future__ import annotations

import io
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lamina.data import sources
from lamina.data.prepare import learn
from lamina.data.recipes import bank_codes, bank_text, lines_crlf, lines_lf
from lamina.data.split import kfold
from lamina.data.tables import read_table

MIRRORED = [name for name, entry in sources.catalogue().items() if entry.mirror_path]

pytestmark = pytest.mark.skipif(
    not Path(os.environ.get("LAMINA_DATA", "/nowhere")).is_dir(),
    reason="set LAMINA_DATA to the folder with tabular/",
)


@pytest.mark.parametrize("name", MIRRORED)
def test_a_mirrored_set_is_read_with_its_promised_size_and_digest(name: str) -> None:
    entry, table = sources.source(name), sources.load(name, offline=True)
    assert sources.where(name) == "LAMINA_DATA"
    assert (table.rows, table.names) == (entry.rows, entry.names)
    preparation, prepared = learn(table, entry.target, kind="binary")
    assert (preparation.width, prepared.dropped) == (entry.features, 0)


def test_the_breast_cancer_file_equals_scikit_learns(tmp_path: Path) -> None:
    mirrored = sources.load("breast-cancer")
    shipped = sources.load("breast-cancer", mirror=tmp_path, folder=tmp_path, offline=True)
    assert mirrored.equals(shipped)


def test_files_are_read_without_the_catalogue_too() -> None:
    for name in MIRRORED:
        table = read_table(sources.fetch(name))
        assert table.equals(read_table(sources.load(name), names=table.names))


def test_the_stability_column_gives_itself_away() -> None:
    told = sources.describe("grid-stability")
    assert told["classes"] == {"0": 6380, "1": 3620}
    assert any("'stab' alone" in warning for warning in told["warnings"])


def test_the_coded_and_the_text_form_of_bank_marketing_agree() -> None:
    coded, text = sources.load("bank-marketing"), sources.load("bank-marketing-text")
    for name in ("age", "balance", "day", "duration", "campaign", "pdays", "previous"):
        assert np.array_equal(coded[name], text[name])
    assert np.array_equal(coded["label"], (text["y"] == "yes").astype(int))


def test_recipes_make_the_mirrored_bytes_from_the_layout_of_uci() -> None:
    text = sources.fetch("bank-marketing-text").read_bytes()
    names, *rows = [line.split(",") for line in text.decode().split("\r\n")]
    order = sources.source("bank-marketing").names[:-1]
    places = [names.index(name) for name in (*order, "y")]
    lines = [";".join(f'"{name}"' for name in (*order, "y"))]
    for row in rows:
        cells = [row[place] for place in places]
        lines.append(";".join(c if c.lstrip("-").isdigit() else f'"{c}"' for c in cells))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bank-full.csv", "\n".join(lines) + "\n")
    assert bank_text(packed.getvalue()) == text
    coded = sources.fetch("bank-marketing").read_bytes()
    assert bank_codes(packed.getvalue()) == coded


def test_recipes_of_plain_lines_leave_the_mirrored_bytes_alone() -> None:
    banknote = sources.fetch("banknote").read_bytes()
    assert lines_crlf(banknote.replace(b"\r", b"") + b"\n") == banknote
    pima = sources.fetch("pima").read_bytes()
    assert lines_lf(pima.replace(b"\n", b"\r\n")) == pima


def test_stratified_folds_of_the_largest_set_keep_its_share() -> None:
    table = sources.load("bank-marketing")
    labels = table["label"]
    for _, tested in kfold(table.rows, 5, labels=labels):
        assert labels[tested].mean() == pytest.approx(labels.mean(), abs=1e-4)


def test_the_largest_set_is_read_fast() -> None:
    path = sources.fetch("bank-marketing-text")
    read_table(path)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        read_table(path)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3
