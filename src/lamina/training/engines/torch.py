"""The torch engine: any network, on the CPU or CUDA, members together where that is faster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lamina.errors import CheckpointError, TrainingError
from lamina.nets.convert.torch_out import NetworkModule
from lamina.nets.initial import Weights
from lamina.nets.layers.base import size
from lamina.training.engines import torch_cost, torch_forms
from lamina.training.engines.base import Engine, Estimate, Session, State
from lamina.training.engines.torch_graph import GraphMaker
from lamina.training.engines.torch_lane import Lane, Recipe, Store
from lamina.training.engines.torch_memory import keep_freed_memory
from lamina.training.engines.torch_optimisers import OPTIMISERS
from lamina.training.program import Program

Row = TypeVar("Row", Tensor, NDArray[np.float32])

EVALUATED_VALUES = 1 << 24
"""Values in all layers for which rows are evaluated at once."""


class TorchEngine(Engine):
    """Trains any network with PyTorch.

    Args:
        form: "auto" measures which is faster; "vectorised" or "one by one" say it.
        precision: "float32", or "bfloat16" for mixed precision on CUDA.
        graphs: whether epochs become CUDA graphs where that is possible.
    """

    name = "torch"

    def __init__(self, form: str = "auto", precision: str = "float32", graphs: bool = True) -> None:
        self.form = form
        self.precision = precision
        self.graphs = graphs

    def refusal(self, program: Program, device: str) -> str:
        """No CUDA, an unknown device, more than one input, or a batch that cannot be normed."""
        kind, _, number = device.partition(":")
        if kind not in ("cpu", "cuda"):
            return f"device {device!r} is not known: choose cpu, cuda, or cuda:<number>"
        if kind == "cuda" and not torch.cuda.is_available():
            return "torch finds no CUDA device here: choose the device cpu"
        if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
            return f"there is no {device}: torch finds {torch.cuda.device_count()} CUDA device(s)"
        inputs, outputs = len(program.network.inputs), len(program.network.outputs)
        if inputs != 1 or outputs != 1:
            return f"training needs one input and one output; there are {inputs} and {outputs}"
        return _lonely_rows(program)

    def estimate(self, program: Program, device: str) -> Estimate:
        """From the fitted cost of a batch: layers, multiplications, values."""
        alone = TorchEngine("one by one", self.precision, self.graphs)
        return torch_cost.estimate(
            program, device, self.form, lambda small: alone.start(small, device, 1)
        )

    def start(self, program: Program, device: str, threads: int) -> Session:
        """Sends the rows to the device and measures the form where it is open."""
        return TorchSession(program, device, threads, self)


class TorchSession(Session):
    """A program in torch: a store of all members' rows, and lanes that train the active ones.

    Args:
        program: what is trained.
        device: "cpu", "cuda", "cuda:1".
        threads: of torch's operations on the CPU, while a method of this session runs; one where
            the operations are too small for more.
        engine: form, precision and graphs.
    """

    def __init__(self, program: Program, device: str, threads: int, engine: TorchEngine) -> None:
        begin = perf_counter()
        if device == "cpu":
            keep_freed_memory()
        self._program = program
        self._threads = max(1, threads)
        self._epoch = 0
        self._lanes: list[Lane] = []
        self._active: tuple[int, ...] = ()
        self._graphs = GraphMaker(engine.graphs)
        with self._limits():
            self._recipe = Recipe(program, torch.device(device), engine.precision)
            self._store = _start(self._recipe)
            self._set_size(self._members_per_lane(engine.form))
        self._threads = torch_cost.useful_threads(program, self._size, self._threads)
        self._network: NetworkModule | None = None
        self.compile_seconds = perf_counter() - begin

    def advance(self, epochs: int, active: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Trains the active members; see Session.advance.

        Raises:
            TrainingError: more epochs than the program has.
        """
        if self._epoch + epochs > self._program.epochs:
            raise TrainingError(
                f"the program has {self._program.epochs} epochs; {self._epoch} are done, and "
                f"{epochs} more are asked for",
                "start a session with settings of more epochs",
            )
        numbers = tuple(int(n) for n in np.flatnonzero(active))
        costs = np.full((epochs, len(self._program.members)), np.nan)
        with self._limits():
            self._set_lanes(numbers)
            found = [self._train(lane, epochs) for lane in self._lanes]
            for lane, losses in zip(self._lanes, found, strict=True):
                costs[:, list(lane.numbers)] = losses.cpu().numpy()
        self._epoch += epochs
        return costs

    def outputs(self, part: str) -> list[NDArray[np.float32]]:
        """Per member, the network's output on a part of its portion."""
        with self._limits(), torch.no_grad():
            self._write_back()
            features: dict[int, NDArray[np.float32] | NDArray[np.int64]] = {}
            found = []
            for number, member in enumerate(self._program.members):
                if member.portion not in features:
                    portion = self._program.portions[member.portion]
                    features[member.portion] = self._program.prepared(portion, part)
                found.append(self._evaluate(number, features[member.portion]))
        return found

    def weights(self) -> list[Weights]:
        """Per member, parameters and running statistics."""
        self._write_back()
        flat = self._store.weights.cpu().numpy()
        buffers = {name: b.cpu().numpy() for name, b in self._store.buffers.items()}
        return [
            {
                **{n: np.array(v) for n, v in _named(self._recipe, flat[number]).items()},
                **{name: np.array(rows[number]) for name, rows in buffers.items()},
            }
            for number in range(len(self._program.members))
        ]

    def state(self) -> State:
        """Weights, optimiser memory, running statistics, steps, epoch, lanes and threads."""
        self._write_back()
        store = self._store
        arrays = {"weights": store.weights}
        arrays |= {f"memory.{k}": memory for k, memory in enumerate(store.memory)}
        arrays |= {f"buffers.{name}": buffer for name, buffer in store.buffers.items()}
        state: State = {name: np.array(array.cpu().numpy()) for name, array in arrays.items()}
        state["taken"] = store.taken.copy()
        # Sums are rounded in the same order only with the same lanes and threads.
        state["run"] = np.array([self._epoch, self._size, self._threads], dtype=np.int64)
        return state

    def restore(self, state: State) -> None:
        """Goes back to a state; also to its number of members per lane and of threads.

        Raises:
            CheckpointError: arrays are missing or have another shape.
        """
        own = self.state()
        mistakes = [
            name for name in own if name not in state or state[name].shape != own[name].shape
        ]
        if "run" not in mistakes and not _may_run(state["run"]):
            mistakes.append("run")
        if mistakes:
            raise CheckpointError(
                f"this state belongs to another training: {', '.join(mistakes)} do not fit",
                "resume with the same network, data, plan and settings",
            )
        self._lanes, self._active = [], ()
        store = self._store
        store.weights.copy_(_tensor(state["weights"]))
        for k, memory in enumerate(store.memory):
            memory.copy_(_tensor(state[f"memory.{k}"]))
        for name, buffer in store.buffers.items():
            buffer.copy_(_tensor(state[f"buffers.{name}"]))
        store.taken = np.array(state["taken"], dtype=np.int64)
        self._epoch, together, self._threads = (int(v) for v in state["run"])
        self._set_size(together)

    def _train(self, lane: Lane, epochs: int) -> Tensor:
        """(epochs, members of the lane): costs, still on the device."""
        return torch.stack(
            [self._graphs.epoch(lane, self._epoch + number) for number in range(epochs)]
        )

    def _members_per_lane(self, form: str) -> int:
        if form == "one by one":
            return 1
        if form == "auto":
            return torch_forms.choose(self._recipe, self._store)
        return torch_forms.together(self._recipe)

    def _set_size(self, members: int) -> None:
        self._size = members
        self.form = "one by one" if members == 1 else "vectorised"

    def _set_lanes(self, numbers: tuple[int, ...]) -> None:
        """Lanes for the active members; inactive ones rest in the store."""
        if numbers == self._active:
            return
        self._write_back()
        groups = [numbers[k : k + self._size] for k in range(0, len(numbers), self._size)]
        share = 1.0 / max(1, len(groups))
        self._lanes = [Lane(self._recipe, g, self._store.rows(g), share) for g in groups]
        self._active = numbers

    def _write_back(self) -> None:
        for lane in self._lanes:
            self._store.put(lane.numbers, lane.store)

    def _evaluate(
        self, number: int, features: NDArray[np.float32] | NDArray[np.int64]
    ) -> NDArray[np.float32]:
        network = self._program.network
        if self._network is None:
            self._network = NetworkModule(network).to(self._recipe.device).eval()
        slots = {
            **dict(self._network.named_parameters()),
            **dict(self._network.named_buffers()),
        }
        row = _named(self._recipe, self._store.weights[number])
        row |= {name: buffer[number] for name, buffer in self._store.buffers.items()}
        for name, values in row.items():
            slots[name].copy_(values)
        step = max(1, EVALUATED_VALUES // sum(size(s) for s in network.shapes.values()))
        found = [
            self._network(torch.tensor(features[a : a + step], device=self._recipe.device)).cpu()
            for a in range(0, len(features), step)
        ]
        if not found:
            return np.zeros((0, *network.shapes[network.outputs[0]]), dtype=np.float32)
        return np.array(torch.cat(found).numpy(), dtype=np.float32)

    @contextmanager
    def _limits(self) -> Iterator[None]:
        """Threads and cuDNN's repeatable algorithms, for the time of a call."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.backends.cudnn.flags(
                enabled=torch.backends.cudnn.enabled, benchmark=False, deterministic=True
            ):
                yield
        finally:
            torch.set_num_threads(before)


def _start(recipe: Recipe) -> Store:
    """Initial weights of all members, optimiser memory of zeros."""
    program, device = recipe.program, recipe.device
    starts = [program.start_weights(member) for member in program.members]
    flat = np.stack(
        [np.concatenate([w[name].reshape(-1) for name in recipe.parameters]) for w in starts]
    )
    weights = torch.from_numpy(flat).to(device)
    buffers = {
        name: torch.from_numpy(np.stack([w[name] for w in starts])).to(device)
        for name in recipe.buffers
    }
    slots = OPTIMISERS[program.members[0].settings.optimiser].slots
    memory = [torch.zeros_like(weights) for _ in range(slots)]
    return Store(weights, memory, buffers, np.zeros(len(starts), dtype=np.int64))


def _named(recipe: Recipe, flat: Row) -> dict[str, Row]:
    """Parameters by name from a flat row."""
    found, start = {}, 0
    for name, shape in recipe.parameters.items():
        end = start + size(shape)
        found[name] = flat[start:end].reshape(shape)
        start = end
    return found


def _may_run(run: NDArray[np.generic]) -> bool:
    """Whether epoch, members of a lane and threads are what a session can have."""
    epoch, together, threads = (int(value) for value in run)
    return epoch >= 0 and together >= 1 and threads >= 1


def _tensor(array: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.array(array))


def _lonely_rows(program: Program) -> str:
    """A batch of one row has no variance to normalise with."""
    norms = [
        node.label
        for node in program.network.nodes
        if node.layer.kind.startswith("BatchNorm")
        and size(program.network.shapes[node.name][1:]) == 1
    ]
    for member in program.members if norms else ():
        rows = len(program.portions[member.portion].train)
        if (np.diff(member.settings.bounds(rows)) == 1).any():
            return f"{norms[0]} cannot normalise a batch of one row: choose larger batches"
    return ""
