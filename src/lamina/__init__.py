"""Lamina: scientific workflows with deep learning inside."""

from __future__ import annotations

__version__ = "0.1.0.dev0"
