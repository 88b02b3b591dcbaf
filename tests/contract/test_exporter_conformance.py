"""Every exporter holds the contract of exporters, with runs of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamina.records.exports import EXPORTERS
from lamina.testing.exporters import KINDS, check_exporter


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", EXPORTERS.names())
def test_exporters_write_runs_of_every_kind(name: str, kind: str, tmp_path: Path) -> None:
    assert check_exporter(EXPORTERS.get(name)(), kind, tmp_path)
