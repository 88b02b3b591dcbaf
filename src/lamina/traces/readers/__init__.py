"""Traces of other systems and of our own, read into one model: one file per format."""

from __future__ import annotations

from lamina.registry import Registry
from lamina.traces.readers.base import Reader

READERS: Registry[type[Reader]] = Registry(
    "trace_readers",
    "trace format",
    {
        "bp": "lamina.traces.readers.bp:BpReader",
        "chrome": "lamina.traces.readers.chrome:ChromeReader",
        "csv": "lamina.traces.readers.csv:CsvReader",
        "dagman": "lamina.traces.readers.dagman:DagmanReader",
        "kickstart": "lamina.traces.readers.kickstart:KickstartReader",
        "lamina": "lamina.traces.readers.lamina:LaminaReader",
        "nextflow": "lamina.traces.readers.nextflow:NextflowReader",
        "parsl": "lamina.traces.readers.parsl:ParslReader",
        "pegasus": "lamina.traces.readers.pegasus:PegasusReader",
        "stampede": "lamina.traces.readers.stampede:StampedeReader",
        "wfformat": "lamina.traces.readers.wfformat:WfFormatReader",
    },
)
"""Name of a format -> the class of its reader."""
