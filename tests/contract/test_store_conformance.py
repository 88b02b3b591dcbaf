"""Stores against the suite that ships in `lamina.testing.stores`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest

from lamina.records.store import Store
from lamina.testing.stores import check_store, run, story

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def test_sqlite_keeps_the_contract(tmp_path: Path) -> None:
    check_store(lambda: Store(f"sqlite:///{tmp_path / 'below' / 'records.sqlite'}"))


@pytest.mark.service
def test_postgresql_keeps_the_contract(server: str) -> None:
    check_store(lambda: Store(server))


@pytest.mark.service
def test_a_lost_connection_to_postgresql_loses_and_doubles_nothing(server: str) -> None:
    store, events = Store(server), story(30)
    store.create(run("00000000a1"))
    for start in range(0, len(events), 4):
        store.append("00000000a1", events[start : start + 4])
        if start % 3 == 0:
            _end_connections(server)
    assert [event for _, event in store.events("00000000a1")] == events
    assert set(store.results([f"key-{n}" for n in range(30)])) == {f"key-{n}" for n in range(30)}
    store.close()


@pytest.mark.service
def test_a_lost_connection_that_was_mended_is_not_spoken_of(server: str) -> None:
    code = """
import sys
from lamina.records.store import Store
from lamina.testing.stores import run, story
from test_store_conformance import _end_connections

store, events = Store(sys.argv[1]), story(9)
store.create(run("00000000a1"))
for start in range(0, len(events), 4):
    store.append("00000000a1", events[start : start + 4])
    _end_connections(sys.argv[1])
"""
    told = subprocess.run(
        [sys.executable, "-c", code, server],
        capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent,
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")


def _end_connections(server: str) -> None:
    """As a server does that starts anew."""
    import psycopg

    with psycopg.connect(server) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


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
