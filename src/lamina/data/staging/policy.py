"""How staging behaves: connections, sizes, waiting, and trying again."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from lamina.errors import LaminaError, StagingError

T = TypeVar("T")

_LASTING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT, errno.EFBIG)


class NoPartsError(Exception):
    """A place that gives a whole file when it is asked for a part of it."""


@dataclass(frozen=True)
class Policy:
    """Settings of transfers.

    Args:
        connections: how many parts of one file travel at once.
        files: how many files travel at once, where many are wanted.
        block: bytes of one part.
        attempts: how often the same bytes are tried, at most.
        wait: seconds before the second attempt; doubled for each further one, 30 s at most.
        timeout: seconds without any byte after which a connection counts as lost.
        told: is told of every attempt that failed, in one line without secrets.
    """

    connections: int = 4
    files: int = 8
    block: int = 8 << 20
    attempts: int = 6
    wait: float = 0.5
    timeout: float = 30.0
    told: Callable[[str], None] = field(default=lambda line: None, compare=False)

    def tried(self, action: Callable[[], T], what: str, moved: Callable[[], int] = int) -> T:
        """What `action` gives, after as many attempts as it takes.

        Args:
            what: the action in words, for messages: "reading https://...".
            moved: a count that grows while the action gets on: attempts start anew then.

        Raises:
            StagingError: it failed `attempts` times in a row, or in a way that will not change.
        """
        failures, seen = 0, moved()
        while True:
            try:
                return action()
            except (LaminaError, NoPartsError):
                raise
            except OSError as error:
                if error.errno in _LASTING:
                    raise StagingError(
                        f"{what} failed: {error.strerror or error}",
                        "mend that, then resume the run: what has come stays",
                    ) from error
                problem: Exception = error
            except Exception as error:  # what network libraries raise cannot be listed
                problem = error
            failures = 1 if moved() != seen else failures + 1
            seen = moved()
            why = f"{what}: {_worded(problem)}"
            if failures >= self.attempts:
                raise StagingError(
                    f"{what} failed {failures} times in a row, last with {_worded(problem)}",
                    "see that the other side can be reached, then resume the run: what has come "
                    "stays",
                ) from problem
            pause = min(30.0, self.wait * 2 ** (failures - 1)) * random.uniform(0.7, 1.3)
            self.told(f"{why}; attempt {failures + 1} of {self.attempts} in {pause:.1f} s")
            time.sleep(pause)


def _worded(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text:.200}" if text else type(error).__name__
