"""The workflow of a document; a model or a network in its place is told what to do with it."""

from __future__ import annotations

from pathlib import Path

from lamina.errors import LaminaError, UsageError
from lamina.workflow.document import read_workflow
from lamina.workflow.graph import Workflow


def document(file: Path) -> Workflow:
    """The workflow in a file.

    Raises:
        LaminaError: what is wrong with the document; a model or a network is none.
    """
    try:
        return read_workflow(file)
    except LaminaError:
        _check_other(file)
        raise


def _check_other(file: Path) -> None:
    # Loaded for those who mixed things up only: it takes longer than reading most documents.
    from lamina.nets.told import is_dataview_model
    from lamina.nets.zoo import ZOO

    if file.suffix == ".lamina" or is_dataview_model(file):
        raise UsageError(f"{file} is a model, not a workflow", f"lamina predict {file} DATA")
    if not file.exists() and str(file) in ZOO:
        raise UsageError(f"{file} is a network, not a workflow", f"lamina train {file} --data ...")
