"""Makes records-1.sqlite and records-2.sqlite: stores of earlier versions with one run, as their
tables were then.

    python tests/golden/make_records.py

Kept for good, so that later versions are tested on stores that they did not write.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

TABLES = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE runs (
    number INTEGER NOT NULL PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL, document_json TEXT NOT NULL, folder TEXT NOT NULL,
    inputs_json TEXT NOT NULL, options_json TEXT NOT NULL, created DOUBLE NOT NULL,
    status TEXT NOT NULL, ended DOUBLE, sessions INTEGER NOT NULL, host TEXT NOT NULL,
    pid INTEGER NOT NULL
);
CREATE INDEX ix_runs_created ON runs (created);
CREATE TABLE events (
    run INTEGER NOT NULL, number INTEGER NOT NULL, time DOUBLE NOT NULL, word TEXT NOT NULL,
    task TEXT NOT NULL, attempt INTEGER NOT NULL, body_json TEXT NOT NULL,
    PRIMARY KEY (run, number), FOREIGN KEY(run) REFERENCES runs (number)
);
CREATE TABLE results (
    key TEXT NOT NULL PRIMARY KEY, run INTEGER NOT NULL, number INTEGER NOT NULL,
    recipe TEXT NOT NULL, FOREIGN KEY(run) REFERENCES runs (number)
);
CREATE TABLE documents (digest TEXT NOT NULL PRIMARY KEY, body_json TEXT NOT NULL);
"""

TABLES_2 = (
    TABLES.replace(
        "recipe TEXT NOT NULL, FOREIGN KEY(run) REFERENCES runs (number)\n)",
        "recipe TEXT NOT NULL, outputs_json TEXT NOT NULL DEFAULT '',"
        " task TEXT NOT NULL DEFAULT '', FOREIGN KEY(run) REFERENCES runs (number)\n)"
        " WITHOUT ROWID",
    )
    + """
CREATE TABLE lives (
    run INTEGER NOT NULL PRIMARY KEY, number INTEGER NOT NULL, live_json TEXT NOT NULL,
    FOREIGN KEY(run) REFERENCES runs (number)
);
CREATE TABLE products (
    digest TEXT NOT NULL, run INTEGER NOT NULL, number INTEGER NOT NULL, port TEXT NOT NULL,
    PRIMARY KEY (digest, run, number, port), FOREIGN KEY(run) REFERENCES runs (number)
) WITHOUT ROWID;
"""
)

TABLE = {"codec": "arrow", "digest": "5a" * 32, "size": 2048}
WORDS = {"codec": "file", "digest": "c3" * 32, "size": 90, "origin": "/home/ada/words.txt"}
DOCUMENT = {
    "lamina": "workflow/1",
    "name": "words",
    "inputs": {"text": "file"},
    "tasks": {"count": {"do": "python", "function": "words.py:count", "in": {"text": "text"}}},
    "outputs": {"table": "count.table"},
}
EVENTS = (
    (1000.0, "run-started", "", 0, {"session": 1, "workflow": "words", "tasks": 2}),
    (1000.5, "attempt-started", "count", 1,
     {"ready": 1000.25, "key": "k1", "recipe": "r1", "inputs": {"text": WORDS}}),
    (1001.0, "attempt-progressed", "count", 1, {"values": {"epoch": 1, "loss": 0.5}}),
    (1002.0, "attempt-ended", "count", 1,
     {"status": "succeeded", "phases": {"run": [1000.75, 1001.75]}, "outputs": {"table": TABLE}}),
    (1002.0, "attempt-started", "show", 1, {"ready": 1002.0, "inputs": {"table": TABLE}}),
    (1003.0, "attempt-ended", "show", 1, {"status": "failed", "error": {"cause": "no display"}}),
    (1003.0, "run-finished", "", 0, {"status": "failed"}),
)  # fmt: skip


LIVE = {
    "tasks": 2, "began": 1000.0, "time": 1003.0, "counted": {}, "succeeded": 1, "reused": 0,
    "failed": 1, "running": {}, "more": 0, "failures": {"show": "no display"},
}  # fmt: skip


def main() -> None:
    """Writes the files beside this one."""
    folder = Path(__file__).parent
    make(folder / "records-1.sqlite", TABLES, 1)
    made = make(folder / "records-2.sqlite", TABLES_2, 2)
    made.execute("INSERT INTO lives VALUES (1, 7, ?)", (json.dumps(LIVE),))
    made.execute("INSERT INTO products VALUES (?, 1, 4, 'table')", (TABLE["digest"],))
    made.commit()
    made.close()


def make(path: Path, tables: str, version: int) -> sqlite3.Connection:
    """A store with what all versions keep."""
    path.unlink(missing_ok=True)
    store = sqlite3.connect(path)
    store.executescript(tables)
    store.execute("INSERT INTO schema_version VALUES (?)", (version,))
    store.execute(
        "INSERT INTO runs VALUES (1, '1f2e3d4c5b', 'calm-otter', 'words', ?, '/home/ada', ?, ?,"
        " 1000.0, 'failed', 1003.0, 1, 'node-7', 4001)",
        (json.dumps(DOCUMENT), json.dumps({"text": WORDS}), json.dumps({"cpus": 2})),
    )
    store.executemany(
        "INSERT INTO events VALUES (1, ?, ?, ?, ?, ?, ?)",
        [(n, *row[:4], json.dumps(row[4])) for n, row in enumerate(EVENTS, start=1)],
    )
    store.execute("INSERT INTO results (key, run, number, recipe) VALUES ('k1', 1, 4, 'r1')")
    store.execute("INSERT INTO documents VALUES ('r1', '{\"do\": \"python\"}')")
    store.commit()
    return store


if __name__ == "__main__":
    main()
