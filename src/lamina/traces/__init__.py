"""Runs seen as time: spans of phases, and their charts."""
