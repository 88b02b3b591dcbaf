"""What artifacts cost: keeping and reading values, large and small, and bringing files.

    python benchmarks/artifacts.py [--folder DIR] [--mb 100]

Prints one line per measurement: the best of several, since other work on the machine only adds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from lamina.data.artifacts.reference import Ref
from lamina.data.artifacts.store import Artifacts
from lamina.data.tables import Table, read_table, write_table
from lamina.workflow.types import port_type

ROUNDS = 5


def best(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of the fastest of some rounds."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)


def say(line: str) -> None:
    """One line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def rate(what: str, size: int, seconds: float) -> None:
    """One line for something large."""
    say(f"{what:<46}{size / 1e6 / seconds:10.0f} MB/s {seconds * 1e3:10.1f} ms")


def each(what: str, count: int, seconds: float) -> None:
    """One line for something small."""
    say(f"{what:<46}{seconds / count * 1e6:10.1f} us each")


def arrays(store: Artifacts, megabytes: int) -> None:
    """A large array: the same bytes without a store, kept anew, kept again, read."""
    array = np.random.default_rng(0).random(megabytes * 125_000)
    size = array.nbytes
    plain = store.folder / "plain.bin"
    rate("hashing in memory (SHA-256)", size, best(lambda: hashlib.sha256(array.data).digest()))
    rate("writing a plain file", size, best(lambda: array.tofile(plain)))
    plain.unlink()
    kept: list[str] = []

    def put() -> None:
        array[0] = len(kept)
        kept.append(store.put(array).digest)

    rate("array, put", size, best(put))
    rate("array, put again (a double)", size, best(lambda: store.put(array)))
    ref = store.put(array)
    rate("array, get (verified, mapped)", size, best(lambda: store.get(ref)))
    rate(
        "array, get in a new process's store", size, best(lambda: Artifacts(store.folder).get(ref))
    )
    store.remove(kept)


def tables(store: Artifacts) -> None:
    """A table of numbers and texts."""
    rows = 500_000
    generator = np.random.default_rng(1)
    numbers = {f"f{column}": generator.random(rows) for column in range(10)}
    words = np.array([f"word{number % 1000}" for number in range(rows)], dtype=object)
    table = Table({**numbers, "word": words})
    ref = store.put(table)
    rate("table of 500,000 rows, put", ref.size, best(lambda: store.put(table)))
    rate("table of 500,000 rows, get", ref.size, best(lambda: store.get(ref)))
    path = store.folder / "table.parquet"
    rate("the same as Parquet, written", ref.size, best(lambda: write_table(table, path)))
    rate("the same as Parquet, read", ref.size, best(lambda: read_table(path)))
    path.unlink()


def small(store: Artifacts) -> None:
    """Values of ordinary tasks."""
    count = 2000
    value = {"loss": 0.25, "epochs": [1, 2, 3]}
    ref = store.put(value)
    each("short JSON, put", count, best(lambda: [store.put(value) for _ in range(count)]))
    each("short JSON, get", count, best(lambda: [store.get(ref) for _ in range(count)]))
    many = [np.arange(number, number + 100) for number in range(count)]
    refs = [store.put(array) for array in many]
    store.remove([ref.digest for ref in refs])
    each("array of 100, put", count, best(lambda: [store.put(a) for a in many], 1))
    each("array of 100, put again", count, best(lambda: [store.put(a) for a in many]))
    each("array of 100, get", count, best(lambda: [store.get(ref) for ref in refs]))
    for number in (1000, 10_000, 100_000):
        gathering(store, "numbers", [store.put(n) for n in range(number)])
        gathering(store, "arrays", (refs * (number // count + 1))[:number])


def gathering(store: Artifacts, what: str, refs: list[Ref]) -> None:
    """Lists, made of references and taken apart again."""
    count = len(refs)
    each(f"gather {count:,} {what}, per item", count, best(lambda: store.gather(refs)))
    whole = store.gather(refs)
    each(f"take {count:,} {what} apart, per item", count, best(lambda: store.items(whole)))
    say(f"{'its reference as JSON':<46}{len(json.dumps(whole.to_json())):10} bytes")


def files(store: Artifacts, megabytes: int, folder: Path) -> None:
    """Files: copied in, taken over, given back."""
    path = folder / "big.bin"
    path.write_bytes(np.random.default_rng(2).bytes(megabytes * 1_000_000))
    size = path.stat().st_size
    kept = store.put(path)

    def again(action: Callable[[], object]) -> float:
        store.remove([kept.digest])
        return best(action, 1)

    rate("file, put (copied)", size, min(again(lambda: store.put(path)) for _ in range(ROUNDS)))
    rate("file, adopt (taken over)", size, again(lambda: store.adopt(path)))
    rate("file, refer (an input, first time)", size, best(lambda: store.refer(path), 1))
    rate("file, get (verified)", size, best(lambda: Artifacts(store.folder).get(kept)))
    number = iter(range(100))
    rate(
        "file, place",
        size,
        best(lambda: store.place(kept, folder / f"work{next(number)}/big.bin")),
    )


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def staging(store: Artifacts, folder: Path) -> None:
    """A file of a web server in this process, and of the file system."""
    from lamina.data.staging.transfer import fetch, stat_many

    size = (folder / "big.bin").stat().st_size
    url = (folder / "big.bin").as_uri()
    rate("file://, fetch", size, best(lambda: fetch(url, folder / "fetched.bin")))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        address = f"{base}/big.bin"
        rate("http, fetch", size, best(lambda: fetch(address, folder / "fetched.bin")))
        urls = [f"{base}/big.bin?{number}" for number in range(500)]
        each("http, 500 files asked after", 500, best(lambda: stat_many(urls), 2))
        store.refer(address, port_type("file"))
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    """Measures everything in a folder of its own."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--folder", type=Path, help="where to write; a temporary folder if absent")
    options.add_argument("--mb", type=int, default=100, help="size of the large ones")
    told = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="artifacts-", dir=told.folder))
    try:
        store = Artifacts(folder / "store")
        store.folder.mkdir()
        arrays(store, told.mb)
        tables(store)
        small(store)
        files(store, told.mb, folder)
        staging(store, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
