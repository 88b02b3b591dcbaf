"""Gantt charts of a trace: one file per form."""
