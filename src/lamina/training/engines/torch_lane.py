"""A lane: members that train together as one network, or a member by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lamina.nets.layers import Shape
from lamina.training.engines.torch_data import Feed, Pool, rows_last
from lamina.training.engines.torch_losses import row_loss
from lamina.training.engines.torch_members import FoldedNetwork, LaneContext, first_layout
from lamina.training.engines.torch_parts import PartOptimisers, runs_of
from lamina.training.engines.torch_rules import Function, draws_inside
from lamina.training.engines.torch_steps import BATCH_NORMS, Step, training_steps
from lamina.training.parts import frozen_layers
from lamina.training.program import Member, Program


class Recipe:
    """What all lanes of a session have in common.

    Args:
        program: what is trained.
        device: where.
        precision: "float32", or "bfloat16" for autocast on CUDA.
    """

    def __init__(self, program: Program, device: torch.device, precision: str) -> None:
        self.program = program
        self.device = device
        self.precision = precision
        self.source = program.network.inputs[0].name
        self.parameters = program.network.parameters()
        self.buffers = program.network.buffers()
        self.runs = runs_of(program)
        self.trained = tuple(name for run in self.runs for name in run.arrays)
        self.frozen = frozen_layers(program.network, program.members[0].settings)
        self.pool = Pool(program, device)

    def steps(self) -> tuple[list[Step], str]:
        """Fresh modules for a lane, and the name of the value that the loss reads."""
        return training_steps(self.program.network, self.program.loss, self.frozen)

    def autocast(self) -> AbstractContextManager[object]:
        """Mixed precision where it is asked for."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


class Store:
    """Weights, running statistics and optimiser memory of members, one row each.

    Args:
        weights: (members, values): all parameters of a member one after the other.
        memory: the optimiser's arrays, shaped like weights.
        buffers: running statistics by name, (members, *shape).
        taken: steps that each member has taken.
    """

    def __init__(
        self,
        weights: Tensor,
        memory: list[Tensor],
        buffers: dict[str, Tensor],
        taken: NDArray[np.int64],
    ) -> None:
        self.weights = weights
        self.memory = memory
        self.buffers = buffers
        self.taken = taken

    def rows(self, members: Sequence[int]) -> Store:
        """A copy of some members' rows."""
        index = list(members)
        return Store(
            self.weights[index],
            [m[index] for m in self.memory],
            {name: b[index] for name, b in self.buffers.items()},
            self.taken[index],
        )

    def put(self, members: Sequence[int], other: Store) -> None:
        """Takes some members' rows from another store."""
        index = list(members)
        self.weights[index] = other.weights
        for mine, theirs in zip(self.memory, other.memory, strict=True):
            mine[index] = theirs
        for name, theirs in other.buffers.items():
            self.buffers[name][index] = theirs
        self.taken[index] = other.taken


