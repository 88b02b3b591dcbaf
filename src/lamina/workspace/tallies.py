"""How many units of a task run or are reused, why, and what one of them takes."""

from __future__ import annotations

from dataclasses import dataclass, field

from lamina.estimates.observations import Expected, TaskTimes


@dataclass
class Tally:
    """What is known of the units of one task."""

    run: int = 0
    reused: int = 0
    reason: str = ""
    works: list[tuple[str, float | None]] = field(default_factory=list)
    """Of units that run: digest of the code, bytes of the inputs where these are known."""
    amounts: list[int | None] = field(default_factory=list)

    def expected(self, task: str, times: TaskTimes) -> Expected | None:
        """What one of the units that run takes: the mean of what each is expected to."""
        every = [times.expected(task, *work) for work in self.works or [("", None)]]
        known = [one for one in every if one is not None]
        if not known:
            return None
        seconds, low, high = (
            sum(getattr(one, word) for one in known) / len(known)
            for word in ("seconds", "low", "high")
        )
        return Expected(seconds, low, high, known[0].count)

    def add(self, reason: str, reused: bool) -> None:
        """One more unit; the reason of the first one that runs is told."""
        if reused:
            self.reused += 1
            self.reason = self.reason or reason
        else:
            if not self.run:
                self.reason = reason
            self.run += 1

    def told(self) -> str:
        """The reason, with how many units it is true of where they differ."""
        if self.run and self.reused:
            return f"{self.run} of {self.run + self.reused} run: {self.reason}"
        return self.reason
