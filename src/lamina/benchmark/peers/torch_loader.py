"""PyTorch as most tutorials write it: a DataLoader that shuffles and collates row by row."""

from __future__ import annotations

import time
from typing import final

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lamina.benchmark.peers.base import Floats, Lesson, Peer, Trained
from lamina.benchmark.peers.torch_modules import dense, probabilities


@final
class TorchLoader(Peer):
    """TensorDataset, DataLoader(shuffle=True), BCELoss and SGD, epoch by epoch."""

    def train(self, lesson: Lesson) -> Trained:
        """Trains one network; the loader has no worker processes, as is its default."""
        torch.set_num_threads(lesson.threads)
        torch.manual_seed(lesson.seed)
        network = dense(lesson, sigmoid=True)
        loss = nn.BCELoss()
        optimiser = torch.optim.SGD(
            network.parameters(), lr=lesson.learning_rate, momentum=lesson.momentum
        )
        rows = TensorDataset(
            torch.from_numpy(lesson.features), torch.from_numpy(lesson.targets).unsqueeze(1)
        )
        loader = DataLoader(rows, batch_size=lesson.batch_size, shuffle=True)
        start = time.perf_counter()
        for _ in range(lesson.epochs):
            for features, targets in loader:
                optimiser.zero_grad()
                cost = loss(network(features), targets)
                cost.backward()
                optimiser.step()
        seconds = time.perf_counter() - start

        def predict(features: Floats) -> Floats:
            return probabilities(network, features)

        return Trained(seconds, 0.0, predict)
