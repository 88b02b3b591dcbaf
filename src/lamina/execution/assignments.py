"""What a runtime is handed for a part of an attempt: its values, its place, its folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.execution.flows import growing
from lamina.execution.runtimes.base import AFTER, Assignment
from lamina.execution.state.frames import Unit
from lamina.execution.state.parts import Flowing
from lamina.execution.state.words import Launch
from lamina.workflow.units import folder_of, scratch_of, stream_of


def assignment(launch: Launch, run: str, folder: Path) -> Assignment:
    """The assignment of a launch, in a run with this id and folder."""
    unit = launch.unit
    return Assignment(
        run,
        unit.name,
        unit.attempt,
        unit.node.task,
        arguments(unit, folder),
        unit.needs,
        unit.share.gpus if unit.share is not None else (),
        folder / folder_of(unit.name, unit.attempt),
        folder / scratch_of(unit.name),
        launch.part,
        launch.status,
        unit.main.report.exit if launch.part == AFTER and unit.main else None,
    )


def arguments(unit: Unit, folder: Path) -> Mapping[str, Any]:
    """What a unit gets; for streams that are still written, where in the run's folder they are."""
    if not unit.follows:
        return unit.arguments
    return {
        port: growing(folder / stream_of(value.unit, value.attempt, value.port))
        if isinstance(value, Flowing)
        else value
        for port, value in unit.arguments.items()
    }
