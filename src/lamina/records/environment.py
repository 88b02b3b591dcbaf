"""What a session ran on: the machine, Python and every installed package, kept once by digest."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from lamina import __version__
from lamina.records.writing import to_json
from lamina.workflow.machine import cores


@lru_cache(maxsize=1)
def environment() -> Mapping[str, Any]:
    """This process's surroundings as plain values.

    Keys: host, system, machine, python, lamina, cpu (model), cores (that this process may use),
    memory (bytes), gpus (models), packages (name -> version).
    """
    return {
        "host": platform.node(),
        "system": platform.platform(terse=True),
        "machine": platform.machine(),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "lamina": __version__,
        "cpu": _cpu(Path("/proc/cpuinfo")),
        "cores": cores(),
        "memory": _memory(),
        "gpus": _gpus(Path("/proc/driver/nvidia/gpus")),
        "packages": packages(sys.path),
    }


def digest_of(body: Mapping[str, Any]) -> str:
    """SHA-256 of plain values in hexadecimal digits; the order of keys does not count."""
    return hashlib.sha256(to_json(_ordered(body)).encode()).hexdigest()


def packages(places: Iterable[str]) -> dict[str, str]:
    """Installed distributions with their versions, by name.

    The names of their folders tell both, which is twenty times faster than to read what is in
    them.

    Args:
        places: folders as in `sys.path`; the first one that has a package counts.
    """
    found: dict[str, str] = {}
    for place in places:
        for name, version in _installed(Path(place or ".")):
            found.setdefault(name, version)
    return dict(sorted(found.items()))


def _installed(place: Path) -> Iterator[tuple[str, str]]:
    try:
        entries = [entry.name for entry in os.scandir(place)]
    except OSError:
        return
    for entry in sorted(entries):
        stem, ending = entry[: entry.rfind(".")], entry[entry.rfind(".") :]
        if ending in (".dist-info", ".egg-info"):
            name, _, version = stem.partition("-")
            yield name.replace("_", "-").lower(), version.partition("-py")[0]


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(entry) for entry in value] if isinstance(value, list | tuple) else value


def _cpu(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.lower().startswith(("model name", "cpu model")):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _gpus(folder: Path) -> list[str]:
    found = []
    for file in sorted(folder.glob("*/information")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("Model:"):
                found.append(line.partition(":")[2].strip())
    return found
