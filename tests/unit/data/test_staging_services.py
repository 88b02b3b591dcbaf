"""Staging with real servers on loopback: S3 from moto_server, SSH from sshd; with cut lines.

moto_server is looked for on the PATH, or where LAMINA_MOTO_SERVER says; sshd on the PATH.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from staging_servers import CuttingProxy

from lamina.data.artifacts.store import Artifacts
from lamina.data.staging import places
from lamina.data.staging.policy import Policy
from lamina.data.staging.transfer import fetch, send, stat_many
from lamina.errors import ChecksumError, StagingError
from lamina.testing.places import check_place
from lamina.workflow.types import port_type

pytestmark = pytest.mark.service

DATA = os.urandom(40_000_003)
SHA = hashlib.sha256(DATA).hexdigest()
MOTO = os.environ.get("LAMINA_MOTO_SERVER") or shutil.which("moto_server")
SSHD = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def ended(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(20)


@pytest.fixture(scope="module")
def moto() -> Iterator[int]:
    if not MOTO:
        pytest.skip("no moto_server: pip install 'moto[server]'")
    pytest.importorskip("s3fs", reason="no s3fs: pip install 'lamina[remote]'")
    port = free_port()
    process = subprocess.Popen(
        [MOTO, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(port, process)
        yield port
    finally:
        ended(process)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A server that takes one key; its port and a home whose ~/.ssh fits it."""
    if not SSHD or not shutil.which("ssh-keygen"):
        pytest.skip("no sshd: apt-get install openssh-server")
    pytest.importorskip("paramiko", reason="no paramiko: pip install 'lamina[remote]'")
    base = tmp_path_factory.mktemp("sshd")
    home = base / "home"
    (home / ".ssh").mkdir(parents=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    for key in (base / "host_key", home / ".ssh/id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    port = free_port()
    (base / "authorized").write_text((home / ".ssh/id_ed25519.pub").read_text())
    (base / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {base}/host_key\nPidFile {base}/pid\n"
        f"AuthorizedKeysFile {base}/authorized\nPasswordAuthentication no\nUsePAM no\n"
        "KbdInteractiveAuthentication no\nStrictModes no\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\n"
    )
    process = subprocess.Popen(
        [SSHD, "-D", "-f", str(base / "config"), "-E", str(base / "log")], start_new_session=True
    )
    try:
        wait_for(port, process)
        yield port, home
    finally:
        ended(process)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def policy(told: list[str]) -> Policy:
    return Policy(block=4 << 20, wait=0.05, told=told.append)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.bin"
    path.write_bytes(DATA)
    return path


def use_bucket(port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Points S3 to a port; the address of a new bucket there."""
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(places, "_OPEN", {})
    place = places.place_of("s3")
    name = f"bucket-{os.getpid()}-{time.monotonic_ns()}"
    place._system.call_s3("create_bucket", Bucket=name)  # type: ignore[attr-defined]
    return f"s3://{name}"


@pytest.fixture
def bucket(moto: int, monkeypatch: pytest.MonkeyPatch) -> str:
    return use_bucket(moto, monkeypatch)


def use_host(
    port: int, server: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> str:
    """Points SSH to a port that is known as the server's; the address of a folder there."""
    _, home = server
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(places, "_OPEN", {})
    key = (home.parent / "host_key.pub").read_text().split()
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {key[0]} {key[1]}\n")
    folder.mkdir(exist_ok=True)
    return f"sftp://{getpass.getuser()}@127.0.0.1:{port}{folder}"


@pytest.fixture
def host(sshd: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    return use_host(sshd[0], sshd, monkeypatch, tmp_path / "remote")


@pytest.fixture(params=["bucket", "host"])
def site(request: pytest.FixtureRequest) -> str:
    name: str = request.getfixturevalue(request.param)
    return name


def test_files_go_there_and_come_back(site: str, big: Path, tmp_path: Path, policy: Policy) -> None:
    for path, name in ((big, "deep/er/big.bin"), (tmp_path / "small", "small"), (big, "small")):
        if not path.exists():
            path.write_bytes(b"small")
        sent = send(path, f"{site}/{name}", policy)
        got = fetch(f"{site}/{name}#sha256={sent.sha256}", tmp_path / "got", policy)
        assert got.path.read_bytes() == path.read_bytes()
        assert (got.size, got.sha256) == (path.stat().st_size, sent.sha256)


def test_the_place_conforms(site: str) -> None:
    check_place(places.place_of(site.partition(":")[0]), site, lambda: time.sleep(1.1))


def test_a_broken_promise_is_told(site: str, big: Path, tmp_path: Path, policy: Policy) -> None:
    send(big, f"{site}/x", policy)
    with pytest.raises(ChecksumError):
        fetch(f"{site}/x#sha256={'0' * 64}", tmp_path / "x", policy)
    assert not (tmp_path / "x").exists()


def test_what_is_not_there_is_named_at_once(site: str, tmp_path: Path, told: list[str]) -> None:
    with pytest.raises(StagingError, match="is not there"):
        fetch(f"{site}/nothing", tmp_path / "x", Policy(told=told.append))
    assert not told


def test_many_files_are_asked_after_at_once(
    site: str, tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_bytes(b"one")
    names = [f"many/{number:03}" for number in range(120)]
    for name in names[:-1]:
        send(tmp_path / "one", f"{site}/{name}", policy)
    asked: list[str] = []
    place = places.place_of(site.partition(":")[0])
    if site.startswith("s3"):
        called = place._called  # type: ignore[attr-defined]

        async def counting(name: str, *rest: object) -> object:
            asked.append(name)
            return await called(name, *rest)

        monkeypatch.setattr(place, "_called", counting)
    found = stat_many([f"{site}/{name}" for name in names], policy)
    assert [getattr(one, "size", None) for one in found.values()] == [3] * 119 + [None]
    assert len(asked) <= 2


def test_many_files_of_a_host_come_through_few_connections(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lamina.data.staging.places import sftp

    for number in range(60):
        (tmp_path / f"remote/{number}").write_text(str(number))
    opened = []
    connect = sftp._System._connect

    def counting(system: sftp._System) -> None:
        opened.append(system)
        connect(system)

    monkeypatch.setattr(sftp._System, "_connect", counting)
    store = Artifacts(tmp_path / "store")
    ref = store.refer([f"{host}/{number}" for number in range(60)], port_type("list[file]"))
    assert [path.read_text() for path in store.get(ref)] == [str(n) for n in range(60)]
    assert 1 < len(opened) <= 8


def test_an_input_elsewhere_is_brought_into_the_store(
    site: str, big: Path, tmp_path: Path, policy: Policy
) -> None:
    send(big, f"{site}/big.bin", policy)
    store = Artifacts(tmp_path / "store")
    ref = store.refer(f"{site}/big.bin", port_type("file"))
    assert ref.size == len(DATA)
    assert store.place(ref, tmp_path / "work/big.bin").read_bytes() == DATA
    assert store.refer(f"{site}/big.bin", port_type("file")) == ref


def test_a_bucket_behind_a_line_that_breaks(
    moto: int, monkeypatch: pytest.MonkeyPatch, big: Path, tmp_path: Path, policy: Policy
) -> None:
    with CuttingProxy(moto, []) as proxy:
        bucket = use_bucket(proxy.port, monkeypatch)
        proxy.cuts += [3_000_000, 100_000, 1_000_000]
        places._OPEN.clear()
        send(big, f"{bucket}/big.bin", policy)
        proxy.cuts += [3_000_000, 100_000, 1_000_000]
        places._OPEN.clear()
        got = fetch(f"{bucket}/big.bin", tmp_path / "got", policy)
        assert got.sha256 == SHA
        assert proxy.cut >= 4


def test_a_host_behind_a_line_that_breaks(
    sshd: tuple[int, Path],
    monkeypatch: pytest.MonkeyPatch,
    big: Path,
    tmp_path: Path,
    policy: Policy,
) -> None:
    with CuttingProxy(sshd[0], []) as proxy:
        host = use_host(proxy.port, sshd, monkeypatch, tmp_path / "remote")
        proxy.cuts += [5_000_000, 100, 9_000_000]
        send(big, f"{host}/big.bin", policy)
        assert (tmp_path / "remote/big.bin").read_bytes() == DATA
        assert [path.name for path in (tmp_path / "remote").iterdir()] == ["big.bin"]
        places._OPEN.clear()
        proxy.cuts += [5_000_000, 100, 9_000_000]
        got = fetch(f"{host}/big.bin", tmp_path / "got", policy)
        assert got.sha256 == SHA
        assert proxy.cut >= 4


def test_a_host_that_nobody_knows_is_refused(
    sshd: tuple[int, Path], host: str, tmp_path: Path
) -> None:
    (sshd[1] / ".ssh/known_hosts").write_text("")
    with pytest.raises(StagingError, match="is not in"):
        fetch(f"{host}/x", tmp_path / "x", Policy(attempts=1))


def test_keys_that_are_missing_are_told_at_once(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(places, "_OPEN", {})
    with pytest.raises(StagingError, match="credentials"):
        fetch(f"{bucket}/x", tmp_path / "x")
