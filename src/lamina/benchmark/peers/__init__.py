"""The table of peers: name -> class, one file each, and what is said of them without loading."""

from __future__ import annotations

from dataclasses import dataclass

from lamina.benchmark.peers.base import Lesson, Peer, Trained
from lamina.registry import Registry

PEERS: Registry[type[Peer]] = Registry(
    "peers",
    "peer",
    {
        "torch-loader": "lamina.benchmark.peers.torch_loader:TorchLoader",
        "torch-memory": "lamina.benchmark.peers.torch_memory:TorchMemory",
        "sklearn": "lamina.benchmark.peers.scikit:ScikitLearn",
        "jax": "lamina.benchmark.peers.jax_scan:JaxScan",
    },
    extras={
        "torch-loader": "torch",
        "torch-memory": "torch",
        "sklearn": "peers",
        "jax": "peers",
    },
)


@dataclass(frozen=True)
class Card:
    """A peer in brief: title, the module that must be installed, the papers' groups it runs."""

    title: str
    library: str = ""
    groups: tuple[str, ...] = ("I", "II")


CARDS = {
    "torch-loader": Card("PyTorch, DataLoader loop", "torch", ("I",)),
    "torch-memory": Card("PyTorch, data in memory", "torch"),
    "sklearn": Card("scikit-learn, MLPClassifier", "sklearn"),
    "jax": Card("JAX, whole training in one scan", "jax"),
}


def card(name: str) -> Card:
    """The card of a peer; of a plug-in's peer, its name alone."""
    return CARDS.get(name, Card(name))


__all__ = ["CARDS", "PEERS", "Card", "Lesson", "Peer", "Trained", "card"]
