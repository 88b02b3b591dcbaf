"""The catalogue and its files: mirror, cache, scikit-learn; digests checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from lamina.data import sources
from lamina.data.recipes import RECIPES
from lamina.errors import ChecksumError, DataError, DocumentError, UnknownNameError

PAPERS = ("breast-cancer", "pima", "banknote", "grid-stability", "bank-marketing")
SHIPPED = ("breast-cancer", "iris", "wine", "digits", "diabetes")


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(sources.MIRROR, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_papers_sets_are_in_the_catalogue() -> None:
    known = sources.catalogue()
    assert set(PAPERS) <= set(known)
    sizes = [(known[name].rows, known[name].features) for name in PAPERS]
    assert sizes == [(569, 5), (768, 8), (1372, 4), (10000, 13), (45211, 16)]


@pytest.mark.parametrize("name", sorted(sources.catalogue()))
def test_every_entry_says_where_it_is_from(name: str) -> None:
    entry = sources.source(name)
    assert entry.address.startswith("https://")
    assert entry.licence
    assert entry.citation
    assert entry.version
    assert entry.builtin or entry.downloads
    assert all(d.recipe in RECIPES for d in entry.downloads)
    assert entry.target in entry.names
    json.dumps(entry.to_document())


def test_the_grid_set_warns_of_its_13th_feature() -> None:
    assert "gives the label away" in " ".join(sources.source("grid-stability").notes)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown data set 'pma'") as caught:
        sources.fetch("pma")
    assert "did you mean 'pima'" in caught.value.way_out


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_set_works_offline_and_writes_nothing(name: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    entry = sources.source(name)
    table = sources.load(name, offline=True)
    assert (table.rows, table.names) == (entry.rows, entry.names)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_set_is_fetched_as_a_file_with_the_promised_digest(name: str) -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    path = sources.fetch(name, offline=True)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sources.source(name).sha256
    assert sources.where(name) == "cache"
    assert sources.load(name).rows == sources.source(name).rows


def test_breast_cancer_is_the_first_five_columns_of_scikit_learn() -> None:
    datasets = pytest.importorskip(
        "sklearn.datasets", reason="no sklearn: pip install 'lamina[datasets]'"
    )
    bunch = datasets.load_breast_cancer()
    table = sources.load("breast-cancer")
    for number, name in enumerate(table.names[:5]):
        assert np.array_equal(table[name], bunch.data[:, number])
    assert np.array_equal(table["label"], bunch.target)


def test_digits_are_images() -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    images, labels = sources.load_arrays("digits")
    assert images.shape == (1797, 1, 8, 8)
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0.0, 16.0)
    assert labels.dtype == np.int64
    assert sorted(set(labels.tolist())) == list(range(10))
    assert images[0, 0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_other_sets_are_rows_of_features() -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    features, labels = sources.load_arrays("iris")
    assert (features.shape, labels.shape) == ((150, 4), (150,))
    with pytest.raises(DataError, match="quantities"):
        sources.load_arrays("diabetes")


def test_without_scikit_learn_the_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from lamina.data import recipes
    from lamina.registry import Registry

    entries = {"iris": "sklearn.datasets:load_iris"}
    fresh: Registry[object] = Registry("library_sets", "data set", entries, {"iris": "datasets"})
    monkeypatch.setattr(recipes, "LIBRARY", fresh)
    for module in ("sklearn", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match="needs sklearn") as caught:
        sources.load("iris")
    assert "lamina[datasets]" in caught.value.way_out


def test_a_mirror_is_read_first_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mirror" / sources.source("banknote").mirror_path
    file.parent.mkdir(parents=True)
    file.write_bytes(b"1,2,3,4,0\r\n")
    monkeypatch.setenv(sources.MIRROR, str(tmp_path / "mirror"))
    assert sources.where("banknote") == "LAMINA_DATA"
    with pytest.raises(ChecksumError) as caught:
        sources.load("banknote")
    assert sources.source("banknote").sha256 in caught.value.message
    assert hashlib.sha256(file.read_bytes()).hexdigest() in caught.value.message
    assert str(file) in caught.value.way_out


def test_a_damaged_cache_is_refused_by_name() -> None:
    file = sources.cache_folder() / "pima.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"damaged")
    with pytest.raises(ChecksumError, match=r"pima\.csv is not the promised file"):
        sources.fetch("pima", offline=True)


def test_nothing_here_says_the_three_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sources.MIRROR, "/not/a/folder")
    assert sources.where("pima") == ""
    with pytest.raises(DataError, match="'pima' is not on this machine") as caught:
        sources.load("pima", offline=True)
    for way in ("correct LAMINA_DATA='/not/a/folder'", "set LAMINA_DATA", "put the file at"):
        assert way in caught.value.way_out


def test_a_named_set_and_a_file_are_described(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="no sklearn: pip install 'lamina[datasets]'")
    told = sources.describe("breast-cancer")
    assert told["classes"] == {"0": 212, "1": 357}
    assert told["source"]["name"] == "breast-cancer"
    json.dumps(told)
    (tmp_path / "t.csv").write_text("a,label\n1,0\n2,1\n")
    assert sources.describe(tmp_path / "t.csv", "label")["source"] is None
    with pytest.raises(UnknownNameError, match="data set or file 'brest'"):
        sources.describe("brest")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "cannot be read"),
        ("[1, 2]", "no mapping"),
        ("a: {title: x}", "a: "),
        ("a: 5", "a: "),
        ("a: {nonsense: 1}", "nonsense"),
    ],
)
def test_a_broken_catalogue_is_refused(text: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        sources.read_catalogue(text)
