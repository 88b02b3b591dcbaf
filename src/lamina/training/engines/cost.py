"""What engines cost on this machine: measured constants, kept in the user's cache folder."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lamina.errors import LaminaError, MissingExtraError, SettingsError
from lamina.training.engines import ENGINES, Estimate
from lamina.training.program import Program
from lamina.workflow.machine import cores

Constants = Mapping[str, float]
"""Named numbers of one engine's cost model."""

FORMAT = 2
"""Raised when the meaning of stored constants changes."""

KEPT_CHOICES = 500

_memory: dict[str, dict[str, Any]] = {}


def constants(
    engine: str, measure: Callable[[], Constants], libraries: Iterable[str] = ()
) -> Constants:
    """Constants of one engine's cost model on this machine; measured once, then read.

    They are stored in `calibration_file()` for a number of cores, with the versions of Lamina
    and of `libraries`; when one of these differs from now they are measured again. A cache
    folder that cannot be written costs a measurement per process, nothing else.

    Args:
        engine: whose constants; one section of the file.
        measure: runs the measurement (a second or two).
        libraries: distributions whose version matters ("torch", "llvmlite").
    """
    stamp, key = _stamp(libraries), f"{engine}, {cores()} cores"
    section = _document().get("constants", {}).get(key)
    if not (isinstance(section, dict) and section.get("stamp") == stamp and _numbers(section)):
        section = {"stamp": stamp, "values": dict(measure())}
        _store("constants", key, section)
    values: dict[str, float] = section["values"]
    return values


def _numbers(section: Mapping[str, Any]) -> bool:
    values = section.get("values")
    return isinstance(values, dict) and all(isinstance(v, float) for v in values.values())


def recall(kind: str, key: str, libraries: Iterable[str] = ()) -> Any:
    """A choice that was measured before on this machine, or None."""
    entry = _document().get(kind, {}).get(key)
    if isinstance(entry, dict) and entry.get("stamp") == _stamp(libraries):
        return entry.get("value")
    return None


def remember(kind: str, key: str, value: Any, libraries: Iterable[str] = ()) -> None:
    """Keeps a measured choice, so that the next run of the same work takes the same way."""
    _store(kind, key, {"stamp": _stamp(libraries), "value": value})


def choose(program: Program, device: str, engines: Iterable[str] | None = None) -> tuple[str, str]:
    """The engine with the smallest predicted time, and a sentence that says why.

    Engines that are not installed or refuse the program are left out.

    Args:
        program: what is to be trained.
        device: "cpu", "cuda", "cuda:1".
        engines: names to choose from; all registered ones when left out.

    Raises:
        MissingExtraError: no engine is installed.
        SettingsError: no engine can train the program; says why for each.
    """
    estimates: dict[str, Estimate] = {}
    reasons: dict[str, str] = {}
    missing: list[MissingExtraError] = []
    for name in ENGINES.names() if engines is None else engines:
        try:
            engine = ENGINES.get(name)()
        except MissingExtraError as error:
            reasons[name] = error.message
            missing.append(error)
            continue
        refusal = engine.refusal(program, device)
        if refusal:
            reasons[name] = refusal
        else:
            estimates[name] = engine.estimate(program, device)
    if not estimates:
        raise _nobody(reasons, missing, device)
    best = min(estimates, key=lambda name: (estimates[name].seconds, name))
    return best, _sentence(best, estimates, reasons)


def seconds_in_words(seconds: float) -> str:
    """A duration with two significant digits: "85 µs", "4 ms", "0.03 s", "2.8 s", "3.1 min"."""
    units = ((1e-3, 1e6, "µs"), (1e-2, 1e3, "ms"), (100.0, 1.0, "s"))
    for limit, factor, unit in units:
        if seconds < limit:
            return f"{float(f'{seconds * factor:.2g}'):g} {unit}"
    return f"{float(f'{seconds / 60:.2g}'):g} min"


def calibration_file() -> Path:
    """Where constants are kept: $XDG_CACHE_HOME/lamina/engines-<machine>.json."""
    home = os.environ.get("XDG_CACHE_HOME")
    folder = Path(home) if home else Path.home() / ".cache"
    return folder / "lamina" / f"engines-{machine()}.json"


@lru_cache(maxsize=1)
def machine() -> str:
    """A short name for this host: equal as long as its name, processor and cores are."""
    text = f"{platform.node()}|{processor()}|{os.cpu_count()}"
    return sha256(text.encode()).hexdigest()[:12]


@lru_cache(maxsize=1)
def processor() -> str:
    """Name of the processor, as far as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _nobody(
    reasons: Mapping[str, str], missing: Iterable[MissingExtraError], device: str
) -> LaminaError:
    """The error when no engine is left; the way out installs the missing ones."""
    absent = list(missing)
    way_out = ", or ".join(error.way_out for error in absent)
    if absent and len(absent) == len(reasons):
        first = absent[0]
        first.message = f"no engine is installed: {'; '.join(e.message for e in absent)}"
        first.way_out = way_out
        return first
    mistakes = [f"{name}: {why}" for name, why in sorted(reasons.items())]
    return SettingsError(f"no engine can train this network on {device}", mistakes, way_out)


def _sentence(best: str, estimates: Mapping[str, Estimate], reasons: Mapping[str, str]) -> str:
    head = f"{best}: {seconds_in_words(estimates[best].seconds)} predicted"
    others = [
        f"{seconds_in_words(estimate.seconds)} with {name}"
        for name, estimate in sorted(estimates.items())
        if name != best
    ]
    if others:
        head += f" against {' and '.join(others)}"
    out = "; ".join(f"{name} is left out: {why}" for name, why in sorted(reasons.items()))
    return f"{head}; {out}" if out else head


def _stamp(libraries: Iterable[str]) -> dict[str, str]:
    names = ("lamina", "numpy", *sorted(libraries))
    stamp = {name: _version(name) for name in names}
    return {**stamp, "processor": processor()}


@lru_cache(maxsize=32)
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _document() -> dict[str, Any]:
    """The stored document; an unreadable or older one counts as empty."""
    path = calibration_file()
    known = _memory.get(str(path))
    if known is None:
        known = _memory[str(path)] = _read(path)
    return known


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    fits = isinstance(found, dict) and found.get("format") == FORMAT
    return {k: v for k, v in found.items() if isinstance(v, dict)} if fits else {}


def _store(kind: str, key: str, entry: dict[str, Any]) -> None:
    path = calibration_file()
    # Another process may have measured meanwhile: its entries stay.
    merged = {**_document(), **_read(path)}
    section = dict(merged.get(kind, {}))
    section.pop(key, None)
    section[key] = entry
    merged[kind] = dict(list(section.items())[-KEPT_CHOICES:])
    _memory[str(path)] = merged
    try:
        _write(path, {"format": FORMAT, **merged})
    except OSError:
        return


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=path.name, delete=False
    ) as file:
        json.dump(document, file, indent=1)
    Path(file.name).replace(path)