class Lane:
    """Members that run together; reads from top to bottom in `epoch`.

    Args:
        recipe: what all lanes share.
        numbers: which members of the program.
        store: their rows; changed in place.
        share: part of the room for laid-out batches that this lane may take.

    Raises:
        ValueError: more than one member, and a layer that can only run for one at a time.
    """

    def __init__(
        self, recipe: Recipe, numbers: Sequence[int], store: Store, share: float = 1.0
    ) -> None:
        program, count = recipe.program, len(numbers)
        self.numbers = tuple(numbers)
        self.store = store
        self.recipe = recipe
        members = [program.members[n] for n in numbers]
        steps, end = recipe.steps()
        alike = len({m.portion for m in members}) == 1 and members[0].settings.shuffle != "epoch"
        layout = "rows" if count == 1 else first_layout(steps, recipe.source, alike)
        self.feed = Feed(recipe.pool, members, layout, share)
        leaves = _leaves(store.weights, recipe.parameters, recipe.trained)
        arrays = {**leaves, **store.buffers}
        self._dice = Dice(members, recipe.device, any(map(_is_dropout, steps)))
        self._mask: Tensor | None = None
        self._rows = self.feed.cuts.sizes[0]
        self._epoch = 0
        self._run: Function
        if count == 1:
            self._run = single = SingleNetwork(steps, end, recipe.source, arrays, self._drop)
            leaves = single.leaves
        else:
            context = LaneContext(count, arrays, lambda: self._mask, self._drop)
            self._run = FoldedNetwork(steps, end, recipe.source, layout, context)
        self._augment, self._seed = program.augment, members[0].seed
        self._draws_inside = any(draws_inside(step.module) for step in steps)
        self._needs_mask = any(isinstance(s.module, BATCH_NORMS) for s in steps) and count > 1
        self._loss = _loss(program, members, recipe.device)
        settings = [m.settings for m in members]
        self.optimiser = PartOptimisers(recipe.runs, store.weights, store.memory, settings, numbers)
        self.optimiser.taken = store.taken
        self._leaves = [leaves[name] for name in recipe.trained]
        self._losses = torch.zeros(count, int(self.feed.cuts.starts[-1]), device=recipe.device)
        live = torch.from_numpy(self.feed.cuts.live).to(recipe.device)
        self._live = [None if row.all() else row[:, None] for row in live]
        self.graph: torch.cuda.CUDAGraph | None = None
        self.warm = False

    def begin_epoch(self, epoch: int) -> None:
        """Lays out what changes from epoch to epoch: order, numbers of the steps, seeds."""
        self._epoch = epoch
        self.feed.begin_epoch(epoch)
        self.optimiser.begin_epoch(epoch, self.feed.cuts.live)
        self.store.taken = self.optimiser.taken
        self._dice.begin_epoch(epoch)

    def epoch(self, epoch: int) -> Tensor:
        """Trains one epoch; returns each member's mean loss over it, (members,)."""
        self.begin_epoch(epoch)
        if self._draws_inside:
            with self._dice.global_seed(epoch):
                self.batches()
        elif self.graph is not None:
            self.graph.replay()
        else:
            self.batches()
        return (self._losses * self.feed.shares).sum(dim=1)

    def batches(self) -> None:
        """All batches of an epoch: forward, backward, step. Nothing returns to the host."""
        for number in range(self.feed.batches):
            self.batch(number)

    def batch(self, number: int) -> None:
        """One batch."""
        start, end = self.feed.spans[number]
        x, y = self.feed.batch(number)
        if self._augment is not None:
            x = rows_last(self._augment(x, _mixed(self._seed, self._epoch, number)))
        self._rows = self.feed.cuts.sizes[number]
        masked = self._needs_mask and self.feed.padded[number]
        self._mask = self.feed.real[:, start:end] if masked else None
        with self.recipe.autocast():
            values = self._run(x)
        losses = self._loss(values.float(), y)
        weights = self.feed.weights[:, start:end].view(losses.shape)
        gradients = torch.autograd.grad(losses, self._leaves, weights)
        with torch.no_grad():
            self._losses[:, start:end] = losses
            named = dict(zip(self.recipe.trained, gradients, strict=True))
            self.optimiser.step(number, named, self._live[number])

    @property
    def capturable(self) -> bool:
        """Whether an epoch can become a CUDA graph: nothing is drawn within it."""
        drawn = self._draws_inside or self._dice.used or self._augment is not None
        return self.recipe.device.type == "cuda" and not drawn

    def _drop(self, shape: Shape, probability: float) -> Tensor:
        return self._dice.mask(self._rows, shape, probability)


class SingleNetwork:
    """The steps of a network for one member, in torch's own modules.

    Args:
        steps: in order; their modules take the arrays over.
        end: the value that the loss reads.
        source: name of the network's input.
        arrays: parameters and running statistics by name, (1, *shape).
        drop: makes a dropout mask (1, rows, *shape).
    """

    def __init__(
        self,
        steps: Sequence[Step],
        end: str,
        source: str,
        arrays: Mapping[str, Tensor],
        drop: Function,
    ) -> None:
        self._source, self._end = source, end
        self._run: list[tuple[str, Function, tuple[str, ...]]] = []
        self.leaves: dict[str, Tensor] = {}
        for step in steps:
            names = (*step.layer.parameters(step.inputs), *step.layer.buffers(step.inputs))
            for name in names:
                full = f"{step.name}.{name}"
                own = _take_over(step.module, name, arrays[full])
                self.leaves[full] = own.requires_grad_(own.requires_grad and not step.frozen)
            # A frozen batch normalisation uses its running statistics and leaves them alone.
            still = step.frozen and isinstance(step.module, BATCH_NORMS)
            function: Function = step.module.train(not still)
            if _is_dropout(step):
                function = _dropping(step.output, float(getattr(step.module, "p", 0.0)), drop)
            self._run.append((step.name, function, step.sources))

    def __call__(self, x: Tensor) -> Tensor:
        """Features (rows, ...) -> values (rows, ...) for the loss."""
        values = {self._source: x}
        for name, function, sources in self._run:
            values[name] = function(*(values[source] for source in sources))
        return values[self._end]


