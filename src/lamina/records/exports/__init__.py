"""Runs in the words of other systems: one file per format."""

from __future__ import annotations

from lamina.records.exports.base import Exporter
from lamina.registry import Registry

EXPORTERS: Registry[type[Exporter]] = Registry(
    "exporters",
    "export format",
    {
        "ro-crate": "lamina.records.exports.rocrate:CrateExporter",
        "wfformat": "lamina.records.exports.wfformat:WfFormatExporter",
        "prov": "lamina.records.exports.prov:ProvExporter",
        "chrome": "lamina.records.exports.chrome:ChromeExporter",
    },
)
"""Name of a format -> the class of its exporter."""
