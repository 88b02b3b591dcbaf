"""Data of placed jobs through a real object store, and over a link of a limited rate.

moto_server is looked for on the PATH, or where LAMINA_MOTO_SERVER says; the link is made of two
network namespaces, which needs root and iproute2.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from placed_pods import FUNCTIONS, soon
from placed_runs import GPU, Drive, local, places

from lamina.data.staging import places as staging
from lamina.execution.placing.items import Item
from lamina.execution.placing.pods import Pod
from lamina.execution.placing.settings import Secret
from lamina.execution.placing.site import Place, Setting
from lamina.execution.placing.sites.http import Http
from lamina.execution.placing.uploads import Uploads, sent
from lamina.planning.placement.words import Crashed, Uploaded

pytestmark = pytest.mark.service

MOTO = os.environ.get("LAMINA_MOTO_SERVER") or shutil.which("moto_server")
KEYS = {
    "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
}  # fmt: skip


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 0.5).close()
    except OSError:
        return False
    return True


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket of a real server."""
    if not MOTO:
        pytest.skip("no moto_server: pip install 'moto[server]'")
    s3fs = pytest.importorskip("s3fs", reason="no s3fs: pip install 'lamina[remote]'")
    port = free_port()
    monkeypatch.setattr(staging, "_OPEN", {})  # a place knows the server that it first met
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}.items():
        monkeypatch.setenv(name, value)
    process = subprocess.Popen(
        [MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        assert soon(lambda: answers("127.0.0.1", port), 20.0)
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir("placed")
        yield "s3://placed/data"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def files(folder: Path, sizes: list[int]) -> tuple[Item, ...]:
    folder.mkdir()
    for n, size in enumerate(sizes):
        (folder / f"{n}.bin").write_bytes(os.urandom(size))
    return tuple(Item(path.name, path) for path in sorted(folder.iterdir()))


def test_files_go_through_an_object_store_to_pods(tmp_path: Path, bucket: str) -> None:
    items = files(tmp_path / "in", [10, 5000, 200_000])
    drive = Drive(tmp_path, places(local(tmp_path, GPU, bucket, "sizes")), "fixed:gpu1")
    drive.give("a", items)
    drive.run()
    told = json.loads((tmp_path / "results" / "a.json").read_text())["items"]
    assert told == {item.id: item.size for item in items}
    assert [one.seconds > 0 for one in drive.kinds(Uploaded)] == [True]


def test_what_is_in_the_store_already_is_not_sent_again(tmp_path: Path, bucket: str) -> None:
    items = files(tmp_path / "in", [100, 3000])
    first, second = sent(items, bucket), sent(items, bucket)
    assert (first.moved, first.total) == (3100, 3100)
    assert (second.moved, second.whole) == (0, None)


def test_two_runtimes_that_read_from_one_store_upload_once(tmp_path: Path, bucket: str) -> None:
    items = files(tmp_path / "in", [2000])
    uploads, over = Uploads(), threading.Event()
    first = uploads.bring("a", items, bucket, over, 20.0)
    assert uploads.bring("a", items, bucket, over, 20.0) is first


# A link of 8 Mbit/s between two network namespaces.


def command(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=20)


@pytest.fixture
def far() -> Iterator[str]:
    """The name of a namespace behind a slow link; 10.77.7.2 there, 10.77.7.1 here."""
    if os.geteuid() or not shutil.which("ip") or not shutil.which("tc"):
        pytest.skip("network namespaces need root, ip and tc: apt-get install iproute2")
    name, near, end = f"lf{os.getpid()}", f"ln{os.getpid()}"[:15], f"le{os.getpid()}"[:15]
    try:
        command("ip", "netns", "add", name)
    except subprocess.CalledProcessError:
        pytest.skip("network namespaces cannot be made here: it takes CAP_SYS_ADMIN")
    try:
        command("ip", "link", "add", near, "type", "veth", "peer", "name", end, "netns", name)
        command("ip", "addr", "add", "10.77.7.1/24", "dev", near)
        command("ip", "link", "set", near, "up")
        command("ip", "-n", name, "addr", "add", "10.77.7.2/24", "dev", end)
        command("ip", "-n", name, "link", "set", "lo", "up")
        command("ip", "-n", name, "link", "set", end, "up")
        for words in (
            ["tc", "qdisc", "add", "dev", near],
            ["ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", end],
        ):
            command(*words, "root", "tbf", "rate", "8mbit", "burst", "32kbit", "latency", "400ms")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, timeout=20)
        subprocess.run(["ip", "link", "del", near], check=False, timeout=20, capture_output=True)


def test_bandwidth_is_measured_from_what_travels_over_a_slow_link(
    tmp_path: Path, far: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Store and pod are on the other side of the link; a megabyte takes a second at 8 Mbit/s."""
    if not MOTO:
        pytest.skip("no moto_server: pip install 'moto[server]'")
    s3fs = pytest.importorskip("s3fs", reason="no s3fs: pip install 'lamina[remote]'")
    variables = {**KEYS, "AWS_ENDPOINT_URL": "http://10.77.7.2:15000"}
    monkeypatch.setattr(staging, "_OPEN", {})
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FAR_TOKEN", "abc")
    (tmp_path / "token").write_text("abc")
    inside = ["ip", "netns", "exec", far]
    served = [
        sys.executable, "-m", "lamina", "serve-function", f"{FUNCTIONS}:sizes", "--host",
        "10.77.7.2", "--port", "15001", "--token-file", str(tmp_path / "token"),
    ]  # fmt: skip
    processes = [
        subprocess.Popen(
            [*inside, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, **variables},
        )
        for words in ([MOTO, "-H", "10.77.7.2", "-p", "15000"], served)
    ]  # fmt: skip
    try:
        assert soon(lambda: answers("10.77.7.2", 15000), 20.0)
        pod = Pod("http://10.77.7.2:15001", "abc")
        assert soon(lambda: pod.ready(2.0) == "ready", 20.0)
        pod.close()
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir("placed")
        items = files(tmp_path / "in", [500_000] * 4)
        settings = {"address": "http://10.77.7.2:15001", "token": Secret(variable="FAR_TOKEN")}
        storage = "s3://placed/data"
        how = Setting(GPU, settings, "", tmp_path, tmp_path, storage)
        drive = Drive(tmp_path, places(Place(GPU, Http(how), storage)), "fixed:gpu1")
        drive.give("a", items)
        began = time.monotonic()
        drive.run()
        took = time.monotonic() - began
        assert drive.kinds(Crashed) == []
        (uploaded,) = drive.kinds(Uploaded)
        mbit = 8 * 2.0 / uploaded.seconds
        assert 5.0 < mbit < 9.0
        assert took >= uploaded.seconds
        told = json.loads((tmp_path / "results" / "a.json").read_text())["items"]
        assert told == {item.id: 500_000 for item in items}
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)
