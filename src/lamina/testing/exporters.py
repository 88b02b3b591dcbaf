"""What every exporter of runs keeps; a plug-in's can be held to it.

from lamina.testing.exporters import check_exporter, KINDS

@pytest.mark.parametrize("kind", KINDS)
def test_my_exporter(kind, tmp_path):
    check_exporter(MyExporter(), kind, tmp_path)
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError
from lamina.records.exports.base import Artifacts, Exporter
from lamina.records.history import History, history_of
from lamina.testing.runs import RUNS, MadeRun
from lamina.workflow.log import AttemptEnded, AttemptStarted, Event

KINDS = tuple(RUNS)
"""Kinds of runs that an exporter is tried with."""

SECRETS = ("ghp_" + "a1B2" * 9, "hunter2-is-secret", "AKIA" + "ABCD" * 4)
"""What must not come out: a token, a password, a key."""


class GivenArtifacts(Artifacts):
    """Every value is a small file."""

    def place(self, ref: Mapping[str, Any], target: Path) -> Path | None:
        """Writes the digest as text; pickles are not given out."""
        if ref.get("codec") == "pickle":
            return None
        target.write_text(str(ref.get("digest")), encoding="utf-8")
        return target


def made(kind: str, secrets: bool = False) -> History:
    """The history of a made-up run; with secrets in every place that a user can reach."""
    run = RUNS[kind]()
    if secrets:
        run = _with_secrets(run)
    return history_of(run.record, run.events)


def check_exporter(exporter: Exporter, kind: str, folder: Path) -> bytes:
    """Holds an exporter to its contract with one kind of run; gives what it wrote.

    Raises:
        AssertionError: what it breaks.
    """
    history = made(kind)
    first = _written(exporter, history, folder / "first")
    assert first, "nothing was written"
    assert first == _written(exporter, history, folder / "second"), "two exports of one run differ"
    for unit in {one.task for one in history.attempts if one.number}:
        assert any(form in first for form in _forms(unit)), f"{unit} ran and is missing"
    leaky = _written(exporter, made(kind, secrets=True), folder / "secrets")
    for secret in SECRETS:
        assert secret.encode() not in leaky, f"a secret came out: {secret[:4]}..."
    left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert not left, f"half-written files were left: {left}"
    _refuses_places(exporter, history, folder)
    return first


def _written(exporter: Exporter, history: History, target: Path) -> bytes:
    """All bytes of an export, files of folders by name."""
    place = target.with_name(target.name + exporter.suffix)
    exporter.export(history, place, GivenArtifacts())
    if place.is_dir():
        files = sorted(path for path in place.rglob("*") if path.is_file())
        return b"".join(path.read_bytes() for path in files)
    if zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            return b"".join(archive.read(name) for name in sorted(archive.namelist()))
    return place.read_bytes()


def _refuses_places(exporter: Exporter, history: History, folder: Path) -> None:
    """A place that cannot be written is refused in words."""
    file = folder / "file"
    file.write_text("here", encoding="utf-8")
    try:
        exporter.export(history, file / f"below{exporter.suffix}", GivenArtifacts())
    except LaminaError as error:
        assert error.way_out, "an error has no way out"
    else:
        raise AssertionError("a file below a file was written")


def _forms(unit: str) -> list[bytes]:
    """A name as JSON and as a part of an address."""
    from urllib.parse import quote

    return [
        json.dumps(unit)[1:-1].encode(),
        json.dumps(unit, ensure_ascii=False)[1:-1].encode("utf-8", "backslashreplace"),
        quote(unit.encode("utf-8", "surrogatepass"), safe="/~._-").encode(),
    ]


def _with_secrets(run: MadeRun) -> MadeRun:
    token, password, key = SECRETS
    short = {"codec": "json", "digest": "0" * 64, "size": 9}
    inputs = {
        **run.record.inputs,
        "password": {**short, "inline": json.dumps(password)},
        "address": {
            **short,
            "digest": "1" * 64,
            "inline": json.dumps(f"https://ada:{password}@h/x"),
        },
        "source": {**short, "digest": "2" * 64, "origin": f"https://h/x?token={token}"},
    }
    document = dict(run.record.document)
    document["description"] = f"needs API_TOKEN={token}"
    record = replace(run.record, inputs=inputs, document=document)
    return MadeRun(record, tuple(_leaking(event, token, key) for event in run.events))


def _leaking(event: Event, token: str, key: str) -> Event:
    if isinstance(event, AttemptEnded) and event.error:
        return replace(event, error={**event.error, "cause": f"refused: {key} and {token}"})
    if isinstance(event, AttemptStarted):
        short = {"codec": "json", "digest": "3" * 64, "size": 9, "inline": json.dumps(token)}
        return replace(event, inputs={**event.inputs, "api_token": short})
    return event
