"""What a training engine is: sessions that advance epochs, and a price for a program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lamina.nets.initial import Weights
from lamina.training.program import Program

State = dict[str, NDArray[np.generic]]
"""Everything a session needs to go on, as plain arrays: what a checkpoint stores."""


@dataclass(frozen=True)
class Estimate:
    """What a training is expected to take, in seconds, and the reasoning in one line."""

    train: float
    compile: float
    reason: str

    @property
    def seconds(self) -> float:
        """Training and compilation together."""
        return self.train + self.compile


class Session(ABC):
    """One program on its device: data resident, members trained together.

    Advancing by n epochs gives, bit for bit, what n advances by one epoch give; and a session
    restored from `state` goes on exactly as the one that wrote it would have.
    """

    compile_seconds: float = 0.0
    """Time spent on compiling (kernels, graphs), apart from training."""

    form: str = ""
    """How the members run ("vectorised", "one by one", "2 threads"), for reports."""

    @abstractmethod
    def advance(self, epochs: int, active: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Trains the active members for some epochs; inactive ones keep their weights.

        Returns:
            (epochs, members): mean loss over the rows of each epoch, measured while training,
            as sum over batches of batch loss x batch rows, over all rows; NaN for inactive
            members.
        """

    @abstractmethod
    def outputs(self, part: str) -> list[NDArray[np.float32]]:
        """Per member, the network's output on "train", "validation" or "test" rows.

        Evaluation mode (no dropout, running statistics); shape (rows, *output shape).
        """

    @abstractmethod
    def weights(self) -> list[Weights]:
        """Per member, a copy of parameters and buffers."""

    @abstractmethod
    def state(self) -> State:
        """A copy of the complete state at the end of the last epoch."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Goes back to a state written by a session of the same program and engine."""


class Engine(ABC):
    """A way of training programs; found by name in `lamina.training.engines.ENGINES`."""

    name: str

    @abstractmethod
    def refusal(self, program: Program, device: str) -> str:
        """Why this engine cannot train the program on the device; empty when it can."""

    @abstractmethod
    def estimate(self, program: Program, device: str) -> Estimate:
        """Predicted time, from a cost model fitted on this machine."""

    @abstractmethod
    def start(self, program: Program, device: str, threads: int) -> Session:
        """Sends the program to the device. device: "cpu", "cuda", "cuda:1"; threads: of the CPU."""
