"""Devices of this machine, and the variables by which a process sees only some of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

LAMINA_GPUS = "LAMINA_GPUS"
"""Environment variable with the ids of the devices to use: "0,1", or "none"."""

# Not ROCR_VISIBLE_DEVICES as well: HIP counts within what that one leaves.
_VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
_INTEL = "ZE_AFFINITY_MASK"
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "ARROW_NUM_THREADS",
)
_NONE = "-1"


def gpus() -> tuple[str, ...]:
    """Ids of the devices here, without importing a library that would take hold of one.

    LAMINA_GPUS says which; otherwise CUDA_VISIBLE_DEVICES where something has set it; otherwise
    the driver is asked.
    """
    for name in (LAMINA_GPUS, _VISIBLE[0]):
        told = os.environ.get(name)
        if told is not None:
            return tuple(
                one
                for part in told.split(",")
                if (one := part.strip()) and one not in (_NONE, "none")
            )
    return _nvidia() or _amd()


def _nvidia() -> tuple[str, ...]:
    listed = Path("/proc/driver/nvidia/gpus")
    with suppress(OSError):
        count = len(list(listed.iterdir()))
        # Cards that this process may not open (a container's limit) are none of ours.
        seen = [n for n in range(count) if Path(f"/dev/nvidia{n}").exists()]
        if len(seen) == count and count:
            return tuple(map(str, range(count)))
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    with suppress(OSError, subprocess.SubprocessError):
        asked = [program, "--query-gpu=index", "--format=csv,noheader"]
        found = subprocess.run(asked, capture_output=True, text=True, timeout=10)
        if found.returncode == 0:
            return tuple(line.strip() for line in found.stdout.splitlines() if line.strip())
    return ()


def _amd() -> tuple[str, ...]:
    found = 0
    with suppress(OSError):
        for node in Path("/sys/class/kfd/kfd/topology/nodes").iterdir():
            properties = (node / "properties").read_text()
            found += any(
                line.split() == ["simd_count", n]
                for line in properties.splitlines()
                if line.startswith("simd_count") and (n := line.split()[1]) != "0"
            )
    return tuple(map(str, range(found)))


def environment(threads: int, devices: Sequence[str]) -> dict[str, str | None]:
    """Variables of a worker: threads of the numeric libraries, devices that it sees.

    Ids that are no plain numbers (UUIDs) are for CUDA only.
    """
    found: dict[str, str | None] = dict.fromkeys(_THREADS, str(threads))
    for name in _VISIBLE:
        found[name] = ",".join(devices) if devices else _NONE
    found["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # so that ids are those that the driver lists
    found[_INTEL] = ",".join(devices) if devices and all(d.isdigit() for d in devices) else None
    return found


def memory() -> int:
    """Bytes of memory of this machine, or of the control group that this process is in."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            found = min(found, int((Path("/sys/fs/cgroup") / limit).read_text()))
    return found
