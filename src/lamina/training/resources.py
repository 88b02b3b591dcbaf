"""Resources: which engine, device and threads train, and why; torch is loaded only when needed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lamina.errors import MissingExtraError, SettingsError
from lamina.training.engines import ENGINES
from lamina.training.engines.cost import choose, seconds_in_words
from lamina.training.engines.torch_loading import sleeping_threads
from lamina.training.program import Program
from lamina.workflow.machine import cores

LOADING_TORCH = 2.0
"""Seconds that loading torch takes; a training predicted to be shorter does not ask it."""


@dataclass(frozen=True)
class Resource:
    """Where a training runs.

    Args:
        engine: name of an engine, or "auto" for the one predicted to be fastest.
        device: "cpu", "cuda", "cuda:1", or "auto".
        threads: of the CPU; 0 for every core that this process may use.
        reason: why, once it is resolved.
    """

    engine: str = "auto"
    device: str = "auto"
    threads: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        mistakes = []
        kind, _, number = self.device.partition(":")
        if kind not in ("auto", "cpu", "cuda") or (number and not number.isdigit()):
            mistakes.append(f"device = {self.device!r}: choose from auto, cpu, cuda, cuda:1")
        if not isinstance(self.threads, int) or self.threads < 0:
            mistakes.append(f"threads = {self.threads!r}: 0 for all cores, or a whole number")
        if self.engine != "auto" and self.engine not in ENGINES:
            known = ", ".join(("auto", *ENGINES.names()))
            mistakes.append(f"engine = {self.engine!r}: choose from {known}")
        if mistakes:
            raise SettingsError("the resource does not hold", mistakes)


def resolve(wish: Resource, program: Program) -> Resource:
    """The resource that trains a program: engine and device without "auto", threads above 0.

    Raises:
        SettingsError: the engine refuses the program, or none can train it; says why.
        MissingExtraError: the engine's library is not installed.
    """
    threads = wish.threads or cores()
    if wish.engine == "auto":
        engine, device, reason = _fastest(wish.device, program)
    else:
        engine, device, reason = wish.engine, *_device(wish, program)
    refusal = ENGINES.get(engine)().refusal(program, device)
    if refusal:
        elsewhere = device != "cpu" and not ENGINES.get(engine)().refusal(program, "cpu")
        raise SettingsError(
            f"engine {engine} cannot train network {program.network.name!r} on {device}",
            [refusal],
            f"leave the {'device' if elsewhere else 'engine'} to 'auto'",
        )
    return Resource(engine, device, threads, reason)


def cuda_is_there() -> bool:
    """Whether torch sees a CUDA device; torch is loaded only where a driver is installed."""
    if find_spec("torch") is None:
        return False
    drivers = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu")
    if sys.platform.startswith("linux") and not any(Path(d).exists() for d in drivers):
        return False
    with sleeping_threads():
        import torch
    return bool(torch.cuda.is_available())


def _fastest(device: str, program: Program) -> tuple[str, str, str]:
    if device in ("auto", "cpu") and (quick := _quick(program)):
        return "fused", "cpu", quick
    devices = [device] if device != "auto" else ["cpu", *(["cuda"] if cuda_is_there() else [])]
    if len(devices) == 1:
        return _with_device(choose(program, devices[0]), devices[0])
    return _cheapest([_with_device(choose(program, d), d) for d in devices], program)


def _with_device(chosen: tuple[str, str], device: str) -> tuple[str, str, str]:
    return chosen[0], device, chosen[1]


def _cheapest(found: list[tuple[str, str, str]], program: Program) -> tuple[str, str, str]:
    """The engine and device with the smallest predicted time; the reason names all."""
    times = [ENGINES.get(engine)().estimate(program, device).seconds for engine, device, _ in found]
    best = times.index(min(times))
    said = [
        f"{seconds_in_words(seconds)} with {engine} on {device}"
        for (engine, device, _), seconds in zip(found, times, strict=True)
    ]
    others = " and ".join(text for k, text in enumerate(said) if k != best)
    engine, device, _ = found[best]
    return engine, device, f"{said[best]} predicted against {others}"


def _quick(program: Program) -> str:
    """Why the fused engine is taken without asking torch; empty when it is asked."""
    if "torch" in sys.modules or find_spec("torch") is None:
        return ""
    try:
        fused = ENGINES.get("fused")()
    except MissingExtraError:
        return ""
    if fused.refusal(program, "cpu"):
        return ""
    seconds = fused.estimate(program, "cpu").train
    if seconds > LOADING_TORCH:
        return ""
    return f"fused: {seconds_in_words(seconds)} predicted; loading torch alone takes longer"


def _device(wish: Resource, program: Program) -> tuple[str, str]:
    if wish.device != "auto":
        return wish.device, "asked for"
    engine = ENGINES.get(wish.engine)()
    # The CPU's answer comes first: an engine that takes it and refuses CUDA needs no look at CUDA.
    refused = engine.refusal(program, "cuda")
    if refused or not cuda_is_there():
        return "cpu", "asked for"
    if engine.refusal(program, "cpu"):
        return "cuda", "asked for"
    found = [(wish.engine, device, "") for device in ("cpu", "cuda")]
    _, device, reason = _cheapest(found, program)
    return device, reason
