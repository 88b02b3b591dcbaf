"""Connections to SQLite and PostgreSQL, and their errors in words."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from lamina.errors import LaminaError, MissingExtraError, RunBusyError, StoreError
from lamina.records.rows import DamagedError

WAIT = 30
"""Seconds that a writer waits for another one."""

APPEND = "append"
"""What stands for the statement in errors of batches of events."""

SCHEMA = "lamina"
"""Name of our schema in a PostgreSQL database."""


def parsed(url: str) -> URL:
    """The address of a store.

    Raises:
        StoreError: it is none.
    """
    try:
        found = make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url))
    except sa.exc.ArgumentError:
        found = URL.create("")
    if found.drivername in ("sqlite", "postgresql+psycopg"):
        return found
    raise StoreError(
        f"{_shown(url)!r} is no address of a record store",
        "give sqlite:///path/to/file or postgresql://user@host/database",
    )


def file_of(url: URL) -> Path | None:
    """The file of an SQLite store; None for a server, or a store in memory."""
    name = url.database
    return Path(name) if url.drivername == "sqlite" and name and name != ":memory:" else None


def writable(url: URL) -> sa.Engine:
    """Connections that read and write; each transaction is a writer's from its start."""
    if url.drivername != "sqlite":
        return _server(url)
    file = file_of(url)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    patience = {"timeout": WAIT, "check_same_thread": False}
    engine = sa.create_engine(url, paramstyle="named", connect_args=patience)

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # A transaction that turns into a writer's halfway fails at once where another one
        # writes; one that is a writer's from its start waits.
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def readable(url: URL) -> sa.Engine:
    """Connections that read a store of a folder that nothing can be written to."""
    file = file_of(url)
    if file is None:
        return _server(url)
    if _size(Path(f"{file}-wal")):
        # The newest batches stand in the side file of an engine that was killed. SQLite reads it
        # only where it may write, so it reads a copy.
        folder = Path(tempfile.mkdtemp(prefix="lamina-records-"))
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{file}{suffix}", folder / f"records.sqlite{suffix}")
        engine = sa.create_engine(f"sqlite:///{folder / 'records.sqlite'}")
        weakref.finalize(engine, shutil.rmtree, folder, ignore_errors=True)
        return engine
    # "Immutable": nobody writes it, so no side files are wanted.
    return sa.create_engine(f"sqlite:///file:{quote(str(file.absolute()))}?immutable=1&uri=true")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _server(url: URL) -> sa.Engine:
    # What it warns of when a connection breaks is said by the error that follows, in our words.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    try:
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": 10,
                "options": f"-csearch_path={SCHEMA} -clock_timeout={WAIT}s",
            },
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("psycopg", "postgres", "a store on a PostgreSQL server") from error


@contextmanager
def worded(url: URL, doing: str = "used") -> Iterator[None]:
    """Turns errors of the database into a StoreError with a way out.

    Args:
        doing: "read", "written".
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError, DamagedError) as error:
        raise told(error, url, doing) from error


def told(error: BaseException, url: URL, doing: str) -> LaminaError:
    """A database's error in our words."""
    if isinstance(error, sa.exc.IntegrityError) and error.statement == APPEND:
        return RunBusyError(
            "another engine writes the record of this run",
            "wait for it, or look at it with `lamina status`",
        )
    cause = str(getattr(error, "orig", None) or error).strip().splitlines() or [""]
    usual = "check the path, its permissions and the room on the disk"
    if url.drivername != "sqlite":
        usual = "check that the server of LAMINA_STORE runs and lets you in"
        usual += "; a run that broke off goes on with `lamina resume`" if doing == "written" else ""
    ways = (way for pattern, way in _WAYS if re.search(pattern, str(error)))
    way_out = next(ways, usual)
    return StoreError(f"the record of runs {named(url)} cannot be {doing}: {cause[0]}", way_out)


_WAYS = (
    (r"disk is full|No space left|disk I/O", "make room on the disk, then `lamina resume`"),
    (
        r"readonly|read-only|unable to open|Permission denied",
        "make the folder writable, or name another store in LAMINA_STORE",
    ),
    (r"is locked", "another process has written for too long; look for it with `lamina ls`"),
    (
        r"malformed|not a database|is damaged",
        "move the file away (a new record is begun; artifacts stay), or bring back a copy of it",
    ),
    (r"(?s)psycopg.*password authentication", "check user and password in LAMINA_STORE"),
)


def named(url: URL) -> str:
    """A store in messages: its file, or its address without the password."""
    told = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)
    return _shown(str(file_of(url) or told))


def _shown(url: str) -> str:
    return re.sub(r"(://[^/\s:@]*:)[^\s/]+@", r"\1***@", url)
