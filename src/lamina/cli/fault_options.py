"""The words of `--faults` and `--outage`: what goes wrong in the worlds of a simulation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lamina.planning.simulation.faults import Faults, Outage

PARTS = ("failures", "hangs", "breaks", "away", "spell")
"""Names that `--faults` knows, as `Faults` has them."""
_OUTAGE = re.compile(r"([^:]+):(\d+(?:\.\d*)?)-(\d+(?:\.\d*)?)(:hangs)?")


def faults_of(told: str, outages: Sequence[str]) -> Faults:
    """What the options say.

    Args:
        told: NAME=PART[,NAME=PART...]; empty for none.
        outages: each RUNTIME:FROM-TO, in seconds, with ":hangs" behind it where deployments wait.

    Raises:
        UsageError: a word that is none of these, or a value that does not fit.
        UnknownNameError: another name.
    """
    from lamina.planning.simulation.faults import Faults

    return Faults(**_parts(told), outages=tuple(map(_outage, outages)))


def _parts(told: str) -> dict[str, float]:
    from lamina.errors import UnknownNameError, UsageError

    found: dict[str, float] = {}
    for word in filter(None, (one.strip() for one in told.split(","))):
        name, sign, text = (one.strip() for one in word.partition("="))
        if sign and name not in PARTS:
            raise UnknownNameError("fault", name, PARTS)
        try:
            value = float(text)
        except ValueError:
            raise UsageError(
                f"--faults {word!r} is not NAME=PART",
                f"say --faults failures=0.02,breaks=0.01; names: {', '.join(PARTS)}",
            ) from None
        if name in found:
            raise UsageError(f"--faults names {name!r} twice", "name each once")
        found[name] = value
    return found


def _outage(told: str) -> Outage:
    from lamina.errors import UsageError
    from lamina.planning.simulation.faults import Outage

    found = _OUTAGE.fullmatch(told.strip())
    if found is None:
        raise UsageError(
            f"--outage {told!r} is not RUNTIME:FROM-TO",
            "give seconds of the clock, say --outage gpu1:3600-7200; with :hangs behind them "
            "deployments wait until it is over, else they are refused",
        )
    runtime, begins, ends, hangs = found.groups()
    return Outage(runtime, float(begins), float(ends), hangs is not None)
