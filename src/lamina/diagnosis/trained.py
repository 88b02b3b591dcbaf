"""A trained detector as one file: what was learnt, how far it can be believed, where it is from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lamina.diagnosis.calibration import Calibration
from lamina.diagnosis.detectors import DETECTORS
from lamina.diagnosis.detectors.base import Arrays, Fitted
from lamina.diagnosis.runs import Floats, Run
from lamina.diagnosis.usual import Usual
from lamina.diagnosis.verdict import Verdict
from lamina.errors import BundleError
from lamina.nets.bundle_file import read, write_atomically

VERSION = "detector/1"
"""The version of the file."""
ENDING = ".detector"
"""What the file's name usually ends in."""

_KEY = "lamina"
_AGAIN = "train it again: lamina diagnose train --traces PATH -o FILE"


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
    """

    detector: str
    fitted: Fitted = field(repr=False)
    workflow: str = ""
    calibration: Calibration = field(default_factory=Calibration)
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)
    usual: Usual | None = field(default=None, repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.fitted.classes

    def knows(self, run: Run) -> bool:
        """Whether a run is of the kind that it learnt from: at least half of its jobs are of types
        that those had. What it says of others means nothing."""
        known = set(self.about.get("kinds", ()))
        return 2 * sum(kind in known for kind in run.table.kinds) >= max(1, len(run.table))

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
            Verdict(
                run.name,
                dict(zip(self.classes, row.tolist(), strict=True)),
                self.calibration.unsure_below,
            )
            for run, row in zip(runs, self.probabilities(runs, against), strict=True)
        ]

    def to_bytes(self) -> bytes:
        """The file's bytes: safetensors, whose header holds the document and a digest of all."""
        from safetensors.numpy import save

        learnt, arrays = self.fitted.to_parts()
        given = {f"fitted.{name}": np.ascontiguousarray(array) for name, array in arrays.items()}
        usual, ranges = (None, {}) if self.usual is None else self.usual.to_parts()
        given |= {f"usual.{name}": np.ascontiguousarray(array) for name, array in ranges.items()}
        document = {
            "lamina": VERSION,
            "detector": self.detector,
            "workflow": self.workflow,
            "calibration": vars(self.calibration),
            "about": dict(self.about),
            "fitted": learnt,
            "usual": usual,
        }
        document["sha256"] = _digest(document, given)
        data: bytes = save(given, metadata={_KEY: _text(document)})
        return data

    @classmethod
    def from_bytes(cls, data: bytes, origin: str = "the detector") -> TrainedDetector:
        """The detector in a file's bytes; nothing in it is executed.

        Raises:
            BundleError: as `load`.
            UnknownNameError: it is of a kind that is not known here.
        """
        document, arrays = _opened(data, origin)
        try:
            fitted = DETECTORS.get(document["detector"])().restore(
                document["fitted"], _those_of(arrays, "fitted")
            )
            return cls(
                document["detector"], fitted, document["workflow"],
                Calibration(**document["calibration"]), document["about"],
                _usual(document.get("usual"), _those_of(arrays, "usual")),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BundleError(f"{origin} does not hold a detector: {error}", _AGAIN) from error

    def save(self, path: str | Path) -> Path:
        """Writes the file whole or not at all. Raises BundleError when it cannot be written."""
        target = Path(path)
        write_atomically(target, self.to_bytes())
        return target

    @classmethod
    def load(cls, path: str | Path) -> TrainedDetector:
        """Reads a file.

        Raises:
            BundleError: no such file, damaged, of another version, or no detector.
        """
        return cls.from_bytes(read(Path(path)), str(path))

    def calibrated(self, calibration: Calibration) -> TrainedDetector:
        """The same with another calibration."""
        return replace(self, calibration=calibration)


def _opened(data: bytes, origin: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        document = json.loads(header["__metadata__"][_KEY])
        arrays = load(data)
        version, stated = document.get("lamina"), document.pop("sha256", None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError):
        raise BundleError(f"{origin} is no detector, or damaged", _AGAIN) from None
    if version != VERSION:
        raise BundleError(
            f"{origin} has version {version!r}; a detector of this Lamina has {VERSION!r}", _AGAIN
        )
    if stated != _digest(document, arrays):
        raise BundleError(f"{origin} is damaged: it does not have the digest it states", _AGAIN)
    return document, arrays


def _usual(document: Mapping[str, Any] | None, arrays: Arrays) -> Usual | None:
    return None if document is None else Usual.from_parts(document, arrays)


def _those_of(arrays: Arrays, part: str) -> dict[str, NDArray[Any]]:
    begin = f"{part}."
    return {name[len(begin) :]: a for name, a in arrays.items() if name.startswith(begin)}


def _digest(document: Mapping[str, Any], arrays: Arrays) -> str:
    digest = hashlib.sha256(_text(document).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.dtype.str}{list(array.shape)}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"sha256:{digest.hexdigest()}"


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
