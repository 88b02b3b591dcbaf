"""One small run in a project of its own: whether this machine can run workflows at all."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from lamina.workflow import named, workflow
from lamina.workspace.handle import run


def trial() -> float:
    """Runs one task in a worker process and gives the seconds until it was done.

    Raises:
        LaminaError: it cannot; says why.
    """
    with workflow("trial") as w:
        w.output("parts", named("split")(items=[1, 2], parts=2))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lamina-trial-") as folder:
        run(w.workflow, cpus=1, folder=Path(folder))
    return time.monotonic() - began
