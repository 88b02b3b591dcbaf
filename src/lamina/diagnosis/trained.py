"""A trained detector as one file: what was learnt, how far it can be believed, where it is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lamina.diagnosis.calibration import Calibration
from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Arrays, Fitted
from lamina.diagnosis.jobs.detector import FittedJobs, JobDetector
from lamina.diagnosis.known import share_known, share_there
from lamina.diagnosis.runs import Floats, Run
from lamina.diagnosis.sealed import AGAIN, opened, sealed, those_of
from lamina.diagnosis.severity import Severities
from lamina.diagnosis.usual import Usual
from lamina.diagnosis.verdict import Verdict
from lamina.errors import BundleError
from lamina.nets.bundle_file import read, write_atomically

VERSION = "detector/1"
"""The version of the file."""
ENDING = ".detector"
"""What the file's name usually ends in."""

_ENOUGH = 0.5
"""Part of the jobs of a run that have to be like those that were learnt from, and of the jobs of
those that have to be there."""


@dataclass(frozen=True, eq=False)
class TrainedDetector:
    """What judges runs.

    Args:
        detector: its name in `DETECTORS`.
        fitted: what it learnt.
        workflow: of the runs that it learnt from; names joined with "+" where there were several.
        calibration: of its scores.
        about: plain values: seed, versions, counts, digest of the data, figures of its test.
        usual: what is usual in the normal runs that it learnt from; None where there were too few.
        jobs: what it learnt of single jobs; None where the runs did not tell which were disturbed.
        severities: what tells how strong an anomaly is; None where no class had two levels.
    """

    detector: str
    fitted: Fitted = field(repr=False)
    workflow: str = ""
    calibration: Calibration = field(default_factory=Calibration)
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    usual: Usual | None = field(default=None, repr=False)
    jobs: FittedJobs | None = field(default=None, repr=False)
    severities: Severities | None = field(default=None, repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.fitted.classes

    def knows(self, run: Run) -> bool:
        """Whether a run is of the kind that it learnt from: at least half of its jobs are of types
        that those had, about as many, and neither far larger nor far smaller; and no more than
        half of the jobs of such a run are missing. What it says of others means nothing."""
        kinds = self.about.get("kinds", {})
        several = "+" in self.workflow  # No run has the jobs of all of them.
        there = several or share_there(run, kinds) >= _ENOUGH
        return there and share_known(run, kinds) >= _ENOUGH

    def probabilities(self, runs: Sequence[Run], against: Sequence[Run] = ()) -> Floats:
        """Calibrated probabilities, (n, classes).

        Args:
            runs: to judge.
            against: runs of the same period that are known to be good.
        """
        return self.calibration.probabilities(self.fitted.scores(runs, against))

    def judge(self, runs: Sequence[Run], against: Sequence[Run] = ()) -> list[Verdict]:
        """What it says of each run; the arguments are those of `probabilities`."""
        if not runs:
            return []
        return [
            self._with_severity(
                run,
                Verdict(
                    run.name,
                    dict(zip(self.classes, row.tolist(), strict=True)),
                    self.calibration.unsure_below,
                ),
            )
            for run, row in zip(runs, self.probabilities(runs, against), strict=True)
        ]

    def _with_severity(self, run: Run, verdict: Verdict) -> Verdict:
        if self.severities is None:
            return verdict
        return replace(verdict, severity=self.severities.of([run], verdict.first)[0])

    def to_bytes(self) -> bytes:
        """The file's bytes: safetensors, whose header holds the document and a digest of all."""
        learnt, arrays = self.fitted.to_parts()
        usual, ranges = (None, {}) if self.usual is None else self.usual.to_parts()
        jobs, trees = (None, {}) if self.jobs is None else self.jobs.to_parts()
        levels, clouds = (None, {}) if self.severities is None else self.severities.to_parts()
        document = {
            "detector": self.detector,
            "workflow": self.workflow,
            "calibration": vars(self.calibration),
            "about": dict(self.about),
            "fitted": learnt,
            "usual": usual,
            "jobs": jobs,
            "severities": levels,
        }
        given = {f"fitted.{name}": array for name, array in arrays.items()}
        given |= {f"usual.{name}": array for name, array in ranges.items()}
        given |= {f"jobs.{name}": array for name, array in trees.items()}
        given |= {f"severities.{name}": array for name, array in clouds.items()}
        return sealed(document, given, VERSION)

    @classmethod
    def from_bytes(cls, data: bytes, origin: str = "the detector") -> TrainedDetector:
        """The detector in a file's bytes; nothing in it is executed.

        Raises:
            BundleError: as `load`.
            UnknownNameError: it is of a kind that is not known here.
        """
        document, arrays = opened(data, VERSION, origin)
        try:
            fitted = DETECTORS.get(document["detector"])().restore(
                document["fitted"], those_of(arrays, "fitted")
            )
            return cls(
                document["detector"], fitted, document["workflow"],
                Calibration(**document["calibration"]), document["about"],
                _usual(document.get("usual"), those_of(arrays, "usual")),
                _jobs(document.get("jobs"), those_of(arrays, "jobs")),
                _severities(document.get("severities"), those_of(arrays, "severities")),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BundleError(f"{origin} does not hold a detector: {error}", AGAIN) from error

    def save(self, path: str | Path) -> Path:
        """Writes the file whole or not at all. Raises BundleError when it cannot be written."""
        target = Path(path)
        write_atomically(target, self.to_bytes(), "detector")
        return target

    @classmethod
    def load(cls, path: str | Path) -> TrainedDetector:
        """Reads a file.

        Raises:
            BundleError: no such file, damaged, of another version, or no detector.
        """
        return cls.from_bytes(read(Path(path), "detector"), str(path))

    def calibrated(self, calibration: Calibration) -> TrainedDetector:
        """The same with another calibration."""
        return replace(self, calibration=calibration)


def _severities(document: Mapping[str, Any] | None, arrays: Arrays) -> Severities | None:
    return None if document is None else Severities.from_parts(document, arrays)


def _jobs(document: Mapping[str, Any] | None, arrays: Arrays) -> FittedJobs | None:
    return None if document is None else JobDetector().restore(document, arrays)


def _usual(document: Mapping[str, Any] | None, arrays: Arrays) -> Usual | None:
    return None if document is None else Usual.from_parts(document, arrays)
