"""Epochs as CUDA graphs: captured once, then started with a single call."""

from __future__ import annotations

import torch
from torch import Tensor

from lamina.training.engines.torch_lane import Lane

MOST_BATCHES = 512
"""Epochs of more batches are not captured: the graph itself would fill memory."""


class GraphMaker:
    """Runs epochs; on CUDA the first of a lane as it is, the following as a graph.

    Args:
        wanted: False runs every epoch as it is.
    """

    def __init__(self, wanted: bool = True) -> None:
        self._wanted = wanted and torch.cuda.is_available()

    def epoch(self, lane: Lane, epoch: int) -> Tensor:
        """One epoch of a lane; returns each member's mean loss, (members,)."""
        if not (self._wanted and lane.capturable and lane.feed.batches <= MOST_BATCHES):
            return lane.epoch(epoch)
        if lane.graph is None and lane.warm:
            self._capture(lane)
        if lane.graph is not None:
            return lane.epoch(epoch)
        return self._warm_up(lane, epoch)

    def _warm_up(self, lane: Lane, epoch: int) -> Tensor:
        """A real epoch on a side stream, on which libraries allocate what they need."""
        device = lane.recipe.device
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            losses = lane.epoch(epoch)
        torch.cuda.current_stream(device).wait_stream(side)
        lane.warm = True
        return losses

    def _capture(self, lane: Lane) -> None:
        """Records an epoch without running it; what cannot be recorded runs as it is."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.device(lane.recipe.device), torch.cuda.graph(graph):
                lane.batches()
        except RuntimeError:
            torch.cuda.synchronize(lane.recipe.device)
            self._wanted = False
            return
        lane.graph = graph
