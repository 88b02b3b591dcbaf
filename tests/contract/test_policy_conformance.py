"""Every placement policy is held to the suite that ships with Lamina."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from lamina.planning.placement.policy import Policy
from lamina.planning.policies import POLICIES, made
from lamina.testing.policies import CONFORMANCE, Maker, OddWorld, worlds

Check = Callable[[Maker, OddWorld], None]
SETTINGS = ("risk:p-best", "risk:cvar=0.8", "risk:deadline=30")
NAMES = (*POLICIES.names(), *SETTINGS)


def maker(name: str) -> Maker:
    """The policy of a name; one that wants a runtime is told the first."""

    def make(names: Sequence[str]) -> Policy:
        return made(f"{name}:{names[0]}" if name == "fixed" else name)

    return make


@pytest.mark.parametrize("check", CONFORMANCE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=6, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(world=worlds())
def test_a_policy_conforms(name: str, check: Check, world: OddWorld) -> None:
    check(maker(name), world)


@pytest.mark.slow
@pytest.mark.parametrize("check", CONFORMANCE, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds())
def test_a_policy_conforms_in_many_worlds(name: str, check: Check, world: OddWorld) -> None:
    check(maker(name), world)
