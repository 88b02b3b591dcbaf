"""What people said of diagnoses: right, wrong or expected; kept in a file, and used as labels."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lamina.diagnosis.runs import NORMAL, Run
from lamina.errors import StoreError, UsageError

NAME = "answers.jsonl"
"""The file in a project's folder: a line for each answer, none is ever taken away."""

ANSWERS = ("right", "wrong", "expected")
"""What may be said of a diagnosis."""


@dataclass(frozen=True)
class Answer:
    """What somebody said of the diagnosis of a run.

    Args:
        run: id of a recorded run, or name of a trace.
        source: path of the trace; empty for a recorded run.
        workflow: its name.
        time: seconds since 1970.
        said: the class that was said; empty where there was no detector.
        answer: one of `ANSWERS`.
        label: that the run has by it; empty where it has none.
    """

    run: str
    source: str
    workflow: str
    time: float
    said: str
    answer: str
    label: str

    @property
    def key(self) -> tuple[str, str]:
        """What it is about: a later answer about the same takes its place."""
        return (self.run, self.source)


def label_of(answer: str, said: str, label: str = "") -> str:
    """The label that an answer gives a run.

    Args:
        answer: one of `ANSWERS`.
        said: the class that was said of the run.
        label: that is known better.

    Raises:
        UsageError: another answer, or a label beside one that has none.
    """
    if answer not in ANSWERS:
        raise UsageError(f"{answer!r} is no answer", f"say one of {', '.join(ANSWERS)}")
    if answer == "expected":
        if label not in ("", NORMAL):
            raise UsageError(
                f"what is expected is {NORMAL}, not {label}", "leave out --label, or say wrong"
            )
        return NORMAL
    if answer == "right" and label and said and label.partition("_")[0] != said:
        raise UsageError(f"{said} was said, which {label} is not", f"say: wrong --label {label}")
    return label or (said if answer == "right" else "")


def add(file: Path, answer: Answer) -> None:
    """Puts an answer at the end of a file, whole or not at all.

    Raises:
        StoreError: the file cannot be written.
    """
    line = json.dumps(asdict(answer), ensure_ascii=False).encode() + b"\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            end = stream.seek(0, os.SEEK_END)
            if end and os.pread(stream.fileno(), 1, end - 1) != b"\n":
                # Somebody was ended in the middle of a line: it stays, and this one is apart.
                line = b"\n" + line
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise StoreError(
            f"the answer cannot be kept in {file}: {error.strerror}", "make it writable"
        ) from error


def every(file: Path) -> list[Answer]:
    """All answers of a file, the oldest first; lines that are none are passed over."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"the answers in {file} cannot be read: {error.strerror}", "make it readable"
        ) from error
    found = []
    for line in lines:
        try:
            found.append(Answer(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def standing(answers: Iterable[Answer]) -> dict[tuple[str, str], Answer]:
    """What each -> the last answer about it."""
    return {one.key: one for one in answers}


def labelled(run: Run, answer: Answer) -> Run:
    """The run with the label that an answer gives it."""
    return replace(run, label=answer.label)
