"""Results of placed jobs: a JSON file for each, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_results(folder: Path, job: str, results: Mapping[str, Mapping[str, Any]]) -> Path:
    """Writes what a job gave: {"job", "items": {id: result}}; an item that could not be done has
    {"item", "error"} in the place of its result.

    Args:
        folder: made where it is not there.
        job: its name.
        results: id of an item -> {"value"} or {"error"}.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_plain(job)}.json"
    part = path.with_name(f".{path.name}.part")
    items = {
        name: one["value"] if "value" in one else {"item": name, "error": one.get("error")}
        for name, one in results.items()
    }
    with part.open("w", encoding="utf-8") as file:
        json.dump({"job": job, "items": items}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path


def _plain(job: str) -> str:
    """The name of a job as that of a file."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in job)
