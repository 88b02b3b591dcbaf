"""Doing what a workflow says: the state of a run, the engine, and what runs tasks."""

from __future__ import annotations

from lamina.execution.inprocess import Outcome, Span, run

__all__ = ["Outcome", "Span", "run"]
