"""Traces of whatever origin, written for other systems: one file per format."""

from __future__ import annotations

from lamina.registry import Registry
from lamina.traces.writers.base import Writer

WRITERS: Registry[type[Writer]] = Registry(
    "trace_writers",
    "trace format to write",
    {
        "chrome": "lamina.traces.writers.chrome:ChromeWriter",
        "parquet": "lamina.traces.writers.parquet:ParquetWriter",
        "wfformat": "lamina.traces.writers.wfformat:WfFormatWriter",
    },
)
"""Name of a format -> the class of its writer."""
