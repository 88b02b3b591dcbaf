"""The state of a run as a pure machine: events in, actions out."""

from __future__ import annotations

from lamina.execution.state.book import Policy
from lamina.execution.state.machine import Machine

__all__ = ["Machine", "Policy"]
