"""Whether members run as one network or one by one: measured once, then remembered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from time import perf_counter, thread_time

import torch

from lamina.nets.layers.base import size
from lamina.training.engines import cost
from lamina.training.engines.torch_lane import Lane, Recipe, Store
from lamina.training.engines.torch_rules import unfoldable

MEMORY_BYTES = 4 << 30
"""Room for the activations of members that run together."""

ROUNDS = 20
SECONDS = 1.0
SHARE = 0.1
"""A probe ends after so many rounds, so long, or this share of the training it serves."""


def together(recipe: Recipe) -> int:
    """Most members that fit into memory as one network; 1 when a layer cannot be folded, or when
    each member sees batches that are changed for itself."""
    program = recipe.program
    count = len(program.members)
    if (
        count == 1
        or program.augment is not None
        or any(unfoldable(step) for step in recipe.steps()[0])
    ):
        return 1
    rows = max(len(program.portions[m.portion].train) for m in program.members)
    batch = int(torch.tensor(program.members[0].settings.bounds(rows)).diff().max())
    values = sum(size(shape) for shape in program.network.shapes.values())
    return max(1, min(count, MEMORY_BYTES // max(1, 8 * batch * values)))


def choose(recipe: Recipe, store: Store) -> int:
    """Members per lane: the faster of one and as many as possible, by measurement.

    The result is kept for this machine, so that a second training of the same kind takes the
    same way and gives the same numbers.
    """
    most = together(recipe)
    if most == 1:
        return 1
    key = _signature(recipe)
    known = cost.recall("forms", key, ("torch",))
    if isinstance(known, int) and 1 <= known <= most:
        return known
    best = measure(recipe, store, (1, most))
    cost.remember("forms", key, best, ("torch",))
    return best


def measure(recipe: Recipe, store: Store, sizes: Sequence[int]) -> int:
    """The lane size with the least time for a batch of all members; copies are trained.

    Both forms are timed in turn over equal work, and the best time of each counts. On the CPU
    it is processor time on one thread, which other processes hardly disturb; further threads
    serve the larger operations of several members at least as well.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measure(recipe, store, sizes)
    finally:
        torch.set_num_threads(threads)


def _measure(recipe: Recipe, store: Store, sizes: Sequence[int]) -> int:
    lanes: dict[int, list[Lane]] = {}
    for count in sizes:
        try:
            lanes[count] = _lanes(recipe, store, count)
            _time(lanes[count], 0)
        except (ValueError, RuntimeError):
            # A layer that cannot be folded shows here; one by one always remains.
            lanes.pop(count, None)
    if len(lanes) < 2:
        return min(lanes, default=1)
    seconds = dict.fromkeys(lanes, float("inf"))
    begin = perf_counter()
    for turn in range(ROUNDS):
        for count, group in lanes.items():
            seconds[count] = min(seconds[count], _time(group, turn))
        whole = min(seconds.values()) * recipe.program.epochs * lanes[1][0].feed.batches
        if turn >= 2 and perf_counter() - begin > min(SECONDS, SHARE * whole):
            break
    return min(seconds, key=lambda count: (seconds[count], -count))


def _lanes(recipe: Recipe, store: Store, size: int) -> list[Lane]:
    """Lanes of all members, ready for their first batch."""
    numbers = range(len(recipe.program.members))
    groups = [numbers[k : k + size] for k in range(0, len(numbers), size)]
    lanes = [Lane(recipe, group, store.rows(group), 0.5 / len(groups)) for group in groups]
    for lane in lanes:
        lane.begin_epoch(0)
    return lanes


def _time(lanes: Sequence[Lane], turn: int) -> float:
    """Seconds of one batch of all members."""
    device = lanes[0].recipe.device
    begin = _now(device)
    for lane in lanes:
        lane.batch(turn % lane.feed.batches)
    return _now(device) - begin


def _now(device: torch.device) -> float:
    """Seconds: of this thread's work on the CPU, of the clock on CUDA."""
    if device.type == "cpu":
        return thread_time()
    torch.cuda.synchronize(device)
    return perf_counter()


def _signature(recipe: Recipe) -> str:
    """What decides the faster form: the shapes of the work, not its data."""
    program = recipe.program
    first = program.members[0].settings
    layers = [
        (node.layer.kind, node.layer.settings(), node.sources, program.network.shapes[node.name])
        for node in program.network.nodes
    ]
    rows = sorted(len(program.portions[m.portion].train) for m in program.members)
    work = (first.batches, first.batch_size, first.optimiser, first.shuffle, program.loss)
    where = (recipe.device.type, recipe.precision)
    text = json.dumps([layers, rows, work, where], default=str)
    return sha256(text.encode()).hexdigest()[:16]
