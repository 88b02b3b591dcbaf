"""Results that are found damaged once a run is over: they are made again by their tasks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lamina.data.artifacts.reference import Ref
from lamina.errors import ArtifactError
from lamina.execution.past import Past
from lamina.workflow.log import Noticed
from lamina.workspace.launch import Finished, Session


def mended(session: Session, error: ArtifactError) -> Session:
    """A session of the same run in which the tasks run again that made a damaged artifact.

    Args:
        session: that gave the artifact out.
        error: which one, and how it is damaged.

    Raises:
        ArtifactError: the one given, when no task of the run made it.
    """
    project, run = session.project, session.record.id
    past = Past.of(event for _, event in project.store.events(run))
    makers = [
        unit
        for unit, outputs in past.finished.items()
        if error.digest in project.artifacts.digests(outputs.values())
    ]
    if not makers:
        raise error
    now = max(past.time, time.time())
    project.store.append(
        run, [Noticed(now, "artifact damaged", unit, error.message) for unit in makers]
    )
    finished = {unit: found for unit, found in past.finished.items() if unit not in makers}
    wish = replace(session.wish, force=())
    past = replace(past, finished=finished, time=now)
    return replace(session, past=past, wish=wish, runtime=None, notices=())


def both(first: Finished, then: Finished) -> Finished:
    """Two sessions of one run as one: how it ended, and what was done in both."""
    return replace(
        then,
        made=first.made | then.made,
        stood_in=first.stood_in | then.stood_in,
        seconds=first.seconds + then.seconds,
        spans=(
            *first.spans,
            *(
                (task, status, begin + first.seconds, end + first.seconds)
                for task, status, begin, end in then.spans
            ),
        ),
    )


class Unread(str):
    """What stands for a value that is not read here: it says why."""


def read(session: Session, outputs: Mapping[str, Ref]) -> dict[str, Any]:
    """Outputs of a run as values, or what they are where reading them could run code.

    Raises:
        ArtifactError: one is damaged or missing.
    """
    found: dict[str, Any] = {}
    for name, ref in outputs.items():
        try:
            found[name] = session.project.artifacts.get(ref, trusted=False)
        except ArtifactError as error:
            if error.digest:
                raise
            found[name] = Unread(f"<{error.message}>")
    return found
