"""Snakemake: a file per task, made by a shell job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from lamina.benchmark.overhead.peers.base import Peer

_RULES = {
    "independent": """
rule all:
    input: [f"done/{{k}}" for k in range({count})]
rule first:
    output: "done/{{k}}"
    shell: "touch {{output}}"
""",
    "chain": """
rule all:
    input: "done/{last}"
rule step:
    input: lambda w: [f"done/{{int(w.k) - 1}}"] if int(w.k) else []
    output: "done/{{k}}"
    shell: "touch {{output}}"
""",
    "fan": """
rule total:
    input: [f"done/{{k}}" for k in range({count})]
    output: "total"
    shell: "touch {{output}}"
rule first:
    output: "done/{{k}}"
    shell: "touch {{output}}"
""",
}


class Snakemake(Peer):
    """Its command, once per measurement, in a fresh folder: its start is part of every run."""

    def run(self, shape: str, count: int) -> int:
        """Counts the files that are there at the end."""
        folder = Path(mkdtemp(dir=self.folder))
        rules = _RULES[shape].format(count=count, last=count - 1)
        (folder / "Snakefile").write_text(rules, encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "--cores", str(self.workers), "--quiet"]
        subprocess.run([*command, "all"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        if shape == "fan" and not (folder / "total").is_file():
            return 0
        return sum(1 for _ in (folder / "done").iterdir())
