"""A year of hours with images, on one core."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest

from lamina.planning.policies import made
from lamina.planning.simulation.clock import Simulator
from lamina.planning.simulation.scenarios import Scenario

YEAR = 9125
SECONDS = 30.0


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["share", "stoic-selector"])
def test_a_year_takes_less_than_half_a_minute(policy: str) -> None:
    begun = process_time()
    ledger = Simulator(Scenario(batches=YEAR).world(0), made(policy)).run()
    took = process_time() - begun
    assert len(ledger.outcomes) == YEAR
    assert np.percentile([one.seconds for one in ledger.decisions], 99) < 0.005
    assert took < SECONDS
