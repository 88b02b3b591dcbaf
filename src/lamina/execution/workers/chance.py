"""Random numbers of tasks that share a process: as each would find them in one of its own.

What a function seeds is seeded for it alone. What its file seeds while it is imported is so for
every function of the file. Numbers that nobody seeds are new ones each time.
"""

from __future__ import annotations

import random
import sys
from abc import ABC, abstractmethod
from functools import wraps
from typing import Any

_OWN = 2**32
"""Seeds that torch chooses are above this nearly always, those that people choose below."""


class Chance:
    """The random numbers of a process that runs one task after the other."""

    def __init__(self) -> None:
        self._sources = (_Python(), _NumPy(), _Torch())
        self._files: dict[str, list[tuple[_Source, Any]]] = {}

    def begin(self) -> None:
        """A process begins whose numbers are to be others than those of whom it came from."""
        for source in self._sources:
            source.begin()

    def imported(self, file: str) -> None:
        """The file of a task is there; for the first time, if this was not said of it before."""
        if file not in self._files:
            self._files[file] = [(s, s.state()) for s in self._sources if s.seeded()]
        else:
            for source, state in self._files[file]:
                source.restore(state)

    def over(self) -> None:
        """The task has run."""
        for source in self._sources:
            if source.seeded():
                source.renew()


class _Source(ABC):
    """A generator that libraries share. It may not be there yet."""

    @abstractmethod
    def begin(self) -> None:
        """Where the process was forked from one that had it, other numbers than there."""

    @abstractmethod
    def seeded(self) -> bool:
        """Whether it is there, and not as a new process has it."""

    @abstractmethod
    def renew(self) -> None:
        """Makes it so."""

    @abstractmethod
    def state(self) -> Any:
        """What `restore` takes."""

    @abstractmethod
    def restore(self, state: Any) -> None:
        """Makes it as it was."""


class _Python(_Source):
    """The module `random`; that it was seeded can only be known by listening."""

    def __init__(self) -> None:
        self._seeded = False
        self._seed = getattr(random.seed, "__wrapped__", random.seed)

    def begin(self) -> None:
        @wraps(self._seed)
        def listen(*given: Any, **named: Any) -> None:
            self._seeded = True
            self._seed(*given, **named)

        random.seed = listen  # new numbers came with the fork

    def seeded(self) -> bool:
        return self._seeded

    def renew(self) -> None:
        self._seed()
        self._seeded = False

    def state(self) -> Any:
        return random.getstate()

    def restore(self, state: Any) -> None:
        random.setstate(state)
        self._seeded = True


class _NumPy(_Source):
    """NumPy's old functions; a generator that was seeded by them has no sequence of seeds."""

    def begin(self) -> None:
        if "numpy.random" in sys.modules:
            self.renew()

    def seeded(self) -> bool:
        found = sys.modules.get("numpy.random")
        return found is not None and getattr(found.get_bit_generator(), "seed_seq", None) is None

    def renew(self) -> None:
        found = sys.modules["numpy.random"]
        found.set_bit_generator(found.MT19937())

    def state(self) -> Any:
        return sys.modules["numpy.random"].get_state()

    def restore(self, state: Any) -> None:
        sys.modules["numpy.random"].seed(0)
        sys.modules["numpy.random"].set_state(state)


class _Torch(_Source):
    """torch's generator for processors; those of devices follow `torch.manual_seed` as well."""

    def begin(self) -> None:
        if self._generator() is not None:
            self.renew()

    def seeded(self) -> bool:
        found = self._generator()
        return found is not None and found.initial_seed() < _OWN

    def renew(self) -> None:
        sys.modules["torch"].seed()

    def state(self) -> Any:
        return self._generator().initial_seed(), self._generator().get_state()

    def restore(self, state: Any) -> None:
        sys.modules["torch"].manual_seed(state[0])
        self._generator().set_state(state[1])

    def _generator(self) -> Any:
        return getattr(sys.modules.get("torch"), "default_generator", None)
