"""fused: dense networks on the CPU, trained by a kernel that is written for their sizes."""

from __future__ import annotations

import os

from lamina.training.engines import fused_chain
from lamina.training.engines.base import Engine, Estimate, Session
from lamina.training.engines.fused_cost import DEFAULTS
from lamina.training.engines.fused_kernel.build import host
from lamina.training.engines.fused_session import FusedSession
from lamina.training.program import Program


class FusedEngine(Engine):
    """Trains chains of dense layers: all epochs and batches inside one compiled call."""

    name = "fused"

    def refusal(self, program: Program, device: str) -> str:
        """See Engine.refusal."""
        if device not in ("cpu", "auto"):
            return f"fused runs on the CPU; the device asked for is {device!r}"
        return fused_chain.refusal(program)

    def estimate(self, program: Program, device: str) -> Estimate:
        """See Engine.estimate."""
        del device
        plan = fused_chain.plan(program, host().core)
        rows = sum(len(program.portions[m.portion].train) for m in program.members)
        threads = min(os.cpu_count() or 1, len(program.members))
        seconds = rows * program.epochs * plan.operations / DEFAULTS["flops"] / threads
        compile_seconds = DEFAULTS["compile_seconds"]
        return Estimate(seconds, compile_seconds, f"fused: {plan.operations} operations per row")

    def start(self, program: Program, device: str, threads: int) -> Session:
        """See Engine.start."""
        del device
        return FusedSession(program, fused_chain.plan(program, host().core), threads)
