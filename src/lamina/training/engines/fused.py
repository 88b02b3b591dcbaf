"""fused: dense networks on the CPU, trained by a kernel that is written for their sizes."""

from __future__ import annotations

from lamina.training.engines import fused_chain, fused_cost
from lamina.training.engines.base import Engine, Estimate, Session
from lamina.training.engines.fused_kernel.build import host
from lamina.training.engines.fused_session import FusedSession
from lamina.training.program import Program


class FusedEngine(Engine):
    """Trains chains of dense layers: all epochs and batches inside one compiled call.

    Weights and losses do not depend on the number of threads, bit for bit.
    """

    name = "fused"

    def refusal(self, program: Program, device: str) -> str:
        """Anything but chains of Linear and common activations on the CPU."""
        if device != "cpu":
            return f"fused runs on the CPU; the device asked for is {device!r}"
        return fused_chain.refusal(program)

    def estimate(self, program: Program, device: str) -> Estimate:
        """From the vector operations of a batch, timed on this machine."""
        del device
        return fused_cost.estimate(program, host().core)

    def start(self, program: Program, device: str, threads: int) -> Session:
        """Compiles the kernel or loads it, and lays out the rows."""
        del device
        return FusedSession(program, fused_chain.plan(program, host().core), threads)
