"""PyTorch as well as a plain loop can be written: all tensors in memory, batches cut once."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import final

import torch
from torch import nn

from lamina.benchmark.peers.base import Floats, Lesson, Peer, Trained
from lamina.benchmark.peers.torch_modules import dense, probabilities


@final
class TorchMemory(Peer):
    """Batches are slices made before the first epoch; the loss is taken from logits."""

    def train(self, lesson: Lesson) -> Trained:
        """Trains one network."""
        torch.set_num_threads(lesson.threads)
        network = dense(lesson, sigmoid=False)
        loss = nn.BCEWithLogitsLoss()
        optimiser = torch.optim.SGD(
            network.parameters(),
            lr=lesson.learning_rate,
            momentum=lesson.momentum,
            fused=True,
        )
        features = torch.from_numpy(lesson.features)
        targets = torch.from_numpy(lesson.targets).unsqueeze(1)
        edges = lesson.bounds.tolist()
        batches = [(features[begin:end], targets[begin:end]) for begin, end in pairwise(edges)]
        start = time.perf_counter()
        for _ in range(lesson.epochs):
            for rows, wanted in batches:
                optimiser.zero_grad(set_to_none=True)
                loss(network(rows), wanted).backward()
                optimiser.step()
        seconds = time.perf_counter() - start

        def predict(rows: Floats) -> Floats:
            return probabilities(nn.Sequential(network, nn.Sigmoid()), rows)

        return Trained(seconds, 0.0, predict)
