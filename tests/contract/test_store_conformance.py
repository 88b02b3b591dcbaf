"""Stores against the suite that ships in `lamina.testing.stores`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest

from lamina.records.store import Store
from lamina.testing.stores import check_store

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def test_sqlite_keeps_the_contract(tmp_path: Path) -> None:
    check_store(lambda: Store(f"sqlite:///{tmp_path / 'below' / 'records.sqlite'}"))


@pytest.mark.service
def test_postgresql_keeps_the_contract(server: str) -> None:
    check_store(lambda: Store(server))


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of Debian's on loopback."""
    if not PROGRAMS:
        pytest.fail("no PostgreSQL: apt-get install postgresql")
    folder = Path("/tmp") / f"lamina-postgres-{os.getpid()}"
    folder.mkdir()
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    as_user = []
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]

    def act(program: str, *words: str) -> None:
        line = [*as_user, str(PROGRAMS[-1] / program), *words]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL, timeout=60)

    data = str(folder / "data")
    act("initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8")
    act(
        "pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", f"{told} -c fsync=off", "start"
    )
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        act("pg_ctl", "-D", data, "-m", "fast", "stop")
        shutil.rmtree(folder)
