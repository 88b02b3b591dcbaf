"""Values on their way to a pod and back: whole, and nothing that is no value."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.errors import ArtifactError, UsageError
from lamina.execution.placing import parcels
from lamina.execution.placing.parcels import packed, unpacked
from lamina.workflow.types import PortType


class Odd:
    """Nothing that could be read without running code."""


@pytest.fixture
def here(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "there")


def sent(here: Artifacts, there: Artifacts, values: Mapping[str, Any]) -> dict[str, Any]:
    refs = {name: here.put(value) for name, value in values.items()}
    return {name: there.get(ref) for name, ref in unpacked(there, packed(here, refs)).items()}


def test_plain_values_and_arrays_come_as_they_were(here: Artifacts, there: Artifacts) -> None:
    array = np.arange(1000.0)
    found = sent(here, there, {"short": [1, "a"], "long": "x" * 5000, "pair": (1, 2), "a": array})
    assert (found["short"], found["long"], found["pair"]) == ([1, "a"], "x" * 5000, (1, 2))
    assert np.array_equal(found["a"], array)


def test_files_come_with_their_names_alone_and_in_lists(
    here: Artifacts, there: Artifacts, tmp_path: Path
) -> None:
    paths = [tmp_path / name for name in ("a.txt", "b.txt")]
    for path in paths:
        path.write_text(path.name * 300)
    found = sent(here, there, {"one": paths[0], "many": paths})
    assert found["one"].name == "a.txt" and found["one"].read_text() == "a.txt" * 300
    assert [path.read_text() for path in found["many"]] == [path.read_text() for path in paths]


def test_folders_come_whole(here: Artifacts, there: Artifacts, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    for name in ("a.txt", "inner/b.txt"):
        (folder / name).write_text(name * 400)
    found = sent(here, there, {"f": folder})["f"]
    assert (found / "inner/b.txt").read_text() == "inner/b.txt" * 400


def test_a_list_with_other_items_is_refused(here: Artifacts, there: Artifacts) -> None:
    parcel = packed(here, {"x": here.gather([here.put("x" * 5000), here.put("y" * 5000)])})
    ((digest, items),) = parcel["lists"].items()
    parcel["lists"][digest] = items[:1]
    with pytest.raises(ArtifactError, match="came with other bytes"):
        unpacked(there, parcel)


def test_what_would_run_code_is_refused_on_both_sides(here: Artifacts, there: Artifacts) -> None:
    ref = here.put(Odd())
    with pytest.raises(UsageError, match="port 'x' cannot go between here and a pod"):
        packed(here, {"x": ref})
    data = base64.b64encode(here.objects.raw(ref.digest)).decode()
    forced = {"refs": {"x": ref.to_json()}, "blobs": {ref.digest: data}, "lists": {}}
    with pytest.raises(UsageError, match="port 'x' cannot go between here and a pod"):
        unpacked(there, forced)


@pytest.mark.parametrize(("origin", "name"), [("/etc/hostname", "a.txt"), ("", "../../out.txt")])
def test_a_place_in_the_stead_of_bytes_is_refused_in_lists_too(
    here: Artifacts, there: Artifacts, tmp_path: Path, origin: str, name: str
) -> None:
    (tmp_path / "a.txt").write_text("a" * 2000)
    ref = here.put(tmp_path / "a.txt")
    bad = replace(ref, origin=origin, name=name)
    listed = here.gather([bad, here.put("x" * 5000)])
    for one in (bad, listed):
        parcel = packed(here, {"x": ref})
        parcel["refs"] = {"x": one.to_json()}
        if one is listed:
            parcel["lists"] = {one.digest: [item.to_json() for item in here.items(one)]}
        with pytest.raises(UsageError, match="came as a place"):
            unpacked(there, parcel)


def test_other_bytes_than_were_promised_are_refused(here: Artifacts, there: Artifacts) -> None:
    parcel = packed(here, {"x": here.put("x" * 5000)})
    (digest,) = parcel["blobs"]
    parcel["blobs"][digest] = base64.b64encode(b"other").decode()
    with pytest.raises(ArtifactError, match="came with other bytes"):
        unpacked(there, parcel)


@pytest.mark.parametrize(
    "parcel", [{}, {"refs": {}, "blobs": {"a": "%"}}, {"refs": 3, "blobs": {}, "lists": {}}]
)
def test_what_is_no_parcel_is_told(there: Artifacts, parcel: Any) -> None:
    with pytest.raises(UsageError, match="no parcel of values"):
        unpacked(there, parcel)


def test_too_much_at_once_names_the_ports(here: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcels, "MOST", 10_000)
    ref: Ref = here.put("x" * 50_000, PortType("str"))
    with pytest.raises(UsageError, match=r"which go to a pod at once: big 0\.1 MB"):
        packed(here, {"big": ref})
