"""The papers' five experiments: networks, data, folds and hyper-parameter sets, ready to train."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lamina.nets.document import network_from_document, network_to_document
from lamina.nets.network import Network
from lamina.training.program import Member, Portion, Program
from lamina.training.settings import Settings

EXPERIMENTS = {
    "breast-cancer": "papers-1",
    "pima": "papers-2",
    "banknote": "papers-3",
    "grid-stability": "papers-4",
    "bank-marketing": "papers-5",
}
"""Data set -> network of the zoo, in the papers' order."""

PICTURES = "digits-cnn"
"""The convolutional network on scikit-learn's digits, which the papers do not have."""

HYPER_PARAMETERS = {1: (0.1, 0.9), 2: (0.01, 0.9), 3: (0.01, 0.1), 4: (0.1, 0.1)}
"""The papers' sets: number -> (learning rate, momentum)."""

GROUPS = {
    "I": "train and test, hyper-parameter set 1",
    "II": "5-fold cross validation, hyper-parameter set 1",
    "III": "5-fold cross validation for each of the four hyper-parameter sets",
}

BATCHES = 6
FOLDS = 5
TEST_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Case:
    """One experiment with its data in memory.

    Args:
        name: of the data set.
        network: one of the papers' dense networks.
        features: (rows, inputs) float64, as read.
        targets: (rows, 1) float32, 0 or 1.
        portions: the holdout first, then the folds; each with the normalisation that was
            fitted on its training rows.
    """

    name: str
    network: Network
    features: NDArray[np.float64]
    targets: NDArray[np.float32]
    portions: tuple[Portion, ...]

    def program(self, group: str, epochs: int, seed: int) -> Program:
        """The trainings of a group as one program; member k of a fold has seed + fold."""
        portions = self.portions[:1] if group == "I" else self.portions[1:]
        numbers = tuple(HYPER_PARAMETERS) if group == "III" else (1,)
        members = tuple(
            Member(
                f"set {number}, part {index + 1}", index, hyper(number, epochs, seed), seed + index
            )
            for number in numbers
            for index in range(len(portions))
        )
        return Program(self.network, self.features, self.targets, portions, members, "bce")

    def flops(self) -> int:
        """Operations of one training row of one epoch: those of the matrix products that are done.

        Two per weight, three times (forward, gradient of the weights, gradient of the inputs),
        but for the gradient of the network's own inputs, which nobody needs. Biases, activations,
        the loss and the optimiser are not counted.
        """
        weights = [s[0] * s[1] for s in self.network.parameters().values() if len(s) == 2]
        return 6 * sum(weights) - 2 * weights[0]

    def save(self, path: Path) -> None:
        """Writes the case as an npz, for the processes that measure."""
        arrays: dict[str, NDArray[np.generic]] = {
            "features": self.features,
            "targets": self.targets,
        }
        for number, portion in enumerate(self.portions):
            arrays[f"train{number}"] = portion.train
            arrays[f"test{number}"] = portion.test
            arrays[f"shift{number}"] = np.asarray(portion.shift)
            arrays[f"scale{number}"] = np.asarray(portion.scale)
        head = {"name": self.name, "network": network_to_document(self.network)}
        with path.open("wb") as file:
            np.savez(file, head=np.array(json.dumps(head)), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Case:
        """Reads what `save` wrote."""
        with np.load(path) as stored:
            head = json.loads(str(stored["head"]))
            count = sum(name.startswith("train") for name in stored.files)
            portions = tuple(
                Portion(
                    train=stored[f"train{number}"],
                    test=stored[f"test{number}"],
                    validation=np.empty(0, np.int64),
                    shift=stored[f"shift{number}"],
                    scale=stored[f"scale{number}"],
                )
                for number in range(count)
            )
            network = network_from_document(head["network"])
            return cls(head["name"], network, stored["features"], stored["targets"], portions)


def hyper(number: int, epochs: int, seed: int) -> Settings:
    """Settings of a hyper-parameter set of the papers."""
    learning_rate, momentum = HYPER_PARAMETERS[number]
    return Settings(
        epochs=epochs,
        batches=BATCHES,
        loss="bce",
        learning_rate=learning_rate,
        momentum=momentum,
        seed=seed,
    )


def cut(
    name: str,
    network: Network,
    features: NDArray[np.float64],
    targets: NDArray[np.int64],
    seed: int,
) -> Case:
    """A case from raw features and 0/1 targets: stratified holdout and folds by the seed."""
    from lamina.data.split import holdout, kfold

    rows = len(features)
    parts = [
        holdout(rows, TEST_SHARE, seed, labels=targets),
        *kfold(rows, FOLDS, seed, labels=targets),
    ]
    portions = tuple(_portion(features, train, test) for train, test in parts)
    column = targets.astype(np.float32).reshape(-1, 1)
    return Case(name, network, np.asarray(features, np.float64), column, portions)


def read(name: str, seed: int) -> Case:
    """A case of the papers from the catalogue's data.

    Raises:
        DataError: the data are neither in the mirror nor in the cache.
    """
    from lamina.data.prepare import learn
    from lamina.data.sources import catalogue, load
    from lamina.nets.document import read_network

    source = catalogue()[name]
    _, prepared = learn(load(name, offline=True), source.target, kind="binary")
    network = read_network(EXPERIMENTS[name])
    return cut(name, network, prepared.features, np.asarray(prepared.targets, np.int64), seed)


def _portion(
    features: NDArray[np.float64], train: NDArray[np.int64], test: NDArray[np.int64]
) -> Portion:
    from lamina.data.normalise import fit_normalisation

    shift, scale = fit_normalisation("min-max", features[train])
    return Portion(train, test, np.empty(0, np.int64), shift, scale)
