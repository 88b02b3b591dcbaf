"""Runs the code of README and docs pages; fills in their output, or checks that it still holds.

    python tools/pages.py PAGE ...           runs every block and writes its output into the page
    python tools/pages.py --check PAGE ...   runs every block and fails where the output differs

A block fenced as `console` is a session: lines that start with "$ " are run, the lines below are
their output. A block fenced as `python` is run in one namespace per page; what it prints stands
in a block fenced as `text` right below, when there is one. All blocks of a page run in one fresh
folder. Numbers, times, hashes and names of runs
may differ in a check: they are masked. A block under the comment
`<!-- not run: reason -->` is shown only.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamina.records.names import QUALITIES, THINGS

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w*)\s*$")
NOT_RUN = re.compile(r"<!--\s*not run:\s*\S.*-->")
CORES = re.compile(r"(engine \w+ on \w+) \(.*")
VOLATILE = re.compile(r"[0-9a-f]{16,}|\b[0-9a-f]{10}\b|\d+([.,]\d+)*|\s+")
RUNS = re.compile(rf"\b({'|'.join(QUALITIES)})-({'|'.join(THINGS)})\b")
TIMES = re.compile(r"(?:\d+(?:\.\d+)? m?s\b\s*)+")
PATH = re.compile(r"(critical path) .*")
BARS = re.compile(r"[\s░▒▓█▏▎▍▌▋▊▉╌·┬─╫]+")
LIMIT_SECONDS = 240


@dataclass
class Block:
    """A fenced block: its language, first and last line of the body, and whether it is run."""

    language: str
    start: int
    end: int
    run: bool


def blocks_of(lines: list[str]) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    opened: tuple[str, int, bool] | None = None
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if opened is None and fence:
            before = next((above for above in reversed(lines[:number]) if above.strip()), "")
            opened = (fence[1], number + 1, not NOT_RUN.search(before))
        elif opened is not None and line.rstrip() == "```":
            found.append(Block(opened[0], opened[1], number, opened[2]))
            opened = None
    return found


def session(body: list[str], folder: Path) -> list[str]:
    """Runs the commands of a console block and gives the block with their output."""
    produced: list[str] = []
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Pages show what a person sees who has no mirror of the data and has run nothing before.
    environment = {k: v for k, v in os.environ.items() if k != "LAMINA_DATA"}
    environment |= {"PATH": path, "COLUMNS": "96", "NO_COLOR": "1"}
    environment |= {"XDG_CACHE_HOME": str(folder / ".cache")}
    commands = "\n".join(body).replace("\\\n", "\\\x00").split("\n")
    for line in commands:
        if not line.startswith("$ "):
            continue
        shown = line.replace("\x00", "\n")
        done = subprocess.run(
            ["bash", "-c", shown.removeprefix("$ ")],
            cwd=folder, env=environment, text=True, timeout=LIMIT_SECONDS,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        produced += [*shown.split("\n"), *done.stdout.rstrip().splitlines()]
    return produced


def printed(code: str, names: dict[str, Any], page: str) -> list[str]:
    """What a python block prints."""
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught):
        exec(compile(code, page, "exec"), names)
    return caught.getvalue().rstrip().splitlines()


def produce(page: Path) -> str:
    """The page with the output of every block as it is now."""
    lines = page.read_text(encoding="utf-8").splitlines()
    names: dict[str, Any] = {"__name__": "__page__"}
    changes: list[tuple[Block, list[str]]] = []
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "examples").symlink_to(ROOT / "examples")
        os.chdir(folder)
        try:
            blocks = blocks_of(lines)
            for block, following in zip(blocks, [*blocks, None][1:], strict=True):
                body = lines[block.start : block.end]
                if block.language == "console" and block.run:
                    changes.append((block, session(body, folder)))
                elif block.language == "python" and block.run:
                    output = printed("\n".join(body), names, page.name)
                    if following is not None and following.language == "text":
                        changes.append((following, output))
        finally:
            os.chdir(before)
    for block, body in reversed(changes):
        lines[block.start : block.end] = body
    return "\n".join(lines) + "\n"


def masked(text: str) -> str:
    """A page without numbers, hashes, names of runs, spacing, charts and axes, use of cores."""
    plain = BARS.sub(" ", RUNS.sub("RUN", PATH.sub(r"\1", CORES.sub(r"\1", text))))
    return VOLATILE.sub("#", TIMES.sub("#", plain))


def main() -> int:
    """Runs the pages named on the command line; 1 when a check fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("pages", nargs="+", type=Path)
    asked = parser.parse_args()
    failed = False
    for page in asked.pages:
        produced = produce(page.resolve())
        if not asked.check:
            page.write_text(produced, encoding="utf-8")
        elif masked(produced) != masked(page.read_text(encoding="utf-8")):
            failed = True
            old, new = page.read_text(encoding="utf-8").splitlines(), produced.splitlines()
            sys.stdout.write(
                f"{page}: output differs; `python tools/pages.py {page}` fills it in anew\n"
            )
            for line in new:
                if masked(line) not in {masked(known) for known in old}:
                    sys.stdout.write(f"  now: {line}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
