"""`lamina doctor`: what this machine has, and what is missing."""

from __future__ import annotations

import json

import click


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--calibrate", is_flag=True, help="Measure the engines' cost model on this machine anew."
)
def command(as_json: bool, calibrate: bool) -> None:
    """Say what this machine has: versions, extras, devices, data, engines."""
    from lamina import workspace

    findings = workspace.doctor(calibrate=calibrate)
    if as_json:
        click.echo(json.dumps(findings.to_json(), indent=2))
    else:
        click.echo(findings.text())
