"""`lamina lint`: a document checked, all its mistakes said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from lamina.cli.streams import out


@click.command("lint")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Check workflow, network and training documents; exit code 2 when one has mistakes."""
    from lamina.workspace import drawings

    findings = [finding for file in files for finding in drawings.lint(file)]
    broken = any(finding.severity == "error" for finding in findings)
    if as_json:
        out(json.dumps({"findings": [f.to_json() for f in findings]}, indent=2))
    else:
        for finding in findings:
            out(finding.text())
        out(f"{len(files)} file(s), {len(findings)} finding(s)")
    sys.exit(2 if broken else 0)
