"""The table of faults: name -> class."""

from __future__ import annotations

from lamina.benchmark.faults.kinds.base import Fault
from lamina.registry import Registry

_HERE = "lamina.benchmark.faults.kinds"

FAULTS: Registry[type[Fault]] = Registry(
    "faults",
    "kind of fault",
    {
        "engine-killed": f"{_HERE}.killed:EngineKilled",
        "all-killed": f"{_HERE}.killed:AllKilled",
        "workers-killed": f"{_HERE}.killed:WorkersKilled",
        "two-at-once": f"{_HERE}.killed:TwoAtOnce",
        "two-engines": f"{_HERE}.engines:TwoEngines",
        "interrupted": f"{_HERE}.killed:Interrupted",
        "disk-full": f"{_HERE}.disks:DiskFull",
        "read-only": f"{_HERE}.disks:ReadOnly",
        "power-cut": f"{_HERE}.disks:PowerCut",
        "artifact-corrupted": f"{_HERE}.damaged:ArtifactCorrupted",
        "checkpoint-corrupted": f"{_HERE}.damaged:CheckpointCorrupted",
        "clock-jump": f"{_HERE}.clocks:ClockJump",
        "forks-and-hangs": f"{_HERE}.wrong_tasks:ForksAndHangs",
        "ignores-sigterm": f"{_HERE}.wrong_tasks:Deaf",
        "floods-stdout": f"{_HERE}.wrong_tasks:Floods",
        "staging-cut": f"{_HERE}.lines:StagingCut",
    },
)

WEIGHTS = {"engine-killed": 4, "all-killed": 2, "workers-killed": 4, "artifact-corrupted": 2}
"""How often a kind is played for each time that the others are."""

__all__ = ["FAULTS", "WEIGHTS", "Fault"]
