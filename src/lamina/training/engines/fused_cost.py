"""What a training on the fused kernel takes: constants, and how to measure them."""

from __future__ import annotations

DEFAULTS = {
    "flops": 4.0e10,
    "batch_seconds": 4.0e-7,
    "parameter_seconds": 1.0e-9,
    "compile_seconds": 0.15,
    "layer_compile_seconds": 0.03,
}
"""flops: operations per second and thread; batch_seconds: per batch and slice;
parameter_seconds: per parameter and batch; compile_seconds: cold, and per layer."""
