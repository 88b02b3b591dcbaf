"""Policies: who decides where a task runs when it comes; one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.registry import Registry

if TYPE_CHECKING:
    from lamina.planning.placement.policy import Policy

_AT = "lamina.planning.policies"

POLICIES: Registry[type[Policy]] = Registry(
    "policies",
    "policy",
    {
        "duplicator": f"{_AT}.duplicator:Duplicator",
        "eft": f"{_AT}.eft:Eft",
        "fixed": f"{_AT}.fixed:Fixed",
        "hedge": f"{_AT}.hedge:Hedge",
        "oracle": f"{_AT}.oracle:Oracle",
        "random": f"{_AT}.random:Random",
        "risk": f"{_AT}.risk:Risk",
        "share": f"{_AT}.share:Share",
        "stoic-duplicator": f"{_AT}.stoic_duplicator:StoicDuplicator",
        "stoic-selector": f"{_AT}.stoic_selector:StoicSelector",
    },
)
"""Name of a policy -> its class."""


def made(text: str) -> Policy:
    """The policy of a name, with what stands behind a colon as its setting: "fixed:edge".

    Raises:
        UnknownNameError: no table knows the name.
        UsageError: the setting does not fit.
    """
    name, _, setting = text.partition(":")
    return POLICIES.get(name).of(setting)
