"""Files of a real web server on loopback: in parts, after cuts, resumed, checked, refused."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from staging_servers import Site, WebServer

from lamina.data.artifacts.store import Artifacts
from lamina.data.staging.places import PLACES, place_of
from lamina.data.staging.policy import Policy
from lamina.data.staging.transfer import fetch, send, stat_many
from lamina.errors import ArtifactError, ChecksumError, StagingError
from lamina.testing.places import check_place
from lamina.workflow.types import port_type

pytest.importorskip("aiohttp", reason="no aiohttp: pip install 'lamina[remote]'")

DATA = os.urandom(3_000_001)
SHA = hashlib.sha256(DATA).hexdigest()
FILE = port_type("file")


@pytest.fixture
def site() -> Iterator[Site]:
    with WebServer(Site({"/data.bin": DATA, "/small.txt": b"small", "/empty": b""})) as site:
        yield site


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def policy(told: list[str]) -> Policy:
    return Policy(block=500_000, wait=0.01, told=told.append)


def parts_left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


@pytest.mark.parametrize("name", ["data.bin", "small.txt", "empty"])
def test_a_file_comes_whole_and_timed(
    site: Site, tmp_path: Path, policy: Policy, name: str
) -> None:
    moved = fetch(f"{site.url}/{name}", tmp_path / "in" / name, policy)
    content = site.files[f"/{name}"]
    assert moved.path.read_bytes() == content
    assert (moved.size, moved.resumed) == (len(content), 0)
    assert moved.sha256 == hashlib.sha256(content).hexdigest()
    assert 0 < moved.seconds < 30
    assert not parts_left(tmp_path / "in")


def test_a_large_file_comes_in_parts_at_once(site: Site, tmp_path: Path, policy: Policy) -> None:
    fetch(f"{site.url}/data.bin", tmp_path / "x", policy)
    ranges = [asked[2] for asked in site.asked if asked[0] == "GET"]
    assert len(ranges) == len(set(ranges)) == 7


@pytest.mark.parametrize("cuts", [[1000], [0, 70_000, 300_000], [450_000] * 5])
def test_a_lost_connection_goes_on_where_it_ended(
    site: Site, tmp_path: Path, policy: Policy, told: list[str], cuts: list[int]
) -> None:
    site.cuts = list(cuts)
    moved = fetch(f"{site.url}/data.bin#sha256={SHA}", tmp_path / "x", policy)
    assert moved.path.read_bytes() == DATA
    assert len(told) >= len(cuts) - 1
    assert all("attempt" in line for line in told)
    sent = sum(end - start + 1 for start, end in map(spans, site.asked) if end)
    assert sent <= len(DATA) + 500_000 * len(cuts) - sum(cuts)


def spans(asked: tuple[str, str, str]) -> tuple[int, int]:
    _, _, text = asked[2].partition("=")
    start, _, end = text.partition("-")
    return (int(start), int(end)) if end else (0, 0)


@pytest.mark.parametrize("errors", [[503], [500, 502, 429], [408]])
def test_an_error_that_passes_is_tried_again(
    site: Site, tmp_path: Path, policy: Policy, errors: list[int]
) -> None:
    site.errors = list(errors)
    assert fetch(f"{site.url}/data.bin", tmp_path / "x", policy).sha256 == SHA


@pytest.mark.parametrize(("status", "words"), [(403, "refused"), (404, "not there"), (418, "418")])
def test_an_error_that_stays_is_not_tried_again(
    site: Site, tmp_path: Path, policy: Policy, status: int, words: str
) -> None:
    site.errors = [status] * 3
    with pytest.raises(StagingError, match=words):
        fetch(f"{site.url}/data.bin", tmp_path / "x", policy)
    assert len(site.asked) <= 2


def test_attempts_have_an_end_and_what_came_stays(
    site: Site, tmp_path: Path, policy: Policy
) -> None:
    site.cuts = [500_000] * 3 + [0] * 100
    with pytest.raises(StagingError, match="failed 6 times in a row"):
        fetch(f"{site.url}/data.bin", tmp_path / "x", policy)
    assert not (tmp_path / "x").exists()
    site.cuts, site.asked = [], []
    moved = fetch(f"{site.url}/data.bin", tmp_path / "x", policy)
    assert moved.path.read_bytes() == DATA
    assert moved.resumed >= 500_000
    assert not parts_left(tmp_path)


def fetch_slowly(url: str, target: Path) -> None:
    place: Any = place_of("http")
    read = place.read

    def slow(file: Any, part: Any, version: str, write: Any) -> None:
        time.sleep(0.05)
        read(file, part, version, write)

    place.read = slow
    fetch(url, target, Policy(connections=1, block=100_000))


def test_when_one_part_does_not_come_the_others_are_not_begun(
    site: Site, tmp_path: Path, told: list[str]
) -> None:
    site.cuts = [0] * 100
    quick = Policy(block=200_000, connections=2, attempts=2, wait=0.05, told=told.append)
    with pytest.raises(StagingError, match="failed 2 times in a row"):
        fetch(f"{site.url}/data.bin", tmp_path / "x", quick)
    asked = {part for method, _, part in site.asked if method == "GET"}
    assert len(asked) <= 3


def test_a_killed_transfer_goes_on(site: Site, tmp_path: Path, policy: Policy) -> None:
    context = multiprocessing.get_context("spawn")
    url, target = f"{site.url}/data.bin", tmp_path / "x"
    process = context.Process(target=fetch_slowly, args=(url, target))
    process.start()
    note = tmp_path / ".x.note"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (
        not note.exists() or len(note.read_text().splitlines()) < 4
    ):
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert not target.exists()
    moved = fetch(url, target, policy)
    assert moved.resumed >= 200_000
    assert target.read_bytes() == DATA


def test_a_file_that_is_replaced_meanwhile_is_told_and_then_begun_anew(
    site: Site, tmp_path: Path, policy: Policy
) -> None:
    site.cuts = [0] * 100
    with pytest.raises(StagingError):
        fetch(f"{site.url}/data.bin", tmp_path / "x", Policy(block=500_000, wait=0, attempts=2))
    site.cuts, site.tag = [], '"v2"'
    site.files["/data.bin"] = DATA[::-1]
    moved = fetch(f"{site.url}/data.bin", tmp_path / "x", policy)
    assert (moved.resumed, moved.path.read_bytes()) == (0, DATA[::-1])


def test_parts_of_two_versions_are_never_mixed(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: Policy
) -> None:
    place: Any = place_of("http")
    read = place.read

    def replacing(file: Any, part: Any, version: str, write: Any) -> None:
        if part[0] >= 1_000_000:
            site.tag = '"v2"'
        read(file, part, version, write)

    monkeypatch.setattr(place, "read", replacing)
    with pytest.raises(StagingError, match="was replaced"):
        fetch(f"{site.url}/data.bin", tmp_path / "x", policy)
    assert not (tmp_path / "x").exists()


def test_a_broken_promise_is_told_with_both_digests(
    site: Site, tmp_path: Path, policy: Policy
) -> None:
    with pytest.raises(ChecksumError, match=f"{SHA}.*{'0' * 64}"):
        fetch(f"{site.url}/data.bin#sha256={'0' * 64}", tmp_path / "x", policy)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("odd", ["ranges", "head", "sized", "tag"])
def test_servers_that_know_less_are_served_too(
    site: Site, tmp_path: Path, policy: Policy, odd: str
) -> None:
    setattr(site, odd, "" if odd == "tag" else False)
    site.cuts = [1000] if odd != "sized" else []
    assert fetch(f"{site.url}/data.bin", tmp_path / "x", policy).sha256 == SHA


def test_a_server_that_promises_parts_and_gives_none_is_read_as_a_whole(
    site: Site, tmp_path: Path, policy: Policy, told: list[str]
) -> None:
    site.ranges, site.promises = False, True
    for url in (f"{site.url}/data.bin", f"{site.url}/small.txt"):
        moved = fetch(url, tmp_path / "x", policy)
        assert moved.path.read_bytes() == site.files["/" + url.rpartition("/")[2]]
    assert [line for line in told if "it is read as a whole" in line]
    assert not [line for line in told if "attempt" in line]


def many(site: Site, count: int) -> list[str]:
    site.files.update({f"/many/{number}": b"%d" % number for number in range(count)})
    return [f"{site.url}/many/{number}" for number in range(count)]


@pytest.mark.parametrize("tag", ['"v1"', ""])
def test_many_files_are_brought_at_once_with_one_question_and_one_answer_each(
    site: Site, tmp_path: Path, tag: str
) -> None:
    site.tag, site.delay, urls = tag, 0.02, many(site, 40)
    store = Artifacts(tmp_path / "store")
    ref = store.refer(urls, port_type("list[file]"))
    if tag:
        site.asked, site.most = [], 0
    assert [path.read_bytes() for path in store.get(ref)] == [b"%d" % n for n in range(40)]
    asked = [method for method, _, _ in site.asked]
    assert (asked.count("HEAD"), asked.count("GET")) == (40, 40)
    assert site.most >= 4
    assert not [path for path in (tmp_path / "store/remote").iterdir() if ".part" in path.name]


def test_of_many_files_the_one_that_does_not_come_is_named(site: Site, tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "store")
    ref = store.refer(many(site, 12), port_type("list[file]"))
    del site.files["/many/7"]
    with pytest.raises(StagingError, match="many/7 is not there"):
        store.get(ref)


def test_many_files_are_asked_after_at_once(site: Site, policy: Policy) -> None:
    urls = [f"{site.url}/{name}" for name in ("data.bin", "nothing", "small.txt")] * 40
    found = stat_many(urls, policy)
    assert found[urls[0]].size == len(DATA)  # type: ignore[union-attr]
    assert isinstance(found[urls[1]], StagingError)
    assert list(found) == urls[:3]


def test_the_place_conforms(site: Site) -> None:
    def another() -> None:
        site.tag = '"v2"'

    check_place(place_of("http"), site.url, another)


def test_a_file_is_sent(site: Site, tmp_path: Path, policy: Policy) -> None:
    (tmp_path / "out.bin").write_bytes(DATA)
    site.errors = [503]
    moved = send(tmp_path / "out.bin", f"{site.url}/out.bin", policy)
    assert site.put["/out.bin"] == DATA
    assert (moved.size, moved.sha256) == (len(DATA), SHA)


def test_a_host_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(StagingError, match="failed 2 times in a row"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x", Policy(wait=0.01, attempts=2))


def test_protocols_without_a_library_are_named(tmp_path: Path) -> None:
    with pytest.raises(StagingError, match="'nonsense'"):
        fetch("nonsense://host/x", tmp_path / "x")
    assert "s3" in PLACES


def test_an_input_elsewhere_is_known_by_its_version_and_brought_once(
    site: Site, tmp_path: Path
) -> None:
    notices: list[tuple[str, str]] = []
    store = Artifacts(tmp_path / "store", lambda what, text: notices.append((what, text)))
    ref = store.refer(f"{site.url}/data.bin", FILE)
    assert (ref.codec, ref.size, ref.name) == ("file", len(DATA), "data.bin")
    assert not [asked for asked in site.asked if asked[0] == "GET"]
    assert store.get(ref).read_bytes() == DATA
    assert store.place(ref, tmp_path / "work/in.bin").read_bytes() == DATA
    assert [what for what, _ in notices] == ["staged in"]
    assert store.refer(f"{site.url}/data.bin", FILE) == ref
    assert store.sweep([ref], age=-1.0) == 0
    assert store.get(ref).read_bytes() == DATA
    assert store.sweep([], age=-1.0) > len(DATA)
    assert store.get(ref).read_bytes() == DATA
    site.tag = '"v2"'
    assert store.refer(f"{site.url}/data.bin", FILE).digest != ref.digest


def test_an_input_elsewhere_that_changes_during_the_run_is_told(site: Site, tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "store")
    ref = store.refer(f"{site.url}/data.bin", FILE)
    site.tag = '"v2"'
    with pytest.raises(ArtifactError, match="has changed since the run began"):
        store.get(ref)


def test_a_promised_or_unversioned_input_is_known_by_its_content(
    site: Site, tmp_path: Path
) -> None:
    store = Artifacts(tmp_path / "store")
    assert store.refer(f"{site.url}/data.bin#sha256={SHA}", FILE).digest == SHA
    site.tag = ""
    ref = store.refer(f"{site.url}/data.bin", FILE)
    assert ref.digest == SHA
    assert store.get(ref).read_bytes() == DATA


def test_lists_of_inputs_elsewhere_are_asked_after_at_once(site: Site, tmp_path: Path) -> None:
    store = Artifacts(tmp_path / "store")
    urls = [f"{site.url}/data.bin", f"{site.url}/small.txt"]
    ref = store.refer(urls, port_type("list[file]"))
    assert [path.name for path in store.get(ref)] == ["data.bin", "small.txt"]
    with pytest.raises(StagingError, match="nothing is not there"):
        store.refer([*urls, f"{site.url}/nothing"], port_type("list[file]"))


def get_it(folder: Path, ref: Any, queue: Any) -> None:
    queue.put(Artifacts(folder).get(ref).stat().st_size)


def test_processes_that_need_the_same_file_bring_it_once(site: Site, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ref = Artifacts(tmp_path).refer(f"{site.url}/data.bin", FILE)
    site.asked = []
    queue = context.Queue()
    workers = [context.Process(target=get_it, args=(tmp_path, ref, queue)) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert [queue.get(timeout=60) for _ in workers] == [len(DATA)] * 3
    for worker in workers:
        worker.join(30)
    assert len([asked for asked in site.asked if asked[0] == "GET"]) == 1