class Dice:
    """Random numbers of dropout: per member and epoch, whatever was drawn before."""

    def __init__(self, members: Sequence[Member], device: torch.device, used: bool) -> None:
        self._seeds = [member.seed for member in members]
        self._device = device
        self._generators = [torch.Generator(device) for _ in members]
        self.used = used

    def begin_epoch(self, epoch: int) -> None:
        """Seeds the generators for an epoch."""
        if self.used:
            for seed, generator in zip(self._seeds, self._generators, strict=True):
                generator.manual_seed(_mixed(seed, epoch))

    def mask(self, rows: NDArray[np.int64], shape: Shape, probability: float) -> Tensor:
        """Zeros with a probability, 1 / (1 - probability) elsewhere.

        Args:
            rows: of each member; the mask is filled up with zeros to the longest.
            shape: of one row.
            probability: of a zero.
        """
        mask = torch.zeros(len(rows), int(rows.max()), *shape, device=self._device)
        for one, count, generator in zip(mask, rows, self._generators, strict=True):
            one[:count].bernoulli_(1.0 - probability, generator=generator)
        return mask.div_(1.0 - probability) if probability < 1.0 else mask

    def global_seed(self, epoch: int) -> AbstractContextManager[object]:
        """For layers that draw from torch's own generator, which is put back afterwards."""
        return _Seeded(_mixed(self._seeds[0], epoch), self._device)


class _Seeded(AbstractContextManager[object]):
    def __init__(self, seed: int, device: torch.device) -> None:
        self._seed = seed
        self._fork = torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])

    def __enter__(self) -> object:
        self._fork.__enter__()
        torch.manual_seed(self._seed)
        return self

    def __exit__(self, *exception: object) -> None:
        self._fork.__exit__(None, None, None)


def _mixed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _dropping(shape: Shape, probability: float, drop: Function) -> Function:
    return lambda x: x * drop(shape, probability)[0]


def _leaves(
    weights: Tensor, shapes: Mapping[str, Shape], trained: Sequence[str]
) -> dict[str, Tensor]:
    """Each parameter as a leaf of autograd that shares memory with the flat weights."""
    learn = frozenset(trained)
    found, start = {}, 0
    for name, shape in shapes.items():
        width = int(np.prod(shape, dtype=np.int64))
        part = weights[:, start : start + width].view(len(weights), *shape)
        found[name] = part.detach().requires_grad_(name in learn)
        start += width
    return found


def _take_over(module: nn.Module, name: str, array: Tensor) -> Tensor:
    """Puts an array of one member, (1, *shape), in the place of a module's own."""
    path, _, last = name.rpartition(".")
    home = module.get_submodule(path)
    own = array.detach()[0]
    if last in home._buffers:
        home._buffers[last] = own
    else:
        setattr(home, last, own := nn.Parameter(own))
    return own


def _is_dropout(step: Step) -> bool:
    return type(step.module) is nn.Dropout and step.module.p > 0.0


def _loss(program: Program, members: Sequence[Member], device: torch.device) -> Function:
    deltas = [m.settings.huber_delta for m in members]
    delta: float | Tensor = deltas[0]
    rank = len(program.network.shapes[program.network.outputs[0]])
    if len(set(deltas)) > 1:
        delta = torch.tensor(deltas, device=device).view(-1, 1, *[1] * rank)
    loss = program.loss
    folded = program.network[program.network.outputs[0]].layer.kind == "Sigmoid"
    return row_loss(
        "bce-logits" if loss == "bce" and folded else loss, 1 if len(members) == 1 else 2, delta
    )
