"""Kinds of sites: where pods of a runtime come from; one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.registry import Registry

if TYPE_CHECKING:
    from lamina.execution.placing.site import Site

_AT = "lamina.execution.placing.sites"

SITES: Registry[type[Site]] = Registry(
    "sites",
    "kind of runtime",
    {
        "emulated": f"{_AT}.emulated:Emulated",
        "http": f"{_AT}.http:Http",
        "local": f"{_AT}.local:Local",
    },
)
"""Kind, as profiles name it -> its class."""
