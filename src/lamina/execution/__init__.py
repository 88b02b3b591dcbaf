"""Doing what a workflow says: the state of a run, the engine, and what runs tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina.execution.inprocess import Outcome, Span, run

__all__ = ["Outcome", "Span", "run"]


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: a dry run needs the cache and the state, and no engine.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lamina.execution import inprocess

    return getattr(inprocess, name)
