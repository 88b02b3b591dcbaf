"""Doing what a workflow says: the executor, and how each kind of task is run."""

from __future__ import annotations

from lamina.execution.local import run
from lamina.execution.outcome import Outcome, Span

__all__ = ["Outcome", "Span", "run"]
