"""The time axis of a chart: the run's working time, without the pauses between its sessions."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from math import floor, log10

from lamina.records.history import Session
from lamina.traces.trace import Trace

_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Steps between ticks that people read easily, in seconds."""


@dataclass(frozen=True)
class Axis:
    """Seconds since 1970 -> seconds of work since the run began.

    A run that was resumed the next day is drawn without the night.

    Args:
        sessions: in order of time.
    """

    sessions: tuple[Session, ...]
    _offsets: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        offsets = [0.0]
        for session in self.sessions:
            offsets.append(offsets[-1] + session.end - session.begin)
        object.__setattr__(self, "_offsets", tuple(offsets))

    @classmethod
    def of(cls, trace: Trace) -> Axis:
        """The axis of a trace."""
        return cls(trace.sessions)

    @property
    def length(self) -> float:
        """Seconds from the beginning to the end."""
        return self._offsets[-1]

    @property
    def breaks(self) -> tuple[float, ...]:
        """Where sessions after the first begin."""
        return self._offsets[1:-1]

    def at(self, time: float) -> float:
        """The place of a time; times in a pause or outside stand at its edge."""
        index = max(bisect_right(self.sessions, time, key=lambda one: one.begin) - 1, 0)
        session = self.sessions[index]
        inside = min(max(time - session.begin, 0.0), session.end - session.begin)
        return self._offsets[index] + inside


def tick_step(length: float, most: int) -> float:
    """Seconds between ticks, so that at most `most` fit into a length, and at least one."""
    step = _step(length / max(most, 1))
    # One number alone would not tell how long anything took.
    return step if step <= length or length <= 0 else _largest(length)


def _largest(length: float) -> float:
    """The largest easy step that fits into a length."""
    if 1 <= length < 2 * _CLOCK[-1]:
        return float(max(step for step in _CLOCK if step <= length))
    unit = _CLOCK[-1] if length >= 1 else 1.0
    power = 10.0 ** floor(log10(length / unit) + 1e-9)
    return unit * max(power * m for m in (1, 2, 5) if unit * power * m <= length * (1 + 1e-9))


def _step(least: float) -> float:
    """The smallest easy step of at least so many seconds."""
    if least > _CLOCK[-1]:
        return _CLOCK[-1] * _round_up(least / _CLOCK[-1])
    if least >= 1:
        return float(next(step for step in _CLOCK if step >= least))
    return _round_up(least)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... at or above a value; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value) + 1e-9)
    return float(next(power * m for m in (1, 2, 5, 10) if power * m >= value * (1 - 1e-9)))


def ticks(length: float, most: int) -> list[float]:
    """Places of the ticks, from 0."""
    if length <= 0:
        return [0.0]
    step = tick_step(length, most)
    return [step * number for number in range(int(length / step + 1e-9) + 1)]


def tick_text(seconds: float, step: float) -> str:
    """A tick's text: "0", "20 ms", "1.5 s", "2:30", "1:05:00"."""
    if seconds == 0:
        return "0"
    if step < 1 and seconds < 1:
        return f"{seconds * 1000:g} ms"
    if seconds < 120 and step < 60:
        return f"{seconds:g} s"
    return clock(seconds)


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are some: "2:30", "1:05:00"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """A duration in three digits or so: "0", "0.4 ms", "820 ms", "4.2 s", "2:30", "1:05:00"."""
    if seconds <= 0:
        return "0"
    if seconds < 0.9995:
        thousandths = seconds * 1000
        return f"{thousandths:.0f} ms" if thousandths >= 9.5 else f"{thousandths:.1f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 599.5 else clock(seconds)
