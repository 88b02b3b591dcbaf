"""`lamina doctor`: what this machine has, and what is missing."""

from __future__ import annotations

import json

import click

from lamina.cli.streams import out


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--calibrate",
    is_flag=True,
    help="Forget the engines' cost model, so that it is measured anew on next use.",
)
def command(as_json: bool, calibrate: bool) -> None:
    """Say what this machine has: versions, extras, devices, data, engines."""
    from lamina.workspace.doctor import doctor

    findings = doctor(calibrate=calibrate)
    if as_json:
        out(json.dumps(findings.to_json(), indent=2))
    else:
        out(findings.text())
