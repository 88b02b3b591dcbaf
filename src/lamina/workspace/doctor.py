"""`doctor`: what this machine has, what is missing, and what to install."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lamina import __version__
from lamina.errors import LaminaError
from lamina.workflow.machine import cores

EXTRAS = {
    "torch": ("torch", "any network, CPU and CUDA"),
    "fused": ("llvmlite", "the fast engine for dense networks"),
    "datasets": ("sklearn", "the data sets that scikit-learn ships"),
    "pictures": ("matplotlib", "loss curves, confusion matrices"),
    "excel": ("openpyxl", "Excel tables"),
    "pandas": ("pandas", "DataFrames"),
    "onnx": ("onnxruntime", "ONNX export, checked"),
    "keras": ("h5py", "import of .keras files"),
    "remote": ("s3fs", "files from and to S3, SFTP, HTTP"),
    "postgres": ("psycopg", "records in PostgreSQL"),
}
"""Extra -> (module that tells it is there, what it is for)."""

DISTRIBUTIONS = {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class Finding:
    """One line: a topic, a name, whether it is fine, and what there is or what to do."""

    topic: str
    name: str
    fine: bool
    detail: str


@dataclass(frozen=True)
class Findings:
    """All that was found."""

    lines: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """topic -> name -> {ok, detail}."""
        document: dict[str, Any] = {}
        for line in self.lines:
            topic = document.setdefault(line.topic, {})
            topic[line.name] = {"ok": line.fine, "detail": line.detail}
        return document

    def text(self) -> str:
        """Lines for a terminal, grouped by topic."""
        width = max(len(line.name) for line in self.lines)
        printed, topic = [], ""
        for line in self.lines:
            if line.topic != topic:
                topic = line.topic
                printed.append(topic)
            mark = "ok" if line.fine else "--"
            printed.append(f"  {mark}  {line.name:<{width}}  {line.detail}")
        return "\n".join(printed)


def doctor(calibrate: bool = False) -> Findings:
    """Looks at this machine. calibrate: forgets the engines' measured cost model."""
    parts = (_machine(), _extras(), _devices(), _runs(), _data(), _engines(calibrate))
    return Findings(tuple(line for part in parts for line in part))


def _machine() -> list[Finding]:
    return [
        Finding("machine", "lamina", True, __version__),
        Finding(
            "machine",
            "python",
            sys.version_info >= (3, 11),
            f"{platform.python_version()} ({platform.python_implementation()})",
        ),
        Finding("machine", "system", True, platform.platform(terse=True)),
        Finding("machine", "cores", True, str(cores())),
    ]


def _extras() -> list[Finding]:
    lines = []
    for extra, (module, purpose) in EXTRAS.items():
        if find_spec(module) is None:
            detail = f"missing: pip install 'lamina[{extra}]' for {purpose}"
            lines.append(Finding("extras", extra, False, detail))
            continue
        name = DISTRIBUTIONS.get(module, module)
        try:
            found = f"{name} {version(name)}"
        except PackageNotFoundError:
            found = f"{name}, version not known"
        lines.append(Finding("extras", extra, True, f"{found}: {purpose}"))
    return lines


def _devices() -> list[Finding]:
    lines = [Finding("devices", "cpu", True, platform.processor() or platform.machine())]
    if find_spec("torch") is None:
        return [*lines, Finding("devices", "cuda", False, "not asked: torch is not installed")]
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        why = "no CUDA device found" if built else f"torch {torch.__version__} is a CPU build"
        return [*lines, Finding("devices", "cuda", False, why)]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        detail = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
        lines.append(Finding("devices", f"cuda:{index}", True, detail))
    return lines


def _runs() -> list[Finding]:
    """What a run of a workflow would have: cores, memory, GPUs, records, worker processes."""
    from lamina.execution.workers import devices
    from lamina.workspace.project import project

    home, gpus = project(), devices.gpus()
    lines = [
        Finding("runs", "cores", True, str(cores())),
        Finding("runs", "memory", True, f"{devices.memory() / 1e9:.1f} GB"),
        Finding("runs", "gpus", bool(gpus), ", ".join(gpus) or "none found"),
    ]
    try:
        count = len(home.store.runs()) if home.folder.exists() else 0
        there = "not made yet" if not home.folder.exists() else f"{count} runs"
        lines.append(Finding("runs", "records", True, f"{home.folder} ({there})"))
    except LaminaError as error:
        lines.append(Finding("runs", "records", False, f"{error.message}; {error.way_out}"))
    lines.append(_worker())
    return lines


def _worker() -> Finding:
    """Starts a worker process and waits for its answer."""
    from lamina.workspace.trial import trial

    try:
        found = trial()
    except (LaminaError, OSError) as error:
        return Finding("runs", "workers", False, str(error).splitlines()[0])
    return Finding("runs", "workers", True, f"a first task is done after {found:.2f} s")


def _data() -> list[Finding]:
    from lamina.data.sources import catalogue, where

    mirror = os.environ.get("LAMINA_DATA")
    if mirror is None:
        told = Finding("data", "LAMINA_DATA", False, "not set: a local mirror of the named sets")
    else:
        told = Finding("data", "LAMINA_DATA", Path(mirror).is_dir(), mirror)
    lines = [told]
    for name in catalogue():
        place = where(name)
        lines.append(Finding("data", name, place != "", place or "not on this machine"))
    return lines


def _engines(calibrate: bool) -> list[Finding]:
    from lamina.training.engines.cost import calibration_file

    path = calibration_file()
    if calibrate:
        path.unlink(missing_ok=True)
    told = "measured on first use" if not path.is_file() else "measured"
    return [Finding("engines", "cost model", True, f"{told}: {path}")]
