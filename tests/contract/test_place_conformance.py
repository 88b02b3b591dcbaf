"""Every place that needs no server conforms; the others do in the tests marked `service`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from lamina.data.staging.address import Address
from lamina.data.staging.places import Stat, place_of
from lamina.data.staging.places.local import Local
from lamina.data.staging.policy import Policy
from lamina.errors import StagingError
from lamina.testing.places import check_place


class Unchanging(Local):
    """Tells no version that changes."""

    def stat(self, files: Sequence[Address], policy: Policy) -> list[Stat | StagingError]:
        told = super().stat(files, policy)
        return [Stat(one.size, "always") if isinstance(one, Stat) else one for one in told]


def test_the_file_system_conforms(tmp_path: Path) -> None:
    check_place(place_of("file"), tmp_path.as_uri(), lambda: time.sleep(0.02))


def test_a_place_without_versions_is_found_out(tmp_path: Path) -> None:
    with pytest.raises((AssertionError, StagingError)):
        check_place(Unchanging(), tmp_path.as_uri())
